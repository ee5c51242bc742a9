# A search over several scenarios: one setting for all, judged on each; killed and resumed and with any number of threads
# it leaves the same bytes in everything but timings.json.
source "$(dirname "$0")/check.sh"
cat >"$scratch/suite.json" <<'END'
{"scenarios": ["chat-pressure", "azure-conv",
               {"scenario": "azure-conv", "name": "azure-conv-8", "cluster": {"replicas": 8}}]}
END
search() {  # OUT THREADS MORE...
  "$switchyard" search --suite "$scratch/suite.json" --duration 60 --policy hra,memory_headroom --replays 160 --train-seeds 1-4 \
    --validation-seeds 51-52 --held-out-seeds 101-103 --train-over 'load=1,1.2' --threads "$2" --quiet --out "$1" "${@:3}" >"$1.table"
}
search "$scratch/whole" 2
holds "$scratch/whole.table" '^ *rank .*geometric mean'
holds "$scratch/whole.table" 'azure-conv-8'
holds "$scratch/whole.table" '^Left out: '
holds "$scratch/whole.table" '^  azure-conv-8, hra: [0-9.]+ '

RANDOM=11
folder=$scratch/killed
kills=0
for attempt in $(seq 40); do
  search "$folder" $((attempt % 2 + 1)) --resume 2>/dev/null &
  child=$!
  sleep "0.$(printf '%03d' $((RANDOM % 250 + 20)))"
  running=$(pgrep -P "$child" || true)
  if [ -n "$running" ] && kill -9 $running 2>/dev/null; then kills=$((kills + 1)); fi
  { wait "$child" && [ -s "$folder/suite.json" ] && break; } 2>/dev/null
  [ "$kills" -ge 6 ] && break
done
[ "$kills" -ge 2 ] || fail "killed only $kills times: the search is too short for this test"
search "$folder" 1 --resume
diff -r --exclude=timings.json "$scratch/whole" "$folder" || fail "$folder is not what an uninterrupted search leaves"
same "$scratch/whole.table" "$folder.table"
search "$folder" 2 --resume
grep -q '"replays": 0' "$folder/timings.json" || fail "a finished study was run again"

# What it left is shown by the commands that show a search's.
"$switchyard" study show "$scratch/whole" >"$scratch/show"
holds "$scratch/show" "^3 scenarios: the geometric mean of the ratios of mean_e2e_s to llq's by race, study seed 1; "
holds "$scratch/show" '^  azure-conv-8 \(load=1.2\): training seeds 2,4, digest k'
"$switchyard" study export "$scratch/whole" >"$scratch/export"
same "$scratch/export" "$scratch/whole/study.json"
"$switchyard" study trials "$scratch/whole" >"$scratch/trials"
same "$scratch/trials" "$scratch/whole/trials.csv"
"$switchyard" leaderboard "$scratch/whole" --json >"$scratch/board"
same "$scratch/board" "$scratch/whole/suite.json"
"$switchyard" report "$scratch/whole" --out "$scratch/page.html"
holds "$scratch/page.html" 'azure-conv-8'
python3 - "$scratch/whole" "$("$switchyard" study best "$scratch/whole" | head -1)" <<'END' || fail "study best, budget or aggregate"
import csv, json, math, sys
folder, best = sys.argv[1:]
suite = json.load(open(folder + "/suite.json"))
assert best in [row["policy"] for row in suite["rows"]], best
trials = [row for row in csv.DictReader(open(folder + "/trials.csv"))]
spent = sum(int(row["num_seeds"]) for row in trials if row["policy"].startswith("hra("))
assert spent <= 160, spent  # 12 training seeds a setting
llq = next(row for row in trials if row["policy"] == "llq")
assert abs(float(llq["value"]) - 1) < 1e-12, llq  # its own ratio
assert {int(row["num_seeds"]) for row in trials} <= set(range(13)) and int(llq["num_seeds"]) == 12
left_out = list(csv.DictReader(open(folder + "/left_out.csv")))
assert len(left_out) == 6, left_out
END

# Its configuration repeats it, and the worst ratio can be optimised in place of the mean.
"$switchyard" search --config "$scratch/whole/config.json" --quiet --out "$scratch/again" >"$scratch/again.table"
same "$scratch/whole.table" "$scratch/again.table"
search "$scratch/worst" 2 --aggregate worst --reference lor --leave-out none
holds "$scratch/worst/config.json" '"aggregate": "worst"'
[ "$(wc -l <"$scratch/worst/left_out.csv")" -eq 1 ] || fail "scenarios were left out"

refused() {  # PATTERN WORDS...
  if "${@:2}" >"$scratch/out" 2>"$scratch/err"; then fail "accepted: ${*:2}"; fi
  holds "$scratch/err" "$1"
}
refused '--resume: --aggregate: the study was started with "geometric_mean", not "worst"' search "$scratch/whole" 2 --resume --aggregate worst
refused 'chat-pressure, scenario field cluster/batch_size_cap: the study was started with 128, not 64' search "$scratch/whole" 2 --resume --batch-size-cap 64
refused "^switchyard: error: --train-over: unknown axis 'lod'. did you mean 'load'" "$switchyard" search --suite vidur --policy hra --train-over lod=1
refused "^switchyard: error: --train-over: 3 combinations, but azure-code has 2 training seeds" \
  "$switchyard" search --scenarios azure-code --policy hra --train-seeds 1-2 --train-over load=1,2,3
refused "^switchyard: error: --scenario: contradicts --suite" "$switchyard" search --suite vidur --scenario azure-conv --policy hra
refused "^switchyard: error: --reference: has no effect without --suite" "$switchyard" search --scenario azure-conv --policy hra --reference lor
echo '{"scenarios": ["azure-conv", {"scenario": "azure-conv", "name": "b"}]}' >"$scratch/twice.json"
refused "'azure-conv' and 'b' are the same but for their names" "$switchyard" search --suite "$scratch/twice.json" --policy hra
echo '{"scenarios": [{"scenario": "azure-conv", "cluster": {"replica": 2}}]}' >"$scratch/wrong.json"
refused "wrong.json:1:[0-9]+: unknown field of cluster 'replica'. did you mean 'replicas'" "$switchyard" search --suite "$scratch/wrong.json" --policy hra
