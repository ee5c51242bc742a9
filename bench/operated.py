#!/usr/bin/env python3
"""Ranks routers of serving systems and ours, at their defaults, on clusters that are mixed, fail and grow.

usage: python3 bench/operated.py [SWITCHYARD] [--out DIR] [--seeds RANGE] [--threads T]

The suite `operated` on held-out seeds, all policies on the same workloads; ratios to LLQ, and of our routers to the best
of the others, are of means over seeds, with the 95% interval of the paired t test (Fieller). Then a replica that has
been emptied and looks free (as in ai-dynamo/dynamo 10697; bench/joined_replica.py has one that joins cold). Prints Markdown; the suite stays in DIR (build/operated) and is gone on with, not run again.
"""
import argparse
import json
import pathlib
import subprocess
import sys

from today_goals import ratio_text

OURS = ["expected_completion_hold", "interference_aware"]
ROUTERS = ["llmd", "dynamo", "smg_cache_aware", "preble_e2", "aibrix_prefix_cache", "vllm_dp", "ray_power_of_two"]
OTHERS = ["llq", "prefix_cost", "round_robin"]

# Replica 2 fails and is back empty before routers know that it was gone: to live signals it looks free meanwhile.
FAIL_S, DETECTION_S = 40, 10
FAILS = ["--scenario", "chat-sessions", "--signal-interval", "0", "--replica-events", f"fail 2 at {FAIL_S} for 30",
         "--detection", DETECTION_S]


class Tool:
    def __init__(self, switchyard):
        self.switchyard = switchyard

    def run(self, *words):
        command = [self.switchyard, *map(str, words)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout


def interval(spread, digits=3):
    parts = [spread["value"], spread["low"], spread["high"]]
    if parts[1] is None and parts[2] is None:
        return f"{parts[0]:.{digits}f}"
    low, high = ("inf" if part is None else f"{part:.{digits}f}" for part in parts[1:])
    return f"{parts[0]:.{digits}f} [{low}, {high}]"


def leaderboards(tool, options):
    policies = [*OURS, *ROUTERS, *OTHERS]
    common = ["--seeds", options.seeds, "--threads", options.threads, "--quiet", "--json"]
    suites = {}
    for figure in ("p99_ttft_s", "mean_e2e_s"):
        out = pathlib.Path(options.out)  # replays that it knows are not run again
        again = ["--out", out, *(["--resume"] if (out / "replays.db").exists() else [])]
        suites[figure] = json.loads(tool.run("suite", ",".join(policies), "--scenarios", "autoscaled-day,failing-replica,mixed-gpus", "--objective", figure,
                                             *common, *again))
    names = [scenario["name"] for scenario in suites["mean_e2e_s"]["scenarios"]]
    print("Ratios of mean end-to-end time to LLQ's, whose intervals hold together in a row, and in parentheses p99 TTFT, s:\n")
    print("| policy | " + " | ".join(names) + " |\n|---|" + "---:|" * len(names))
    tails = {row["policy"]: row for row in suites["p99_ttft_s"]["rows"]}
    for row in suites["mean_e2e_s"]["rows"]:
        if row["failure"]:
            print(f"| `{row['policy'].split('(')[0]}` | failed: {row['failure']} |" + " |" * (len(names) - 1))
            continue
        tail = tails[row["policy"]]
        cells = []
        for one, other in zip(row["scenarios"], tail.get("scenarios") or row["scenarios"]):
            values = other["by_seed"]
            cells.append(f"{interval(one['ratio'])} ({sum(values) / len(values):.2f})")
        label = " (clairvoyant)" if row["clairvoyant"] else ""
        print(f"| `{row['policy'].split('(')[0]}`{label} | " + " | ".join(cells) + " |")
    values = {row["policy"].split("(")[0]: [one["by_seed"] for one in row["scenarios"]]
              for row in suites["mean_e2e_s"]["rows"] if not row["failure"]}
    print("\nOurs by the best of the serving systems' routers, which is chosen on these seeds, and by LLQ:\n")
    print("| scenario | best of theirs | ours | ratio of means to it | to LLQ |\n|---|---|---|---:|---:|")
    for s, name in enumerate(names):
        best = min((policy for policy in ROUTERS if policy in values), key=lambda policy: sum(values[policy][s]))
        for policy in OURS:
            ours = values[policy][s]
            print(f"| {name} | `{best}` | `{policy}` | {ratio_text(ours, values[best][s])} | "
                  f"{ratio_text(ours, values['llq'][s])} |")


def looks_free(tool, seed):
    print(f"\n## A replica that has been emptied and looks free\n\nReplica 2 of `chat-sessions` fails at {FAIL_S} s, and routers know "
          f"{DETECTION_S} s later. With live signals it has nothing to do meanwhile, so that who goes by load sends it what "
          "comes; all of that is lost and tried again. Made by "
          f"`switchyard run {' '.join(map(str, FAILS))} --seed {seed} --policy NAME`:\n")
    print("| policy | requests lost and tried again | failed | mean end-to-end, s |\n|---|---:|---:|---:|")
    for policy in [*OURS, *ROUTERS, *OTHERS]:
        try:
            summary = json.loads(tool.run("run", *FAILS, "--seed", seed, "--policy", policy, "--json"))
        except RuntimeError as error:
            print(f"| `{policy}` | failed: {str(error).split(': ')[-1]} | | |")
            continue
        print(f"| `{policy}` | {summary['num_retries']} | {summary['num_failed']} | {summary['mean_e2e_s']:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("switchyard", nargs="?", default="build/release/bin/switchyard")
    parser.add_argument("--out", default="build/operated")
    parser.add_argument("--seeds", default="101-104")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    tool = Tool(options.switchyard)
    try:
        leaderboards(tool, options)
        looks_free(tool, 101)
    except RuntimeError as error:
        sys.exit(f"operated.py: {error}")


if __name__ == "__main__":
    main()
