# Each command explains itself and exits with 0.
source "$(dirname "$0")/check.sh"
"$switchyard" --version >"$scratch/out"
holds "$scratch/out" '^switchyard [0-9]+\.[0-9]+\.[0-9]+$'
"$switchyard" --help >"$scratch/out"
commands=$(sed -n 's/^  \([a-z]*\)  .*/\1/p' "$scratch/out")
[ "$(wc -w <<<"$commands")" -ge 8 ] || fail "fewer than 8 commands: $commands"
for command in $commands; do
  "$switchyard" "$command" --help >"$scratch/$command"
  holds "$scratch/$command" "^usage: switchyard $command"
  holds "$scratch/$command" "--config"
done
for flag in $("$switchyard" scenarios --fields | sed -n 's/.*| `\(--[a-z-]*\)` |.*/\1/p'); do
  holds "$scratch/run" "^  $flag arg"
done
"$switchyard" policies >"$scratch/out"
for policy in random round_robin lor llq power_of_two hra shortest_expected_work prefill_balance memory_headroom \
              vllm_dp dynamo_cost compose; do
  holds "$scratch/out" "^  $policy "
  "$switchyard" policies "$policy" >"$scratch/one"
  holds "$scratch/one" "^$policy(\\(|$)"
done
"$switchyard" policies --json >"$scratch/json"
[ "$(grep -c '^    "spec": ' "$scratch/json")" -eq "$("$switchyard" policies | grep -c '^  [a-z]')" ] || fail "policies --json lacks some"
"$switchyard" policies hra --json >"$scratch/json"
holds "$scratch/json" '"default": 0.6'
"$switchyard" scenarios --json >"$scratch/json"
holds "$scratch/json" '"name": "azure-conv"'
