# Old signals, several routers and a network: the same bytes on both kernels, and stated where a run is written down.
source "$(dirname "$0")/check.sh"
common=(--scenario azure-conv --duration 20 --policy prefill_balance)
old=(--signal-interval 2 --signal-delay 0.05 --signal-phase aligned --routers 3 --dispatch 0.001 --response 0.002
  --decision 0.0005)
for kernel in leap step; do
  "$switchyard" run "${common[@]}" "${old[@]}" --kernel "$kernel" --force --out "$scratch/$kernel" >"$scratch/$kernel.txt"
done
for file in request_metrics.csv states.json summary.json; do same "$scratch/leap/$file" "$scratch/step/$file"; done
holds "$scratch/leap.txt" '^signals   published every 2 s, all together, read 0.05 s later: 1.05 s old in the mean$'
holds "$scratch/leap.txt" '^routers   3, arrivals in turn; 0.001 s to a replica; 0.002 s back; 0.0005 s a decision$'
holds "$scratch/leap/config.json" '"interval_s": 2.0'
holds "$scratch/leap/config.json" '"count": 3'
"$switchyard" run --config "$scratch/leap/config.json" --force --out "$scratch/again" >/dev/null
same "$scratch/leap/summary.json" "$scratch/again/summary.json"
# Nothing of it is said, and nothing changes, where all of it is at its defaults.
"$switchyard" run "${common[@]}" --force --out "$scratch/plain" >"$scratch/plain.txt"
"$switchyard" run "${common[@]}" --signal-interval 0 --signal-delay 0 --routers 1 --dispatch 0 --response 0 --decision 0 \
  --force --out "$scratch/zero" >"$scratch/zero.txt"
same "$scratch/plain.txt" "$scratch/zero.txt"
for file in request_metrics.csv states.json summary.json config.json; do same "$scratch/plain/$file" "$scratch/zero/$file"; done
! grep -E 'signals|routers' "$scratch/plain/config.json" "$scratch/plain.txt" || fail "signals are spoken of"
# So on every scenario from before signals had an age, for policies that place by what replicas publish and that hold.
for scenario in azure-conv azure-conv-x3 azure-code azure-code-x3 conv-pressure chat-pressure; do
  for policy in prefill_balance hra; do
    few=(--scenario "$scenario" --duration 60 --policy "$policy" --force)
    "$switchyard" run "${few[@]}" --out "$scratch/as_it_was" >/dev/null
    "$switchyard" run "${few[@]}" --signal-interval 0 --signal-delay 0 --routers 1 --out "$scratch/live" >/dev/null
    for file in request_metrics.csv states.json summary.json config.json; do
      same "$scratch/as_it_was/$file" "$scratch/live/$file"
    done
  done
done
# Old signals matter: what a policy decides by them is another run.
! cmp -s "$scratch/plain/request_metrics.csv" "$scratch/leap/request_metrics.csv" || fail "old signals change nothing"
"$switchyard" policies prefill_balance >"$scratch/policy.txt"
holds "$scratch/policy.txt" 'Reads state '
# A suite under perturbations.
"$switchyard" suite llq,prefill_balance --scenarios azure-conv --perturb routers --seeds 101 --quiet --format csv \
  >"$scratch/suite.csv"
holds "$scratch/suite.csv" 'azure-conv\+routers=4 ratio'
