# Inputs that were once read wrong, as a user meets them (fixtures/cases; tests/unit/test_cases.cpp reads the same).
source "$(dirname "$0")/check.sh"
refused() { bash "$(dirname "$0")/expect_error.sh" "$@"; }
run() { "$switchyard" run --policy llq "$@"; }
figure() { grep -oE "\"$2\": [^,]*" "$1" | head -n 1 | cut -d ' ' -f 2; }

# guidellm_seconds.jsonl
refused 'the unit of its times is not clear.*--time-unit s, ms or us' "$switchyard" run --policy llq --workload cases/guidellm_seconds.jsonl
"$switchyard" workload convert cases/guidellm_seconds.jsonl --time-unit s >"$scratch/seconds.csv"
holds "$scratch/seconds.csv" '^3,100,50$'
run --workload cases/guidellm_seconds.jsonl --time-unit s >"$scratch/run"
holds "$scratch/run" '^num_requests +3 '
printf '{"workload": {"trace": "%s", "time_unit": "s"}}' "$PWD/cases/guidellm_seconds.jsonl" >"$scratch/s.json"
run --scenario "$scratch/s.json" --seed 0 --json >"$scratch/of_field"
holds "$scratch/of_field" '"num_requests": 3'
refused '--time-unit: has no effect on .azure-conv.' "$switchyard" workload inspect azure-conv --time-unit s

# quoted.csv, floats.csv, columns of other names, from a pipe
for file in cases/quoted.csv cases/floats.csv; do
  "$switchyard" workload convert $file >"$scratch/converted"
  printf 'arrived_at,num_prefill_tokens,num_decode_tokens\n0,10,5\n1.5,20,6\n' | cmp - "$scratch/converted" || fail "$file"
done
"$switchyard" workload convert <(printf 'ts\tin\tout\n7\t10\t5\n8.5\t20\t6\n') \
  --trace-columns arrived_at=ts,num_prefill_tokens=in,num_decode_tokens=out >"$scratch/mapped"
same "$scratch/mapped" "$scratch/converted"

# lengths_only.csv
refused "column 'arrived_at' is missing.*serves where arrivals are drawn" "$switchyard" run --policy llq --workload cases/lengths_only.csv
drawn=(--arrivals poisson --lengths shuffle --num-requests 40)
run --workload cases/lengths_only.csv "${drawn[@]}" >"$scratch/run"
holds "$scratch/run" '^num_requests +40 '

refused '--time-unit: contradicts the rest' "$switchyard" run --policy llq --workload cases/lengths_only.csv "${drawn[@]}" --time-unit s

# A pipe can be read once: a search has many seeds, a suite of the same policies many experiments.
search=(--policy hra --method random --trials 2 --train-seeds 1-2 --validation-seeds 3-4 --held-out-seeds 101-102 --quiet --json)
"$switchyard" search --workload cases/lengths_only.csv "${drawn[@]}" "${search[@]}" >"$scratch/of_file"
"$switchyard" search --workload <(cat cases/lengths_only.csv) "${drawn[@]}" "${search[@]}" >"$scratch/of_pipe"
of_rows() { grep -vE '"(scenario|workload)": ' "$1"; }  # all but the file's name
same <(of_rows "$scratch/of_file") <(of_rows "$scratch/of_pipe")
"$switchyard" sweep --workload <(cat cases/lengths_only.csv) "${drawn[@]}" --policy llq --qps 1,2 --held-out-seeds 101 --quiet >"$scratch/sweep"

# mostly_too_long.csv
v0=(--replica-scheduler vllm_v0)
run --workload cases/mostly_too_long.csv "${v0[@]}" --long-requests cut --out "$scratch/cut" >"$scratch/run"
holds "$scratch/run" '^workload  mostly_too_long.csv; 2 of 4 requests cut to 4096 tokens$'
holds "$scratch/run" '^num_cut_requests +2 '
holds "$scratch/cut/summary.json" '"num_cut_requests": 2'
"$switchyard" compare llq lor --workload cases/mostly_too_long.csv --long-requests cut --held-out-seeds 0 --quiet >"$scratch/board"
holds "$scratch/board" 'Workload: mostly_too_long.csv; 2 of 4 requests cut to 4096 tokens\.'
"$switchyard" workload inspect cases/mostly_too_long.csv "${v0[@]}" --long-requests cut >"$scratch/inspected"
holds "$scratch/inspected" '2 of 4 requests cut to 4096 tokens'
refused 'request 0 .row 1. has 6000 prompt . 2000 output .*--max-tokens' "$switchyard" workload convert cases/mostly_too_long.csv "${v0[@]}" --long-requests refuse
refused '--max-tokens: has no effect' "$switchyard" workload convert cases/mostly_too_long.csv "${v0[@]}" --max-tokens 100

# The same under vllm_v1: prompts that fill the context are refused, outputs end there, by the context that is its own.
refused 'request 0 .row 1. has 6000 prompt .*--max-model-len' "$switchyard" run --policy llq --workload cases/mostly_too_long.csv
refused 'request 0 .row 1. has 6000 prompt .*--max-model-len. allows 4096' "$switchyard" workload convert cases/mostly_too_long.csv --long-requests engine
refused '--max-model-len: has no effect' "$switchyard" workload convert cases/mostly_too_long.csv --max-model-len 100
run --workload cases/mostly_too_long.csv --max-model-len 6100 >"$scratch/run"
holds "$scratch/run" '^workload  mostly_too_long.csv; 2 of 4 requests cut to 6100 tokens$'
"$switchyard" workload convert cases/mostly_too_long.csv --long-requests engine --max-model-len 6100 >"$scratch/ended"
holds "$scratch/ended" '^[0-9.]+,6000,100$'

# late_slice.csv, late_slice_from_zero.csv
for file in late_slice late_slice_from_zero; do run --workload cases/$file.csv --json >"$scratch/$file"; done
for name in throughput_rps goodput_rps kv_use_mean mean_e2e_s; do
  [ "$(figure "$scratch/late_slice" $name)" = "$(figure "$scratch/late_slice_from_zero" $name)" ] || fail "$name differs"
done
[[ "$(figure "$scratch/late_slice" throughput_rps)" == 1.1* ]] || fail "throughput of a late slice"

# az_mixedtz.csv, az_zero_prompt.csv, unsorted.csv
refused 'az_mixedtz.csv:3:1.*mix times with and without zone' "$switchyard" run --policy llq --workload cases/az_mixedtz.csv
run --workload cases/az_zero_prompt.csv >"$scratch/run"
holds "$scratch/run" 'az_zero_prompt.csv \(1 of 2 rows failed and were dropped\)'
refused 'unsorted.csv:3:1.*sort the rows by arrival' "$switchyard" run --policy llq --workload cases/unsorted.csv

# What inspect, generate and convert show is what runs; flags are obeyed or refused.
printf 'arrived_at,num_prefill_tokens,num_decode_tokens\n0,10,5\n8,20,6\n19,30,7\n21,40,8\n' >"$scratch/four.csv"
"$switchyard" workload convert "$scratch/four.csv" --duration 10 --time-scale 2 >"$scratch/scaled"
printf 'arrived_at,num_prefill_tokens,num_decode_tokens\n0,10,5\n4,20,6\n9.5,30,7\n' | cmp - "$scratch/scaled" || fail "scaled"
loaded=(--scenario azure-conv --duration 60 --seed 8 --train-overload 1)
"$switchyard" workload generate "${loaded[@]}" --out "$scratch/loaded.csv"
run "${loaded[@]}" --json >"$scratch/of_scenario"
run --workload "$scratch/loaded.csv" "${v0[@]}" --json >"$scratch/of_file"
same <(grep -v num_cut "$scratch/of_scenario") <(grep -v num_cut "$scratch/of_file")
for flag in '--replicas 3' '--profile a100-llama2-7b' '--held-out-seeds 200'; do
  refused "${flag%% *}: has no effect on this command" "$switchyard" workload generate --scenario azure-conv $flag
done
refused '--held-out-seeds: has no effect' "$switchyard" run --policy llq --scenario azure-conv --held-out-seeds 200
refused '--train-seeds: has no effect' "$switchyard" run --policy llq --scenario azure-conv --train-seeds 1-4
refused '--train-overload: has no effect: --seed 42' "$switchyard" workload generate --scenario azure-conv --train-overload 1
refused '--seed: has no effect on this command' "$switchyard" search --policy llq --scenario azure-conv --seed 3
refused '--duration: has no effect on fit' "$switchyard" workload fit "$scratch/four.csv" --duration 10
refused '--scenario: contradicts' "$switchyard" workload convert "$scratch/four.csv" --scenario azure-conv

# Nothing is written over an input.
cp "$scratch/four.csv" "$scratch/input.csv"
ln -s input.csv "$scratch/link.csv"
for out in input.csv link.csv; do
  refused "--event-log: .*$out: is read by this command" "$switchyard" run --policy llq --workload "$scratch/input.csv" --event-log "$scratch/$out"
  refused "--timeline: .*$out: is read by this command" "$switchyard" run --policy llq --workload "$scratch/input.csv" --timeline "$scratch/$out"
  refused "$out: is read by this command" "$switchyard" workload convert "$scratch/input.csv" --out "$scratch/$out"
done
same "$scratch/input.csv" "$scratch/four.csv"

# Halves of a trace.
half=(--policy llq --scenario azure-code --duration 60)
refused "--train-seeds: '90-110' contradicts the rest: seeds from 100 on" "$switchyard" search "${half[@]}" --train-seeds 90-110 --held-out-seeds 120
refused "--validation-seeds: '120' contradicts the rest: seeds from 100 on" "$switchyard" search "${half[@]}" --validation-seeds 120
refused "--held-out-seeds: '99' contradicts the rest: seeds below 100" "$switchyard" search "${half[@]}" --held-out-seeds 99
refused "--train-seeds: '0-3' contradicts the rest: seed 0 is the whole trace" "$switchyard" search "${half[@]}" --train-seeds 0-3
refused "--held-out-seeds: '0,101' contradicts the rest: seed 0" "$switchyard" search "${half[@]}" --held-out-seeds 0,101
refused "--held-out-seeds: '101-116' contradicts the rest: seeds below 300" "$switchyard" sweep "${half[@]}" --held-out-from 300 --time-scale 1,2
refused "--seeds: '20' contradicts the rest" "$switchyard" suite llq --scenarios azure-code --seeds 20
refused "--held-out-from: contradicts the rest: .*--arrivals is trace" "$switchyard" run --policy llq --scenario azure-conv --held-out-from 9
# The same seed redraws another half if the scenario says so; of azure-conv, which draws arrivals, nothing is halved.
"$switchyard" workload generate --scenario azure-code --seed 60 >"$scratch/first"
"$switchyard" workload generate --scenario azure-code --seed 60 --train-seeds 1-8 --validation-seeds 51-55 --train-overload 0 \
  >/dev/null 2>&1 && fail "--train-overload 0 has no effect"
printf '{"seeds": {"held_out_from": 60, "validation_seeds": "51-55"}, "workload": {"trace": "azure-code"}, "cluster": {"replica_scheduler": "vllm_v0"}}' >"$scratch/from.json"
"$switchyard" workload generate --scenario "$scratch/from.json" --seed 60 >"$scratch/second"
cmp -s "$scratch/first" "$scratch/second" && fail "--held-out-from has no effect"
"$switchyard" workload generate --scenario azure-conv --duration 60 --seed 200 >/dev/null

# What does not exist is absent, and nothing is ranked by it.
single=(--arrivals static --lengths fixed --prompt-min 100 --output-min 1 --num-requests 20)
run "${single[@]}" >"$scratch/run"
holds "$scratch/run" '^mean_tpot_s +- '
run "${single[@]}" --json >"$scratch/run.json"
for name in mean_tpot_s p50_tpot_s p95_tpot_s slowdown_prompt_from_2048; do holds "$scratch/run.json" "\"$name\": null"; done
lists=(--train-seeds 1-2 --held-out-seeds 101-102 --quiet)
refused '--objective: p95_tpot_s does not exist on this workload' "$switchyard" search --policy hra --trials 2 "${single[@]}" "${lists[@]}" --objective p95_tpot_s
refused '--constraint: mean_tpot_s does not exist on this workload' "$switchyard" compare llq lor "${single[@]}" --held-out-seeds 101-102 --quiet --constraint 'mean_tpot_s<=1'
"$switchyard" search --policy llq --trials 1 "${single[@]}" "${lists[@]}" --out "$scratch/study" >/dev/null
"$switchyard" leaderboard "$scratch/study" --format csv --columns p95_ttft_s,p50_tpot_s >"$scratch/board.csv"
holds "$scratch/board.csv" ',p95_ttft_s,p50_tpot_s,digest$'
holds "$scratch/board.csv" 'llq.*,[0-9.]+,,k[0-9]+-'
"$switchyard" leaderboard "$scratch/study" --columns p95_ttft_s,p50_tpot_s >"$scratch/board"
holds "$scratch/board" 'p95_ttft_s +p50_tpot_s *$'
refused "--columns: unknown figure 'p95_ttf'; did you mean 'p95_ttft_s'" "$switchyard" leaderboard "$scratch/study" --columns p95_ttf
