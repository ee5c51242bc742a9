# Workloads as files: generated ones replay as their scenario does, Azure's columns become Vidur's, traces are shown.
source "$(dirname "$0")/check.sh"
"$switchyard" workload generate --scenario azure-conv --seed 7 --duration 60 --out "$scratch/w.csv"
"$switchyard" run --workload "$scratch/w.csv" --replica-scheduler vllm_v0 --policy llq --json >"$scratch/replayed"
"$switchyard" run --scenario azure-conv --seed 7 --duration 60 --policy llq --json >"$scratch/generated"
# What was cut before it was written need not be cut again.
same <(grep -v '"num_cut_requests"' "$scratch/replayed") <(grep -v '"num_cut_requests"' "$scratch/generated")

"$switchyard" workload convert azure.csv >"$scratch/converted"
holds "$scratch/converted" '^0,374,44$'
holds "$scratch/converted" '^4\.314579,396,109$'

"$switchyard" workload inspect good.csv >"$scratch/inspected"
holds "$scratch/inspected" '^requests +8$'
"$switchyard" workload inspect good.csv --json >"$scratch/inspected.json"
holds "$scratch/inspected.json" '"num_requests": 8,'
holds "$scratch/inspected.json" '"dispersion_60s": null,'
"$switchyard" workload inspect azure-conv --out "$scratch/inspected"
holds "$scratch/inspected" '^requests +19366$'
"$switchyard" workload inspect --scenario chat-pressure --duration 30 --json >"$scratch/inspected.json"
holds "$scratch/inspected.json" '"source": "synthetic; 8 of 547 requests cut to 4096 tokens"'

# A pipe gets plain plots, a terminal block characters where its locale has them.
"$switchyard" workload inspect good.csv | LC_ALL=C grep -q '[^ -~]' && fail "not plain ASCII"
if command -v script >/dev/null; then
  LC_ALL=C.UTF-8 script -qec "'$switchyard' workload inspect good.csv" /dev/null >"$scratch/terminal" </dev/null
  holds "$scratch/terminal" '█'
  LC_ALL=C script -qec "'$switchyard' workload inspect good.csv" /dev/null >"$scratch/terminal" </dev/null
  LC_ALL=C grep -q '█' "$scratch/terminal" && fail "block characters without a locale for them"
fi

# A model of a trace runs, inspects and converts as the trace would.
"$switchyard" workload generate --scenario azure-conv --duration 300 --out "$scratch/w.csv"
"$switchyard" workload fit "$scratch/w.csv" --out "$scratch/model.json"
"$switchyard" workload inspect "$scratch/model.json" >"$scratch/of_model"
"$switchyard" workload inspect "$scratch/w.csv" >"$scratch/of_trace"
same <(grep '^requests' "$scratch/of_model") <(grep '^requests' "$scratch/of_trace")
holds "$scratch/of_model" '^source +model.json, model$'
"$switchyard" workload convert "$scratch/model.json" >"$scratch/model.csv"
"$switchyard" run --workload "$scratch/model.csv" --long-requests cut --policy llq --json >"$scratch/of_csv"
"$switchyard" run --workload "$scratch/model.json" --long-requests cut --policy llq --json >"$scratch/of_json"
same "$scratch/of_csv" "$scratch/of_json"

refused=$(dirname "$0")/expect_error.sh
bash "$refused" '--json: contradicts fit' "$switchyard" workload fit good.csv --json
bash "$refused" "unknown trace 'azure-cnov'; did you mean 'azure-conv'" "$switchyard" workload inspect azure-cnov
bash "$refused" "a model needs at least 2" "$switchyard" workload fit <(head -n 2 good.csv)
bash "$refused" "unknown action 'derive'" "$switchyard" workload derive good.csv

# What a workload cannot say is refused: when requests of a closed loop arrive, and which of them metrics leave out.
for action in "generate --scenario azure-conv --duration 5" "inspect --scenario azure-conv --duration 5" "inspect good.csv" "convert good.csv"; do
  bash "$refused" '--concurrency: 2 is not allowed' "$switchyard" workload $action --concurrency 2
  for flag in warm-up-share=0.5 warm-up-requests=2; do
    bash "$refused" "--${flag%=*}" "$switchyard" workload $action "--$flag"
  done
done
"$switchyard" workload convert good.csv --concurrency 0 >"$scratch/open"
same "$scratch/open" <("$switchyard" workload convert good.csv)

# A figure that does not exist is none, not 0.
printf 'arrived_at,num_prefill_tokens,num_decode_tokens\n5,10,5\n' >"$scratch/one.csv"
"$switchyard" workload inspect "$scratch/one.csv" >"$scratch/inspected"
holds "$scratch/inspected" '^rate +- per second'
"$switchyard" workload inspect "$scratch/one.csv" --json >"$scratch/inspected.json"
holds "$scratch/inspected.json" '"rate_qps": null,'

# A slower replica of the default profile, of a scenario's and of a named one.
for of in "--workload good.csv" "--workload good.csv --profile a100-llama2-7b" "--scenario azure-conv --duration 20"; do
  "$switchyard" run $of --policy llq --slowdown 2 >"$scratch/slow"
  holds "$scratch/slow" '^cost .*, 2 times as long$'
  "$switchyard" run $of --policy llq >"$scratch/usual"
  awk '/^mean_e2e_s / {print $2}' "$scratch/slow" "$scratch/usual" | { read -r slow; read -r usual; awk "BEGIN {exit !($slow > 1.8 * $usual)}"; } || fail "$of: not slower"
done
bash "$refused" "--cost-tables: contradicts the rest|--profile: contradicts the rest" "$switchyard" run --workload good.csv --policy llq --profile a100-llama2-7b --cost-tables tables

# --workload replaces a scenario's workload: here azure-conv's replicas replay the file.
"$switchyard" run --scenario azure-conv --workload good.csv --policy llq --json >"$scratch/replaced"
holds "$scratch/replaced" '"num_requests": 8'
