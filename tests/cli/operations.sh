# Groups of replicas, failures, drains and joins: the same bytes on both kernels, and stated where a run is written down.
source "$(dirname "$0")/check.sh"
common=(--scenario azure-conv-v1 --duration 20 --policy prefix_cost)
operated=(--group count=3 --group count=1,num_gpu_blocks=2000 --replica-events 'fail 0 at 5 for 4, drain 1 at 8, join 3 at 10'
  --initial-replicas 3 --detection 0.5 --start-up 2 --max-retries 2)
for kernel in leap step; do
  "$switchyard" run "${common[@]}" "${operated[@]}" --kernel "$kernel" --force --out "$scratch/$kernel" >"$scratch/$kernel.txt"
done
for file in request_metrics.csv summary.json states.json; do same "$scratch/leap/$file" "$scratch/step/$file"; done
holds "$scratch/leap.txt" '^operated  3 replicas at first; replica 0 fails at 5 s for 4 s; replica 1 drains at 8 s'
holds "$scratch/leap.txt" '^groups    '
holds "$scratch/leap/config.json" '"num_gpu_blocks": 2000'
holds "$scratch/leap/config.json" '"max_retries": 2'
holds "$scratch/leap/states.json" '"why":"failed","from_s":5.0,"to_s":9.0'
holds "$scratch/leap/states.json" '"why":"starting","from_s":10.0,"to_s":12.0'
"$switchyard" run --config "$scratch/leap/config.json" --force --out "$scratch/again" >/dev/null
same "$scratch/leap/summary.json" "$scratch/again/summary.json"
# Groups that are alike are one group.
"$switchyard" run "${common[@]}" --replicas 4 --json >"$scratch/one.json"
"$switchyard" run "${common[@]}" --group count=3 --group count=1 --json >"$scratch/two.json"
same "$scratch/one.json" "$scratch/two.json"
# A watched run shows it.
"$switchyard" run "${common[@]}" "${operated[@]}" --event-log "$scratch/events.log" >/dev/null
holds "$scratch/events.log" '^5\.0 fails replica=0$'
holds "$scratch/events.log" '^9\.0 serves replica=0$'
holds "$scratch/events.log" ' retry request='
"$switchyard" run "${common[@]}" "${operated[@]}" --timeline "$scratch/timeline.json" >/dev/null
holds "$scratch/timeline.json" '"name":"failed","ph":"b"'
# The same where prefill and decode are apart: a replica of either kind fails, another drains.
split=(--scenario split-prefill --duration 10 --policy 'compose_split(place=tokens,handoff=kv)' --signal-interval 0 --kv-delay 0
  --replica-events 'fail 0 at 2 for 1, fail 5 at 3 for 2, drain 6 at 4' --detection 0.2)
for kernel in leap step; do
  "$switchyard" run "${split[@]}" --kernel "$kernel" --force --out "$scratch/split-$kernel" >/dev/null
done
for file in request_metrics.csv summary.json states.json; do same "$scratch/split-leap/$file" "$scratch/split-step/$file"; done
"$switchyard" run "${split[@]}" --event-log "$scratch/split-leap.log" >/dev/null
holds "$scratch/split-leap.log" ' retry request=[0-9]* replica=0$'
holds "$scratch/split-leap.log" ' retry request=[0-9]* replica=5$'
holds "$scratch/split-leap.log" ' transfer request=[0-9]* replica=[0-3] to=[4-7] bytes='
holds "$scratch/split-leap/summary.json" '"num_failed": 0'
# Leaderboards and suites count what was lost.
"$switchyard" suite llq,prefix_cost --scenarios azure-conv-v1 --perturb failure --seeds 101 --quiet --format csv \
  >"$scratch/suite.csv"
holds "$scratch/suite.csv" 'azure-conv-v1\+failure=1 ratio'
