#!/usr/bin/env bash
# The seed benchmark from a fresh clone: installs what is missing, builds, replays it under every policy, searches by
# grid and at random (over 1,000 replays), prints the leaderboard, and writes a report. Results stay in build/bench.
# The test of this script gives it a binary (then nothing is installed or built), another folder and fewer trials.
set -euo pipefail
switchyard=${SWITCHYARD_EXECUTABLE:-}
out=${SWITCHYARD_BENCH_OUT:-build/bench}
trials=${SWITCHYARD_BENCH_TRIALS:-24}
if [ -z "$switchyard" ]; then
  source "$(dirname "$0")/../.cmake/setup.sh"
  build release -DCMAKE_BUILD_TYPE=Release -DSWITCHYARD_TESTS=OFF
  switchyard=build/release/bin/switchyard
fi
rm -rf "$out"

echo "The seed benchmark (azure-conv, seed 42): mean end-to-end time, s"
for policy in lor random round_robin power_of_two llq hra shortest_expected_work prefill_balance memory_headroom interference_aware; do
  mean=$($switchyard run --scenario azure-conv --policy "$policy" --json | sed -n 's/.*"mean_e2e_s": \([0-9.]*\).*/\1/p')
  printf '  %-24s %.3f\n' "$policy" "$mean"
done

echo
echo "Searching by grid and at random, on seeds 1-8; judged on seeds 101-116"
$switchyard search --scenario azure-conv --policy hra,shortest_expected_work,prefill_balance,memory_headroom --method grid \
  --grid-points 3 --out "$out/grid" >/dev/null
$switchyard search --scenario azure-conv --policy all --method random --trials "$trials" --out "$out/random" >/dev/null
$switchyard leaderboard "$out/grid" "$out/random"

for policy in lor shortest_expected_work; do
  $switchyard run --scenario azure-conv --policy "$policy" --out "$out/$policy" >/dev/null
done
$switchyard report "$out" --out "$out/report.html"
echo
echo "The report, for a browser: $out/report.html"
