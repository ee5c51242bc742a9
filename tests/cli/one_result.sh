# A folder holds one result: a second is refused, or takes its place whole; a run that fails leaves the first as it was.
source "$(dirname "$0")/check.sh"
fixtures=$PWD
cd "$scratch"
short="--scenario azure-conv --duration 30"
refused() {  # PATTERN WORDS...
  if "${@:2}" >out 2>err; then fail "accepted: ${*:2}"; fi
  holds err "$1"
}
# shellcheck disable=SC2086
run() { "$switchyard" run $short "$@" >table; }
# shellcheck disable=SC2086
search() { "$switchyard" search $short --policy hra --method random --train-seeds 1-2 --held-out-seeds 101-102 --validation-seeds 51 --quiet "$@" >table; }
run --policy llq --out m
cp -r m first
refused "--out: 'm' holds a run already \(summary.json\): choose another folder, or --force to replace it" run --policy lor --out m
refused "--out: 'm' holds a run already" search --trials 2 --out m
refused "--out: 'm' holds a run already" search --trials 2 --out m --resume
refused "--out: 'm' holds a run already" "$switchyard" suite llq --scenarios azure-conv --seeds 101 --quiet --out m
refused "stalled" run --policy 'hra(decode_ratio=4,safety=0.5)' --num-blocks 300 --out m --force
refused "nowhere.csv" run --policy llq --workload nowhere.csv --out m --force
diff -r first m || fail "what was refused changed the folder"
"$switchyard" report m --out page.html
run --policy lor --out m --force
run --policy lor --out lor
diff -r lor m || fail "--force mixes two runs"
refused "--force: needs --out" run --policy llq --force

# Suite and sweep go on with the replays that they know, by what decides them: other policies cost their own only.
suite() { "$switchyard" suite "$1" --scenarios azure-code,azure-conv --seeds 101-102 --threads 1 "${@:2}" >table; }
suite llq --out suite --quiet
suite llq,lor --out whole --quiet
refused "--out: 'suite' holds a suite already" suite llq,lor --out suite
suite llq,lor --out suite --resume --quiet
for file in suite.json suite.csv suite.md; do same "suite/$file" "whole/$file"; done
python3 - <<'END' || fail "suite --resume"
import sqlite3
counts = [sqlite3.connect(f + "/replays.db").execute("SELECT count(*) FROM replays").fetchone()[0] for f in ("suite", "whole")]
assert counts[0] == counts[1], counts
END
# shellcheck disable=SC2086
sweep() { "$switchyard" sweep $short --policy llq,lor --qps "$1" --held-out-seeds 101-102 --quiet "${@:2}" >table; }
sweep 2,4 --out sweep
sweep 2,4,8 --out sweep --resume
sweep 2,4,8 --out swept
for file in sweep.json sweep.csv sweep.md; do same "sweep/$file" "swept/$file"; done
refused "--force: contradicts --resume" sweep 2,4 --out sweep --resume --force
sweep 2,4 --out sweep --force
same <(wc -l <sweep/sweep.csv) <("$switchyard" sweep $short --policy llq,lor --qps 2,4 --held-out-seeds 101-102 --quiet --format csv | wc -l)

# A finished study can be given a larger budget: what comes of it is what the larger one gives from the start.
for method in race random; do
  budget() { search --method "$method" "$@"; }
  search() { "$switchyard" search $short --policy hra --train-seeds 1-2 --held-out-seeds 101-102 --validation-seeds 51 --quiet "$@" >table; }
  budget --replays 20 --out "$method"
  refused "--resume: --replays: the study was started with 20, not 10: a budget can grow, not shrink" budget --replays 10 --out "$method" --resume
  budget --replays 60 --out "$method" --resume
  cp table resumed_table
  budget --replays 60 --out "$method-whole"
  same table resumed_table
  diff -r --exclude=timings.json --exclude=study.db "$method" "$method-whole" || fail "$method: a larger budget ends otherwise"
  same <("$switchyard" study best "$method") <("$switchyard" study best "$method-whole")
done

# What --resume goes on with is the command's own: another's result stays, and is named as what it is.
held="--out: 'kept' holds a sweep already \(sweep.json\): choose another folder, or --force to replace it$"
cp -r sweep kept
plan() { "$switchyard" plan --scenario azure-conv --policy llq --counts 1-2 --constraint 'p99_e2e_s<=20' --quiet "$@" >table; }
refused "$held" plan --out kept --resume
refused "$held" plan --out kept
refused "$held" suite llq --out kept --resume --quiet
refused "holds a sweep already \(sweep.json\): .*--resume to go on with it" sweep 2,4 --out kept
rm kept/sweep.*
refused "holds replays of a suite, sweep or plan already \(replays.db\)" plan --out kept
cp -r suite suite_and_replays
refused "--out: 'suite_and_replays' holds a suite already \(suite.json\)" sweep 2,4 --out suite_and_replays --resume
diff -r suite suite_and_replays || fail "what was refused changed the folder"

# Nothing is written over a part of a result, nor twice to one file.
cp -r lor before
refused "--event-log: 'twice/summary.json' is a file of --out's result, too" run --policy llq --out twice --event-log twice/summary.json
refused "--timeline: '.*/twice/config.json' is a file of --out's result" run --policy llq --out twice --timeline "$PWD/x/../twice/config.json"
[ ! -e twice ] || fail "a refused run left a folder"
refused "--timeline: 'lor/config.json' is part of a run" run --policy llq --timeline lor/config.json
refused "--event-log: 'lor/study.json' is a file of --out's result" run --policy llq --out lor --force --event-log lor/study.json
refused "--out: 'lor/states.json' is part of a run" "$switchyard" workload generate --scenario azure-conv --out lor/states.json
refused "--out: 'lor/states.json' is part of a run" "$switchyard" export llq --to llmd --out lor/states.json
refused "--out: 'lor/states.json' is part of a run" "$switchyard" profile fit "$fixtures/vllm-bench.json" --model qwen3-14b --out lor/states.json
refused "--out: 'sweep/replays.db' is part of a sweep" "$switchyard" report m --out sweep/replays.db
for file in lor/*; do refused "$file: is read by this command" "$switchyard" report lor --out "$file"; done
search --trials 2 --threads 1 --out found
cp -r found found_before
for file in found/*; do refused "$file: is read by this command" "$switchyard" report . --out "$file"; done
diff -r found found_before || fail "report wrote over a search"
for file in suite/*.*; do refused "$file: is read by this command" "$switchyard" report suite --out "$file"; done
diff -r lor before || fail "what was refused changed the folder"
run --policy llq --event-log lor/events.txt --out noted
"$switchyard" report lor --out lor/page.html
"$switchyard" report lor --out lor/page.html
