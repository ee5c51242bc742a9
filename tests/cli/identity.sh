# A study goes on with the data that it was begun with, and with no others, whatever they are called: the data folder set
# and emptied, a trace edited, a profile edited, a program with another kernel number. The same for leaderboards that are
# ranked together, and for reports.
source "$(dirname "$0")/check.sh"
cd "$scratch"
search() {  # OUT MORE...
  "$switchyard" search --policy hra --method random --trials 2 --train-seeds 1-2 --held-out-seeds 101-102 --validation-seeds 51 \
    --threads 1 --quiet --out "$@" >table
}
refused() {  # PATTERN WORDS...
  if "${@:2}" >out 2>err; then fail "accepted: ${*:2}"; fi
  holds err "$1"
  [ "$(wc -l <err)" -eq 1 ] || fail "not one line: $(cat err)"
}
# refuses_all PATTERN: what was made before (in before/) and after (in after/) is not mixed; `again` would go on with it.
refuses_all() {
  cp -r before resumed
  refused "--resume: the study was started on something else: they differ in $1" again resumed --resume
  diff -r before resumed || fail "a refused --resume changed the study"
  again after
  refused "leaderboard: .* cannot be ranked together: they differ in $1" "$switchyard" leaderboard before after
  refused "report: 'before' and 'after' cannot be shown together: they differ in $1" "$switchyard" report before after --out page.html
  [ ! -e page.html ] || fail "a page was written"
  rm -rf before after resumed
}
digest='k[0-9]+-c[0-9a-f]{16}-t[0-9a-f]{16}-w[0-9a-f]{16}'
rows="the workload's rows \\(w[0-9a-f]+ and w[0-9a-f]+\\)"

# A trace edited: its last row is in no training seed.
trace() { awk -v last="$1" 'BEGIN {print "arrived_at,num_prefill_tokens,num_decode_tokens"
  for (i = 0; i < 300; ++i) print i / 2 ",", 100 + i % 7 * 50 ",", i == 299 ? last : 20 + i % 5 * 30}' | tr -d ' '; }
trace 33 >t.csv
again() { search "$1" --workload t.csv "${@:2}"; }
again before
for file in leaderboard.md leaderboard.csv leaderboard.json config.json study.json; do holds "before/$file" "$digest"; done
"$switchyard" study show before >shown && holds shown "^digest $digest\$"
# Data are what they are wherever they lie and whatever they are called; the study is the same then.
mkdir elsewhere && cp t.csv elsewhere/other.csv
cp -r before moved
search moved --workload elsewhere/other.csv --resume
holds moved/timings.json '"replays": 0'
"$switchyard" leaderboard before moved >both && same both <("$switchyard" leaderboard before)
trace 34 >t.csv
refuses_all "$rows"

# A profile edited.
cp "$(dirname "$0")/../../core/data/profile_a100-llama2-7b.json" profile.json
again() { search "$1" --scenario azure-conv --duration 30 --profile profile.json "${@:2}"; }
again before
python3 - <<'END'
import json
profile = json.load(open("profile.json"))
profile["token_operators"] = [[tokens, 1.5 * time] for tokens, time in profile["token_operators"]]
json.dump(profile, open("profile.json", "w"))
END
refuses_all "the batch times \\(t[0-9a-f]+ and t[0-9a-f]+\\)"

# The data folder: the embedded model of a trace, then the trace under the same name.
mkdir -p data/traces
trace 33 >data/traces/splitwise_conv.csv
again() { SWITCHYARD_DATA=$data search "$1" --scenario azure-conv --duration 30 "${@:2}"; }
data= again before
export data=$scratch/data
refuses_all "$rows"
again before
export data=
refuses_all "$rows"

# A program with another kernel number: what this one left, as if another had.
again() { search "$1" --scenario azure-conv --duration 30 "${@:2}"; }
again before
python3 - <<'END'
import json, re, sqlite3
for name in ["config.json", "leaderboard.json"]:
    text = open("before/" + name).read()
    open("before/" + name, "w").write(re.sub(r'"k[0-9]+-', '"k999-', text))
with sqlite3.connect("before/study.db") as store:
    (config,) = store.execute("SELECT json FROM config").fetchone()
    store.execute("INSERT INTO config VALUES (?)", [re.sub(r'"k[0-9]+-', '"k999-', config)])
END
refuses_all "the program's kernel number \\(999 and [0-9]+\\)"

# Options that differ are named as such, and old folders, which have no digest, are still shown.
again before
refused "--resume: scenario field cluster/replicas: the study was started with 4, not 5" again before --resume --replicas 5
python3 - <<'END'
import json
board = json.load(open("before/leaderboard.json"))
del board["digest"]
json.dump(board, open("before/leaderboard.json", "w"))
config = json.load(open("before/config.json"))
del config["resolved"]
json.dump(config, open("before/config.json", "w"))
END
again after
"$switchyard" leaderboard before after >shown
"$switchyard" report before after --out page.html

# Relative paths in a configuration are relative to it, so that a folder of results can be moved with its data.
mkdir -p a/b && trace 33 >a/t.csv
(cd a && "$switchyard" run --workload t.csv --policy llq --out b/run >/dev/null)
holds a/b/run/config.json '"trace": "../../t.csv"'
mv a moved_away
"$switchyard" run --config moved_away/b/run/config.json --json >again.json
same again.json moved_away/b/run/summary.json
printf '{"name": "mine", "workload": {"trace": "t.csv"}}' >moved_away/mine.json
"$switchyard" run --scenario moved_away/mine.json --seed 0 --policy llq --json >again.json
same again.json moved_away/b/run/summary.json
printf 'workload = t.csv\npolicy = llq\njson = yes\n' >moved_away/flags.conf
"$switchyard" run --config moved_away/flags.conf >again.json
same again.json moved_away/b/run/summary.json

# Suites, too: of a scenario whose batch times were edited in between.
cp "$(dirname "$0")/../../core/data/profile_a100-llama2-7b.json" profile.json
own_suite() { "$switchyard" suite "$1" --scenarios own.json --threads 1 --quiet --out "$2" >table; }
cat >own.json <<'END'
{"name": "own", "cluster": {"replica_scheduler": "vllm_v0"}, "cost": {"profile": "profile.json"},
 "workload": {"trace": "t.csv"}, "seeds": {"held_out_seeds": "101-102"}}
END
own_suite llq suite1
holds suite1/suite.json "\"digest\": \"$digest\""
own_suite lor suite2
"$switchyard" leaderboard suite1 suite2 >table && holds table lor
python3 - <<'END'
import json
profile = json.load(open("profile.json"))
profile["token_operators"] = [[tokens, 1.5 * time] for tokens, time in profile["token_operators"]]
json.dump(profile, open("profile.json", "w"))
END
own_suite lor suite3
refused "leaderboard: 'suite1' and 'suite3' cannot be ranked together: in 'own' they differ in the batch times" "$switchyard" leaderboard suite1 suite3
"$switchyard" sweep --scenario own.json --policy llq --time-scale 1,1.5 --threads 1 --quiet --out swept >table
holds swept/sweep.json "\"$digest\""

# Seeds that differ are named, and the folders that they are from.
tuned() { "$switchyard" search --scenario azure-conv --duration 10 --policy hra --method random --trials "${trials:-2}" --validation-seeds 51 --quiet "$@" >table; }
tuned --train-seeds 1-2 --held-out-seeds 101-102 --out two
tuned --train-seeds 1-3 --held-out-seeds 101-102 --out three
tuned --train-seeds 1-2 --held-out-seeds 101-103 --out judged
refused "leaderboard: 'two' and 'three' cannot be ranked together: they differ in the training seeds \(1-2 and 1-3\)$" "$switchyard" leaderboard two three
refused "leaderboard: 'two' and 'judged' cannot be ranked together: they differ in .*\(.* and .*\)$" "$switchyard" leaderboard two two judged
"$switchyard" leaderboard two two >table
suited() { "$switchyard" suite llq --scenarios "$1" --seeds "$2" --quiet "${@:3}" >table; }
suited azure-conv 101-102 --out one_suite
suited azure-conv 101-103 --out other_suite
suited azure-conv 101-102 --constraint 'p99_e2e_s<=99' --out limited_suite
refused "leaderboard: 'one_suite' and 'other_suite' cannot be ranked together: .*\(.* and .*\)" "$switchyard" leaderboard one_suite other_suite
refused "leaderboard: 'one_suite' and 'limited_suite' cannot be ranked together: they differ in the constraints \(none and p99_e2e_s<=99\)" "$switchyard" leaderboard one_suite limited_suite

# A message names the flag that was given.
trials=1 refused "^switchyard: error: --resume: --trials: the study was started with 4 replays, not 2: a budget can grow" tuned --train-seeds 1-2 --held-out-seeds 101-102 --out two --resume
