#!/usr/bin/env python3
"""A replica that joins cold and stays starved: what share of the requests that arrive after it serves goes to it, under
each router, and how much of their prompts the prefix caches hold. An even share is 1 / replicas.

  python3 bench/joined_replica.py SWITCHYARD [--policies llq,...] [--scenario NAME] [--join-at S] [--duration S]

(ai-dynamo/dynamo #10574: after scale-up the new workers stay starved, as the cached prefixes are on the old ones.)
"""
import argparse
import csv
import json
import pathlib
import subprocess
import tempfile


def replay(args, policy, folder):
    out = pathlib.Path(folder) / "run"
    events = f"join {args.replicas - 1} at {args.join_at}"
    subprocess.run([args.switchyard, "run", "--scenario", args.scenario, "--policy", policy, "--replicas", str(args.replicas),
                    "--duration", str(args.duration), "--initial-replicas", str(args.replicas - 1), "--replica-events",
                    events, "--out", str(out), "--force"], check=True, stdout=subprocess.DEVNULL)
    with open(out / "request_metrics.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if float(row["arrived_at"]) >= args.join_at]
    here = [row for row in rows if int(row["replica_id"]) == args.replicas - 1]
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return len(here) / len(rows), summary["hit_rate"], summary["mean_e2e_s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("switchyard")
    parser.add_argument("--policies", default="round_robin,llq,prefix_cost,dynamo,llmd,sglang_cache_aware,smg_cache_aware")
    parser.add_argument("--scenario", default="tenants")
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--join-at", type=float, default=60)
    parser.add_argument("--duration", type=float, default=300)
    args = parser.parse_args()
    print(f"{args.scenario}, {args.replicas - 1} replicas, one more from {args.join_at:g} s on: an even share is "
          f"{1 / args.replicas:.2f}")
    print("| router | share of the one that joined | hit rate | mean e2e, s |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for policy in args.policies.split(","):
            share, hits, e2e = replay(args, policy, folder)
            print(f"| `{policy}` | {share:.3f} | {hits:.3f} | {e2e:.2f} |")


if __name__ == "__main__":
    main()
