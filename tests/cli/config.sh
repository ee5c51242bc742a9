# A configuration gives what the flags give, flags override it, and config.json of a run repeats the run.
source "$(dirname "$0")/check.sh"

"$switchyard" run --config flags.conf >"$scratch/by_file"
"$switchyard" run --workload good.csv --policy 'hra(decode_ratio=0.6,safety=0.03)' --replicas 2 --json >"$scratch/by_flags"
same "$scratch/by_file" "$scratch/by_flags"

"$switchyard" run --config flags.conf --policy lor --replicas 1 >"$scratch/overridden"
"$switchyard" run --workload good.csv --policy lor --replicas 1 --json >"$scratch/by_flags"
same "$scratch/overridden" "$scratch/by_flags"

"$switchyard" run --scenario chat-pressure --duration 20 --seed 3 --policy 'hra(safety=0.05)' --out "$scratch/first" >/dev/null
"$switchyard" run --config "$scratch/first/config.json" --out "$scratch/again" >/dev/null
for file in config.json request_metrics.csv states.json summary.json; do same "$scratch/first/$file" "$scratch/again/$file"; done

"$switchyard" run --config "$scratch/first/config.json" --seed 4 --json >"$scratch/other_seed"
! cmp -s "$scratch/other_seed" "$scratch/first/summary.json" || fail "the seed on the command line was ignored"
