#!/usr/bin/env bash
# check.sh SWITCHYARD POLICY LOG [--write]: the event log of a small run is LOG, to the byte.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" run --arrivals static --qps 30 --num-requests 24 --lengths uniform --prompt-min 20 --prompt-max 400 \
  --output-min 2 --output-max 40 --replicas 3 --replica-scheduler sarathi --chunk-size 256 --num-blocks 70 \
  --max-tokens 512 --seed 7 --policy "$2" --event-log "$folder/log" >/dev/null
if [ "${4:-}" = --write ]; then cp "$folder/log" "$3"; else diff "$3" "$folder/log"; fi
