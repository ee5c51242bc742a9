# Both kernels leave the same bytes, and an event log tells the same story.
source "$(dirname "$0")/check.sh"
for scenario in azure-conv chat-pressure; do
  for kernel in leap step; do
    "$switchyard" run --scenario "$scenario" --duration 30 --policy hra --kernel "$kernel" --force --out "$scratch/$kernel" >/dev/null
  done
  for file in request_metrics.csv states.json summary.json; do same "$scratch/leap/$file" "$scratch/step/$file"; done
done
# The same with the profile of a step that is no sum of tables.
for scheduler in vllm sarathi orca; do
  for kernel in leap step; do
    "$switchyard" run --scenario azure-conv --num-requests 300 --policy llq --kernel "$kernel" --profile h100-qwen3-14b \
      --replica-scheduler "$scheduler" --json >"$scratch/$kernel.json"
  done
  same "$scratch/leap.json" "$scratch/step.json"
done
"$switchyard" run --workload good.csv --policy llq --event-log "$scratch/log" --json >"$scratch/summary"
holds "$scratch/log" '^0\.0 arrival request=0 prompt=374$'
holds "$scratch/log" '^0\.0 assign request=0 replica=0$'
[ "$(grep -c ' arrival ' "$scratch/log")" -eq 8 ] || fail "not 8 arrivals"
[ "$(grep -c ' complete ' "$scratch/log")" -eq 8 ] || fail "not 8 completions"
batches=$(sed -n 's/.*"num_batches": \([0-9]*\).*/\1/p' "$scratch/summary")
[ "$(grep -c ' batch ' "$scratch/log")" -eq "$batches" ] || fail "not $batches batches"
[ ! -e "$scratch/log.partial" ] || fail "a partial log was left behind"

# A timeline is written beside the same result.
"$switchyard" run --workload good.csv --policy llq --timeline "$scratch/timeline.json" --json >"$scratch/watched"
same "$scratch/summary" "$scratch/watched"
holds "$scratch/timeline.json" '^{"name":"place","ph":"i",.*"scores":\['
