# Sessions: what is generated and written replays as the scenario does, closed loops included; models of traces with
# prompts in common say how well they follow.
source "$(dirname "$0")/check.sh"
small=(--scenario chat-sessions --sessions-at-start 0 --duration 5 --document-share 0.2)
"$switchyard" workload generate "${small[@]}" --out "$scratch/chat.jsonl"
holds "$scratch/chat.jsonl" '"session_id":[0-9]+,"delay":[0-9.]+,"hash_ids":\['
"$switchyard" run "${small[@]}" --policy llq --json >"$scratch/generated"
"$switchyard" run --scenario chat-sessions --workload "$scratch/chat.jsonl" --seed 0 --policy llq --json >"$scratch/replayed"
same "$scratch/replayed" "$scratch/generated"

"$switchyard" workload fit "$scratch/chat.jsonl" --out "$scratch/model.json" 2>"$scratch/rates"
holds "$scratch/rates" '^share of prompt tokens found in one cache for all, by its size: trace, model$'
[ "$(grep -c 'tokens  ' "$scratch/rates")" = 5 ] || fail "not five sizes of the cache"
"$switchyard" workload inspect "$scratch/model.json" >"$scratch/inspected"
holds "$scratch/inspected" '^source +model.json, model$'
refused=$(dirname "$0")/expect_error.sh
bash "$refused" 'is a model of a trace; fit takes the trace' "$switchyard" workload fit "$scratch/model.json"

# A client that waits for each answer.
"$switchyard" run --scenario azure-conv --concurrency 1 --num-requests 20 --policy llq --json >"$scratch/one_client"
holds "$scratch/one_client" '"mean_slowdown": 1.0,'

# Without their traces scenarios run on the models of them, and say so.
for scenario in mooncake-conv mooncake-synth; do
  SWITCHYARD_DATA= "$switchyard" run --scenario $scenario --duration 30 --policy llq >"$scratch/of_model"
  holds "$scratch/of_model" "embedded $scenario"
done
SWITCHYARD_DATA= "$switchyard" run --scenario agent-sessions --sessions-at-start 2 --duration 60 --policy llq >"$scratch/of_model"
holds "$scratch/of_model" "embedded agent-sessions"
bash "$refused" "agent-sessions.* does not say when its sessions began" env SWITCHYARD_DATA= "$switchyard" workload inspect agent-sessions
bash "$refused" '--tool-calls: contradicts the rest: it matters only if --generator is agents' "$switchyard" run --scenario tenants --tool-calls 3 --policy llq
