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

# An objective of which more is better, and a constraint that nothing keeps.
# shellcheck disable=SC2086
"$switchyard" search --scenario chat-pressure $short --policy hra --replays 100 --objective 'goodput(ttft_s<=1,tpot_s<=0.1)' \
  --constraint 'e2e_p99_s<=0.001' >"$scratch/goodput"
holds "$scratch/goodput" '^rank .*goodput\(ttft_s<=1,tpot_s<=0.1\) held-out .*mean e2e'
holds "$scratch/goodput" '^infeasible '
holds "$scratch/goodput" '^Infeasible: .*: p99_e2e_s<=0.001 is '
