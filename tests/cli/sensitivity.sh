# Sensitivity around a setting: the same bytes for any number of threads, in every format, and around what a study found.
source "$(dirname "$0")/check.sh"
short="--scenario chat-pressure --duration 60 --held-out-seeds 101-104 --quiet"
spec='memory_headroom(order=age,exchange=30,horizon=40)'
for threads in 1 2; do
  for format in table markdown csv json; do
    # shellcheck disable=SC2086
    "$switchyard" sensitivity "$spec" $short --threads "$threads" --format "$format" >"$scratch/$format-$threads"
  done
done
for format in table markdown csv json; do same "$scratch/$format-1" "$scratch/$format-2"; done
for value in arrival prompt; do holds "$scratch/table-1" "^order +age +$value .* [+-][0-9.]+% \["; done
for value in 9.487 94.87; do holds "$scratch/csv-1" "^exchange,30,$value,"; done
holds "$scratch/markdown-1" '^\| exchange \| 30 \| 94.87 \| '
holds "$scratch/json-1" '"step_share": 0.1'
# Around the best of a study, by an objective of which more is better, and with a limit that nothing keeps.
# shellcheck disable=SC2086
"$switchyard" search $short --policy hra --replays 40 --out "$scratch/study" >/dev/null
# shellcheck disable=SC2086
"$switchyard" sensitivity "$("$switchyard" study best "$scratch/study")" $short --objective 'goodput(ttft_s<=1,tpot_s<=0.1)' \
  --constraint 'p99_e2e_s<=0.001' >"$scratch/best"
holds "$scratch/best" '^(decode_ratio|safety) .*, infeasible$'
holds "$scratch/best" '^It is infeasible: p99_e2e_s<=0.001 is '
