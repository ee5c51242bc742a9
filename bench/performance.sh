#!/usr/bin/env bash
# Builds the microbenchmarks, runs those of the performance table, and writes bench/performance.md. What is to be timed
# is built without developer options, as a user builds it.
#   bash bench/performance.sh [repetitions]
source "$(dirname "$0")/../.cmake/setup.sh"
repetitions=${1:-5}
build release -DCMAKE_BUILD_TYPE=Release -DSWITCHYARD_TESTS=OFF
policies='llq|lor|hra|shortest_expected_work|memory_headroom'
scenarios='azure-[a-z0-9-]*|[a-z]*-pressure(-v1)?|mooncake-conv|chat-sessions|agent-sessions|tenants|mixed-gpus|split-prefill|failing-replica'
filter="BM_Yardstick|BM_Replay/($scenarios)/($policies)\$|BM_Scale|BM_Load|BM_Generate|BM_Sample|BM_Decision|BM_Mooncake|BM_Sessions|BM_MillionPrompts"
build/release/bin/switchyard_bench --benchmark_filter="$filter" --benchmark_repetitions="$repetitions" \
  --benchmark_enable_random_interleaving=true --benchmark_min_time=0.02 \
  --benchmark_out=build/performance.json --benchmark_out_format=json >build/performance.log 2>&1 ||
  { tail -n 20 build/performance.log >&2; exit 1; }
python3 bench/micro/table.py build/performance.json >build/performance.md
mv build/performance.md bench/performance.md
cat bench/performance.md
