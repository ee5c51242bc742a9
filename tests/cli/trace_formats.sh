# Traces of every format, plain and compressed, are told by their content, inspected, converted and replayed alike.
source "$(dirname "$0")/check.sh"
"$switchyard" workload convert traces/vidur.csv >"$scratch/expected"
holds "$scratch/expected" '^4\.314579,396,109$'
for file in traces/*; do
  gzip -c "$file" >"$scratch/trace"
  for trace in "$file" "$scratch/trace"; do
    "$switchyard" workload convert "$trace" >"$scratch/converted"
    # Arrivals of some formats are differences of others: equal but for the last digits.
    paste -d, "$scratch/converted" "$scratch/expected" | tail -n +2 |
      awk -F, '{ d = $1 - $4; if (d * d > 1e-16 || $2 != $5 || $3 != $6) exit 1 }' || fail "$trace is read otherwise"
    "$switchyard" workload inspect "$trace" >"$scratch/inspected"
    holds "$scratch/inspected" '^requests +4$'
    "$switchyard" run --workload "$trace" --policy llq >"$scratch/run"
    holds "$scratch/run" '^num_requests +4 '
  done
done
holds "$scratch/expected" '^10,91,16$'
"$switchyard" workload inspect traces/burstgpt.csv >"$scratch/inspected"
holds "$scratch/inspected" 'burstgpt.csv \(1 of 5 rows failed and were dropped\), BurstGPT format'
"$switchyard" run --workload traces/mooncake.jsonl --policy llq >"$scratch/run"
holds "$scratch/run" 'mooncake.jsonl \(1 of 5 rows failed and were dropped\)'

refused=$(dirname "$0")/expect_error.sh
gzip -c traces/azure_2024.csv | head -c 100 >"$scratch/cut.csv.gz"
bash "$refused" 'cut.csv.gz:[0-9]+: the compressed file ends too early' "$switchyard" run --policy llq --workload "$scratch/cut.csv.gz"
head -c 100 traces/bailian.jsonl >"$scratch/cut.jsonl"
bash "$refused" 'cut.jsonl:1:[0-9]+: not JSON' "$switchyard" workload fit "$scratch/cut.jsonl"
sed 's/"input_length": 396/"input_length": -1/' traces/mooncake.jsonl >"$scratch/negative.jsonl"
bash "$refused" "negative.jsonl:2:25 'input_length': must be a whole number" "$switchyard" workload inspect "$scratch/negative.jsonl"

# Traces of agents: replayed as closed loops, or drawn where each session has a clock of its own.
"$switchyard" workload inspect agent_traces/tracelab.csv >"$scratch/inspected"
holds "$scratch/inspected" 'tracelab.csv, TraceLab format'
"$switchyard" run --scenario mooncake-conv --workload agent_traces/agentic_mooncake.jsonl --seed 0 --duration 100 --warm-up-share 0 \
  --policy llq >"$scratch/run"
holds "$scratch/run" '^num_requests +5 '
bash "$refused" 'tracelab.jsonl does not say when its sessions began' "$switchyard" workload inspect agent_traces/tracelab.jsonl
"$switchyard" workload inspect agent_traces/tracelab.jsonl --arrivals poisson --lengths sessions --qps 1 --duration 5 >"$scratch/inspected"
holds "$scratch/inspected" 'tracelab.jsonl, TraceLab format'
