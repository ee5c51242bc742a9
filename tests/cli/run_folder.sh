# What a run leaves behind.
source "$(dirname "$0")/check.sh"
"$switchyard" run --workload good.csv --policy llq --out "$scratch/a/b" >"$scratch/out"
[ "$(ls "$scratch/a/b" | tr '\n' ' ')" = "config.json request_metrics.csv states.json summary.json " ] || fail "$(ls "$scratch/a/b")"
holds "$scratch/a/b/config.json" '"policy": "llq"'
holds "$scratch/a/b/config.json" '"trace": ".*good.csv"'
for key in mean_e2e_s num_requests num_batches num_restarts; do holds "$scratch/a/b/summary.json" "\"$key\": [0-9]"; done
[ "$(wc -l <"$scratch/a/b/request_metrics.csv")" -eq 9 ] || fail "not 8 requests"
holds "$scratch/a/b/request_metrics.csv" '^Request Id,request_e2e_time,'
holds "$scratch/a/b/request_metrics.csv" ',arrived_at,completed_at,replica_id,first_token_at,num_cached_tokens$'
holds "$scratch/a/b/config.json" '"replica_scheduler": "vllm_v1"'
"$switchyard" run --workload good.csv --replica-scheduler vllm_v0 --policy llq --out "$scratch/v0" >"$scratch/out"
holds "$scratch/v0/request_metrics.csv" ',arrived_at,completed_at,replica_id$'
# A trace that is too sparse to be redrawn can be replayed as it is, and compared on that.
header=arrived_at,num_prefill_tokens,num_decode_tokens
printf '%s\n0,10,5\n1,20,6\n' "$header" >"$scratch/zero.csv"
printf '%s\n5,10,5\n' "$header" >"$scratch/one.csv"
for trace in zero one; do
  "$switchyard" run --workload "$scratch/$trace.csv" --policy llq --seed 0 --json >"$scratch/$trace.json"
  "$switchyard" run --workload "$scratch/$trace.csv" --policy llq --seed 0 --out "$scratch/$trace" >"$scratch/out"
  same "$scratch/$trace.json" "$scratch/$trace/summary.json"
done
digest_of() { sed -n 's/.*"digest": "\([^"]*\)".*/\1/p' "$1/config.json"; }
[ -n "$(digest_of "$scratch/zero")" ] && [ "$(digest_of "$scratch/zero")" != "$(digest_of "$scratch/one")" ] || fail "two traces, one digest"
printf '%s\n-0,10,5\n1,20,6\n' "$header" >"$scratch/minus.csv"
"$switchyard" run --workload "$scratch/minus.csv" --policy llq --dispatch -0 --out "$scratch/minus" >"$scratch/out"
[ "$(digest_of "$scratch/zero")" = "$(digest_of "$scratch/minus")" ] || fail "-0 is another time than 0"
"$switchyard" compare llq lor --workload "$scratch/one.csv" --held-out-seeds 0 >"$scratch/compared"
holds "$scratch/compared" 'llq'
# The mean over the rows is the mean of the summary.
mean=$(awk -F, 'NR > 1 {sum += $2} END {printf "%.9f", sum / (NR - 1)}' "$scratch/a/b/request_metrics.csv")
holds "$scratch/a/b/summary.json" "\"mean_e2e_s\": ${mean%???}"
