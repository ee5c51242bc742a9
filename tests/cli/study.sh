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
ranked = [row["policy"] for row in json.load(open(folder + "/leaderboard.json"))["rows"]]
assert chosen in ranked, chosen
assert best == next(policy for policy in ranked if policy.startswith("memory_headroom")), best
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

# hot_study: a search that was killed in its first transaction, so that nothing is committed. It is looked at without a
# change to the folder.
cp -r hot_study "$scratch/hot" && chmod -R a-w "$scratch/hot"
cp -r "$scratch/hot" "$scratch/hot_before"
"$switchyard" study show "$scratch/hot" >"$scratch/show"
holds "$scratch/show" 'hot: 0 trials: the search has not written anything down$'
"$switchyard" study trials "$scratch/hot" >"$scratch/trials"
same "$scratch/trials" <(head -1 "$scratch/study/trials.csv")
[ -z "$("$switchyard" study best "$scratch/hot")" ] || fail "a best setting of nothing"
diff -r "$scratch/hot" "$scratch/hot_before" || fail "looking at a study changed its folder"
chmod -R u+w "$scratch/hot" "$scratch/hot_before"

# Without its trace and profile, a study can still be looked at; the leader is the one that the leaderboard names, also
# under a constraint, and while the search runs it is the best so far.
leader_is_ranked_first() {
  python3 - "$1" "$("$switchyard" study best "$1")" <<'END' || fail "study best of $1"
import json, sys
rows = json.load(open(sys.argv[1] + "/leaderboard.json"))["rows"]
name = sys.argv[2].split("(")[0]
own = [row["policy"] for row in rows if row["policy"].split("(")[0] == name and not row["failure"]]
assert own[0] == sys.argv[2], (own, sys.argv[2])
END
}
for study in study validated limited; do leader_is_ranked_first "$scratch/$study"; done
"$switchyard" workload generate --scenario azure-conv --duration 60 --out "$scratch/trace.csv"
cp ../../../core/data/profile_a100-llama2-7b.json "$scratch/profile.json"
"$switchyard" search --workload "$scratch/trace.csv" --profile "$scratch/profile.json" --policy hra --method random --trials 3 \
  --train-seeds 1-2 --held-out-seeds 101 --validation-seeds 51 --quiet --out "$scratch/lone" >"$scratch/table"
rm "$scratch/trace.csv" "$scratch/profile.json"
"$switchyard" study show "$scratch/lone" >"$scratch/show"
holds "$scratch/show" '^digest k'
"$switchyard" study export "$scratch/lone" | cmp - "$scratch/lone/study.json" || fail "export of a study without its data"

# One CPU, more threads: nothing on stderr.
if command -v taskset >/dev/null; then
  taskset -c 0 "$switchyard" search --scenario azure-conv --duration 30 --policy hra --method random --trials 2 --train-seeds 1 --held-out-seeds 101 \
    --validation-seeds 51 --threads 2 --quiet >"$scratch/table" 2>"$scratch/err"
  [ ! -s "$scratch/err" ] || fail "on one CPU: $(cat "$scratch/err")"
fi
