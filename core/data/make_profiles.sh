#!/usr/bin/env bash
# make_profiles.sh SWITCHYARD OPERATORS: writes the embedded profiles profile_GPU-MODEL[-tpN].json beside this script, from
# a folder of operator tables (core/cost/README.md). Each model runs on the fewest GPUs of a kind that hold it in bf16.
set -euo pipefail
cd "$(dirname "$0")"
switchyard=$1
operators=$2
for gpu in a100 h100 h200 l40s; do
  for model in llama3.1-8b llama3.1-70b qwen3-14b qwen3-32b; do
    for tp in 1 2 4 8; do
      suffix=$([ "$tp" = 1 ] || echo "-tp$tp")
      if "$switchyard" profile compose --tables "$operators" --gpu "$gpu" --model "$model" --tp "$tp" \
        --out "profile_$gpu-$model$suffix.json" 2> >(grep -v ': left out$' >&2); then
        break
      fi
    done
  done
done
