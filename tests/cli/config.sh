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

# A byte order mark is no part of the first flag; a pipe serves as well.
{ printf '\xef\xbb\xbf'; sed "s#good.csv#$PWD/good.csv#" flags.conf; } >"$scratch/marked.conf"
"$switchyard" run --config "$scratch/marked.conf" >"$scratch/by_marked"
same "$scratch/by_marked" "$scratch/by_file"
"$switchyard" run --config <(cat "$scratch/marked.conf") >"$scratch/by_pipe"
same "$scratch/by_pipe" "$scratch/by_file"

# A flag without a value is true or false in a configuration, however that is said, and switched off by --no-.
"$switchyard" run --config flags.conf >"$scratch/on"
sed "s#good.csv#$PWD/good.csv#; s/true/off/" flags.conf >"$scratch/off.conf"
"$switchyard" run --config "$scratch/off.conf" >"$scratch/off"
"$switchyard" run --config flags.conf --no-json >"$scratch/switched_off"
same "$scratch/off" "$scratch/switched_off"
! cmp -s "$scratch/on" "$scratch/off" || fail "json = off is on"
printf '{"workload": "%s", "policy": "hra(decode_ratio=0.6,safety=0.03)", "replicas": 2, "json": "yes"}' "$PWD/good.csv" >"$scratch/on.json"
"$switchyard" run --config "$scratch/on.json" >"$scratch/by_json"
same "$scratch/on" "$scratch/by_json"
sed 's/yes/maybe/' "$scratch/on.json" >"$scratch/maybe.json"
if "$switchyard" run --config "$scratch/maybe.json" 2>"$scratch/err"; then fail "json = maybe"; fi
holds "$scratch/err" "--json: 'maybe' is not allowed; true \\(yes, on, 1\\) or false \\(no, off, 0\\) is wanted"
