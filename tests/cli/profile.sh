# Profiles: batch times as an engine logs them become a profile that runs, inspects and says how good it is.
source "$(dirname "$0")/check.sh"
refused=$(dirname "$0")/expect_error.sh

# batches.csv is of a machine that takes 5 ms, 0.05 ms a token, and 1 ms for 20,000 tokens of KV that decodes read.
"$switchyard" profile fit batches.csv --name my-gpu --out "$scratch/my-gpu.json" 2>"$scratch/error"
holds "$scratch/error" '^10-fold cross-validation$'
holds "$scratch/error" '^all batches +400 +[01]\.[0-9]+% '
"$switchyard" profile fit batches.csv --name my-gpu 2>/dev/null >"$scratch/again.json"
same "$scratch/my-gpu.json" "$scratch/again.json"
"$switchyard" profile inspect "$scratch/my-gpu.json" >"$scratch/inspected"
holds "$scratch/inspected" '^ +1024 +5[5-7]\.'   # 5 + 51.2 ms
"$switchyard" run --workload good.csv --policy llq --profile "$scratch/my-gpu.json" --num-gpu-blocks 2000 \
  --max-model-len 4096 >"$scratch/run"
holds "$scratch/run" '^num_requests +8 '
own=(run --workload good.csv --policy llq --profile "$scratch/my-gpu.json")
bash "$refused" '--max-model-len: must be given' "$switchyard" "${own[@]}"
bash "$refused" '--num-gpu-blocks: must be given' "$switchyard" "${own[@]}" --max-model-len 4096
bash "$refused" '--num-blocks: must be given' "$switchyard" "${own[@]}" --replica-scheduler vllm_v0

# With the model's shape its KV memory is planned, and its context is the engine's.
echo '{"num_layers": 32, "num_q_heads": 32, "num_kv_heads": 32, "head_dim": 128, "embedding_dim": 4096, "mlp_dim": 11008,
  "max_model_len": 4096}' >"$scratch/model.json"
"$switchyard" profile fit batches.csv --model "$scratch/model.json" --out "$scratch/planned.json" 2>/dev/null
"$switchyard" run --workload good.csv --policy llq --profile "$scratch/planned.json" >"$scratch/run"
holds "$scratch/run" '^num_requests +8 '
long=(run --workload cases/mostly_too_long.csv --policy llq --long-requests engine --profile)
bash "$refused" 'request 0 .row 1. has 6000 prompt .*--max-model-len. allows 4096' "$switchyard" "${long[@]}" "$scratch/planned.json"
sed 's/"max_model_len": 4096/"max_model_len": 6100/' "$scratch/planned.json" >"$scratch/longer.json"
"$switchyard" "${long[@]}" "$scratch/longer.json" >"$scratch/run"
bash "$refused" 'request 0 .row 1. has 6000 prompt .*--max-model-len. allows 5000' "$switchyard" "${long[@]}" "$scratch/longer.json" \
  --max-model-len 5000
"$switchyard" run --workload good.csv --policy llq --profile "$scratch/planned.json" --replica-scheduler vllm_v0 --json >"$scratch/planned"
"$switchyard" "${own[@]}" --replica-scheduler vllm_v0 --num-blocks 7424 --json >"$scratch/given"
e2e() { grep -o '"mean_e2e_s": [0-9.]*' "$1" | awk '{ printf "%.3f", $2 }'; }
[ "$(e2e "$scratch/planned")" = "$(e2e "$scratch/given")" ] || fail "the shape of the model changed its batch times"

head -n 30 batches.csv >"$scratch/few.csv"
bash "$refused" 'few.csv: has 29 batches, [0-9]+ that decode and [0-9]+ that prefill; at least 50' "$switchyard" profile fit "$scratch/few.csv"
sed '3s/,[^,]*$/,-1/' batches.csv >"$scratch/negative.csv"
bash "$refused" "negative.csv:3:5 'milliseconds': must be above 0 .*'-1'" "$switchyard" profile fit "$scratch/negative.csv"
bash "$refused" "give the result of a benchmark, a folder of operator grids" "$switchyard" profile fit
bash "$refused" "nowhere.csv: cannot read" "$switchyard" profile fit nowhere.csv
bash "$refused" "mlp.csv: cannot read" "$switchyard" profile fit "$scratch"
bash "$refused" "unknown action 'derive'" "$switchyard" profile derive "$scratch"
