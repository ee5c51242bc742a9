#!/usr/bin/env bash
# The seed benchmark from a fresh clone: installs what is missing, builds, replays it under every policy, searches by
# grid and at random (over 1,000 replays), prints the leaderboard. Results stay in build/bench.
source "$(dirname "$0")/../.cmake/setup.sh"
build release -DCMAKE_BUILD_TYPE=Release -DSWITCHYARD_TESTS=OFF
switchyard=build/release/bin/switchyard

echo "The seed benchmark (azure-conv, seed 42): mean end-to-end time, s"
for policy in lor random round_robin power_of_two llq hra shortest_expected_work prefill_balance memory_headroom; do
  mean=$($switchyard run --scenario azure-conv --policy "$policy" --json | sed -n 's/.*"mean_e2e_s": \([0-9.]*\).*/\1/p')
  printf '  %-24s %.3f\n' "$policy" "$mean"
done

echo
echo "Searching by grid and at random, on seeds 1-8; judged on seeds 101-116"
$switchyard search --scenario azure-conv --policy all --method grid --grid-points 3 --out build/bench/grid >/dev/null
$switchyard search --scenario azure-conv --policy all --method random --trials 24 --out build/bench/random >/dev/null
$switchyard leaderboard build/bench/grid build/bench/random
