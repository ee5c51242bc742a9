#!/usr/bin/env python3
"""A replica that has worked off what it had looks free while its cache is hot, and short turns pile onto it: to how many
replicas the requests of a short time go, under each router, and what that costs.

  python3 bench/drained_replica.py SWITCHYARD [--policies llq,...] [--scenario NAME] [--signal-interval S] [--window S]

(ai-dynamo/dynamo #10697: a drained worker looks free while its cache is hot; #12300: short agent turns pile onto one.)
"""
import argparse
import collections
import csv
import json
import pathlib
import subprocess
import tempfile


def replay(args, policy, folder):
    """Requests by arrival, and the summary of the run."""
    out = pathlib.Path(folder) / "run"
    subprocess.run([args.switchyard, "run", "--scenario", args.scenario, "--policy", policy, "--duration", str(args.duration),
                    "--signal-interval", str(args.signal_interval), "--out", str(out), "--force"],
                   check=True, stdout=subprocess.DEVNULL)
    with open(out / "request_metrics.csv", encoding="utf-8") as file:
        rows = [(float(row["arrived_at"]), float(row["completed_at"]), int(row["replica_id"])) for row in csv.DictReader(file)]
    return sorted(rows), json.loads((out / "summary.json").read_text(encoding="utf-8"))


def pile(rows, window):
    """Of each request that finds its replica without any other, how many more go there within the window, of all that
    arrive in it: the share of what follows that a replica draws once it is free."""
    followers = there = 0
    open_at = collections.defaultdict(list)  # by replica: when what it has completes
    for i, (arrived, completed, replica) in enumerate(rows):
        open_at[replica] = [end for end in open_at[replica] if end > arrived]
        if not open_at[replica]:
            for later, _, other in rows[i + 1:]:
                if later > arrived + window:
                    break
                followers += 1
                there += other == replica
        open_at[replica].append(completed)
    return there / followers if followers else float("nan"), followers


def busiest(rows, window):
    """The mean over windows of the share of their requests that the busiest replica gets."""
    windows = collections.defaultdict(collections.Counter)
    for arrived, _, replica in rows:
        windows[int(arrived // window)][replica] += 1
    shares = [max(count.values()) / sum(count.values()) for count in windows.values() if sum(count.values()) >= 8]
    return sum(shares) / len(shares)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("switchyard")
    parser.add_argument("--policies", default="lor,llq,prefix_cost,dynamo,llmd,vllm_dp,sglang_cache_aware")
    parser.add_argument("--scenario", default="chat-sessions")
    parser.add_argument("--window", type=float, default=1)
    parser.add_argument("--signal-interval", type=float, default=5)
    parser.add_argument("--duration", type=float, default=60)
    args = parser.parse_args()
    print("| router | sent to a replica after it was free | busiest replica's share | hit rate | mean TTFT, s | mean e2e, s |\n"
          "|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for policy in args.policies.split(","):
            rows, summary = replay(args, policy, folder)
            share, followers = pile(rows, args.window)
            print(f"| `{policy}` | {share:.3f} of {followers} | {busiest(rows, 10 * args.window):.3f} | {summary['hit_rate']:.3f} | "
                  f"{summary['mean_ttft_s']:.2f} | {summary['mean_e2e_s']:.2f} |")


if __name__ == "__main__":
    main()
