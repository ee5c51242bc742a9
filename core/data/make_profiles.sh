#!/usr/bin/env bash
# make_profiles.sh SWITCHYARD OPERATORS: writes the embedded profiles profile_GPU-MODEL[-tpN].json beside this script, from
# a folder of operator tables (core/cost/README.md). Each model runs on the fewest GPUs of a kind that hold it in bf16. And
# prior_GPU-vllmVERSION-MODEL[-tpN].json: what older tables of the same GPU say of it, and of the largest on four GPUs, for
# fits alone (core/measured/README.md).
set -euo pipefail
cd "$(dirname "$0")"
switchyard=$1
operators=$2
# compose GPU MODEL TP PREFIX NAME [FLAG ...]
compose() {
  local suffix
  suffix=$([ "$3" = 1 ] || echo "-tp$3")
  "$switchyard" profile compose --tables "$operators" --gpu "$1" --model "$2" --tp "$3" --name "$5-$2$suffix" \
    --out "$4_$5-$2$suffix.json" "${@:6}" 2> >(grep -v ': left out$' >&2)
}
# least GPU MODEL PREFIX NAME [FLAG ...]
least() {
  local tp
  for tp in 1 2 4 8; do
    if compose "$1" "$2" "$tp" "${@:3}"; then break; fi
  done
}
models="llama3.1-8b llama3.1-70b qwen3-14b qwen3-32b"
for gpu in a100 h100 h200 l40s; do
  for model in $models; do least "$gpu" "$model" profile "$gpu"; done
done
for set in h100-0.14.0 h100-0.19.0 l40s-0.14.0; do
  for model in $models; do least "${set%-*}" "$model" prior "${set%-*}-vllm${set#*-}" --engine-version "${set#*-}"; done
done
for set in a100-0.14.0 h100-0.14.0 h100-0.19.0 h100-0.24.0 h200-0.19.0; do
  compose "${set%-*}" llama3.1-70b 4 prior "${set%-*}-vllm${set#*-}" --engine-version "${set#*-}"
done
