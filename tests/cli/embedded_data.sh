# Every scenario runs without the data folder, and says that it did.
source "$(dirname "$0")/check.sh"
export SWITCHYARD_DATA=
scenarios=$("$switchyard" scenarios | cut -d ' ' -f 1)
[ "$(wc -w <<<"$scenarios")" -ge 6 ] || fail "fewer than 6 scenarios: $scenarios"
for scenario in $scenarios; do
  few=(--num-requests 200)
  expected=200
  case $scenario in
    mooncake-* | split-prefill) few+=(--warm-up-share 0) ;;
    tenants* | mixed-gpus) few+=(--warm-up-requests 0) ;;
    *-sessions* | failing-replica) few=(--duration 10) expected='[0-9]+' ;;  # whose number of requests comes of that of sessions
  esac
  "$switchyard" run --scenario "$scenario" --policy llq "${few[@]}" >"$scratch/out"
  holds "$scratch/out" "^workload +(embedded|synthetic)"
  holds "$scratch/out" "^cost +.*(embedded|a100-llama2-7b|h100-llama3-8b)"
  holds "$scratch/out" "^num_requests +$expected "
done
