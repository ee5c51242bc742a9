#!/usr/bin/env bash
# check.sh SWITCHYARD POLICY LOG [ENGINE] [--write]: the event log of a small run under the engine (sarathi) is LOG, to
# the byte.
set -euo pipefail
binary=$1 policy=$2 log=$3 engine=${4:-sarathi} write=${5:-}
[ "$engine" != --write ] || { engine=sarathi; write=--write; }
case $engine in
  sarathi) options=(--chunk-size 256 --num-blocks 70 --max-tokens 512) ;;
  vllm_v0) options=(--max-tokens-in-batch 512 --num-blocks 40 --max-tokens 512) ;;  # so few that requests are restarted
  orca) options=(--num-blocks 70 --max-tokens 512) ;;
  vllm_v1) options=(--max-num-batched-tokens 256 --num-gpu-blocks 30 --max-model-len 512) ;;
  vllm_v1_sync) options=(--max-num-batched-tokens 256 --num-gpu-blocks 30 --max-model-len 512 --no-async-scheduling) ;;
  prefix | sessions) options=(--max-num-batched-tokens 256 --num-gpu-blocks 60 --max-model-len 512) ;;  # prompts with much in common
  *) echo "unknown engine $engine" >&2; exit 2 ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
workload=(--arrivals static --qps 30 --num-requests 24 --lengths uniform --prompt-min 20 --prompt-max 400
  --output-min 2 --output-max 40)
if [ "$engine" = prefix ] || [ "$engine" = sessions ]; then
  workload=(--workload "$(dirname "$0")/$engine/trace.jsonl")
  engine=vllm_v1
fi
"$binary" run "${workload[@]}" --replicas 3 --replica-scheduler "${engine%_sync}" "${options[@]}" --seed 7 \
  --policy "$policy" --event-log "$folder/log" >/dev/null
if [ "$write" = --write ]; then cp "$folder/log" "$log"; else diff "$log" "$folder/log"; fi
