#!/usr/bin/env python3
"""LLQ's figure by seed and scenario, of a suite that `switchyard suite ... --json` prints, as CSV: what the simulation of
levels draws from.

usage: SWITCHYARD_DATA= switchyard suite llq --seeds 201-328 --json --quiet | python3 bench/levels/record.py
"""
import json
import sys

scenarios = json.load(sys.stdin)["scenarios"]
spans = {scenario["seeds"] for scenario in scenarios}
if len(spans) != 1:
    sys.exit(f"record.py: error: the scenarios' seeds differ: {', '.join(sorted(spans))}")
first, last = (int(seed) for seed in spans.pop().split("-"))
print("seed," + ",".join(scenario["name"] for scenario in scenarios))
for seed in range(first, last + 1):
    print(f"{seed}," + ",".join(f"{scenario['llq_by_seed'][seed - first]:.6g}" for scenario in scenarios))
