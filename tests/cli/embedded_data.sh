# Every scenario runs without the data folder, and says that it did.
source "$(dirname "$0")/check.sh"
export SWITCHYARD_DATA=
scenarios=$("$switchyard" scenarios | cut -d ' ' -f 1)
[ "$(wc -w <<<"$scenarios")" -ge 6 ] || fail "fewer than 6 scenarios: $scenarios"
for scenario in $scenarios; do
  "$switchyard" run --scenario "$scenario" --policy llq --num-requests 200 >"$scratch/out"
  holds "$scratch/out" "^workload +(embedded|synthetic)"
  holds "$scratch/out" "^cost +.*(embedded|a100-llama2-7b)"
  holds "$scratch/out" "^num_requests +200 "
done
