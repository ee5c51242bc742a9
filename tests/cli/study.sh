# What a search has tried, by what it has left.
source "$(dirname "$0")/check.sh"
short="--duration 60 --train-seeds 1-4 --held-out-seeds 101-104 --quiet"
# shellcheck disable=SC2086
"$switchyard" search --scenario chat-pressure $short --policy memory_headroom --replays 200 --out "$scratch/study" >"$scratch/table"
"$switchyard" study show "$scratch/study" >"$scratch/show"
holds "$scratch/show" '^chat-pressure: mean_e2e_s by race, training seeds 1-4, study seed 1; '
holds "$scratch/show" '^  default  [0-9.]+$'
holds "$scratch/show" '^  best     [0-9.]+  memory_headroom\('
holds "$scratch/show" '[0-9]+% of the variance  horizon'
"$switchyard" study trials "$scratch/study" >"$scratch/trials"
same "$scratch/trials" "$scratch/study/trials.csv"
"$switchyard" study export "$scratch/study" >"$scratch/export"
same "$scratch/export" "$scratch/study/study.json"
best=$("$switchyard" study best "$scratch/study")
grep -qF "$best" "$scratch/study/leaderboard.json" || fail "the best setting, $best, was not judged"
# A budget is kept to: the default and what race asked for, besides the two references.
replays=$(sed '1d; s/"[^"]*"/spec/' "$scratch/trials" | grep -vE '^[0-9]+,l(or|lq),' | awk -F, '{sum += $3} END {print sum}')
[ "$replays" -le 200 ] && [ "$replays" -gt 150 ] || fail "$replays replays of a budget of 200"

# The best few by training seeds run on validation seeds, within the budget, and the one that is best on both leads.
# shellcheck disable=SC2086
"$switchyard" search --scenario chat-pressure $short --policy memory_headroom --replays 200 --validation-seeds 31-33 \
  --out "$scratch/validated" >"$scratch/table"
python3 - "$scratch/validated" "$("$switchyard" study best "$scratch/validated")" <<'END' || fail "validation"
import csv, json, sys
folder, best = sys.argv[1:]
trials = [row for row in csv.DictReader(open(folder + "/trials.csv")) if row["policy"].startswith("memory_headroom")]
finalists = [row for row in trials if row["validation"]]
assert 2 <= len(finalists) <= 200 // (8 * 3), finalists
complete = sorted(float(row["value"]) for row in trials[1:] if row["num_seeds"] == "4")
assert sorted(float(row["value"]) for row in finalists) == complete[:len(finalists)]
assert sum(int(row["num_seeds"]) for row in trials) + 3 * len(finalists) <= 200
of_both = lambda row: 4 * float(row["value"]) + 3 * float(row["validation"])
chosen = min(finalists, key=of_both)["policy"]
assert chosen == best, (chosen, best)
assert chosen in [row["policy"] for row in json.load(open(folder + "/leaderboard.json"))["rows"]]
END

# What breaks a constraint on validation seeds was a finalist nonetheless, also when the study is resumed.
# shellcheck disable=SC2086
limited() { "$switchyard" search --scenario chat-pressure $short --policy memory_headroom --replays 200 --validation-seeds 31-33 \
  --constraint 'p99_e2e_s<=46' --out "$scratch/limited" "$@" >"$scratch/table"; }
limited
holds "$scratch/limited/trials.csv" ',[0-9.]+,p99_e2e_s<=46 is '
cp -r "$scratch/limited" "$scratch/before"
limited --resume
[ "$(grep -c '",4,' "$scratch/limited/trials.csv")" -gt 10 ] || fail "a constraint that the hard seeds break ended the search"
for file in trials.csv study.json leaderboard.json; do same "$scratch/before/$file" "$scratch/limited/$file"; done

# Training seeds spread over loads: the first has the scenario's own, and the page says so.
# shellcheck disable=SC2086
"$switchyard" search --scenario chat-pressure $short --policy memory_headroom --trials 3 --train-overload 0.5 --json >"$scratch/spread"
holds "$scratch/spread" '"train_seeds": "1-4, at 1 to 1.5 times the load"'

# An objective of which more is better, and a constraint that nothing keeps.
# shellcheck disable=SC2086
"$switchyard" search --scenario chat-pressure $short --policy hra --replays 100 --objective 'goodput(ttft_s<=1,tpot_s<=0.1)' \
  --constraint 'e2e_p99_s<=0.001' >"$scratch/goodput"
holds "$scratch/goodput" '^rank .*goodput\(ttft_s<=1,tpot_s<=0.1\) held-out .*mean e2e'
holds "$scratch/goodput" '^infeasible '
holds "$scratch/goodput" '^Infeasible: .*: p99_e2e_s<=0.001 is '
