#!/usr/bin/env python3
"""Tunes our routers on clusters that are mixed, fail, grow and have roles, and judges them against those of serving systems.

usage: python3 bench/operated.py [SWITCHYARD] [--out DIR] [--scenarios NAME[,NAME...]] [--budget X] [--seeds RANGE] [--threads T]

On each scenario by itself our routers are tuned on training seeds, each with the replays that CASES says (chosen by what a
replay costs, so that all of it takes minutes) times --budget. The router that is best by training and validation seeds
is ours for this scenario; the others are shown, too. Held-out seeds judge it against LLQ and the routers of serving
systems at their defaults. A ratio of means has the 95% interval of the paired t test over seeds (Fieller). The best of
theirs is chosen on the very seeds that it is judged on, which flatters it. Last come a replica that has been emptied
and looks free, as in ai-dynamo/dynamo 10697 (bench/joined_replica.py has one that joins cold), and what the autoscaler
pays. Prints Markdown; studies stay in DIR (build/operated), and what is there is not searched again.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

from today_goals import mean, ratio_text

ROUTERS = ["llmd", "dynamo", "smg_cache_aware", "preble_e2", "aibrix_prefix_cache", "vllm_dp", "ray_power_of_two"]
OTHERS = ["prefix_cost"]
PRODUCTION_APART = ["llmd_pd", "dynamo_disagg", "aibrix_pd", "smg_pd", "vllm_stack_pd"]

# By scenario: our routers that are tuned, with the replays of each search; others of ours, at their defaults; the figures
# that they are tuned for and judged by; held-out seeds. A replay of autoscaled-day is 72,000 requests.
CASES = {
    "mixed-gpus": {"tuned": {"expected_completion_hold": 120, "interference_aware": 96}, "also": [],
                   "figures": ["mean_e2e_s"], "more": ["p99_ttft_s", "failed_share"], "seeds": "101-116"},
    "failing-replica": {"tuned": {"expected_completion_hold": 64}, "also": ["interference_aware"], "figures": ["mean_e2e_s"],
                        "more": ["p99_ttft_s", "failed_share", "num_retries"], "seeds": "101-112"},
    # preble_e2 takes 7 s for one.
    "autoscaled-day": {"tuned": {"interference_aware": 32}, "also": ["expected_completion_hold"], "without": ["preble_e2"],
                       "figures": ["mean_e2e_s"], "more": ["p99_ttft_s", "failed_share", "replica_hours"], "seeds": "101-108"},
    "split-prefill": {"tuned": {"compose_split": 480}, "also": [], "figures": ["mean_e2e_s", "mean_ttft_s"],
                      "more": ["p99_ttft_s", "failed_share", "split_share", "moved_gb"], "seeds": "101-116"},
}

# Replica 2 fails and is back empty before routers know that it was gone: to live signals it looks free meanwhile.
FAIL_S, DETECTION_S = 40, 10
FAILS = ["--scenario", "chat-sessions", "--signal-interval", "0", "--replica-events", f"fail 2 at {FAIL_S} for 30",
         "--detection", DETECTION_S]


class Tool:
    def __init__(self, options):
        self.switchyard, self.threads, self.started = options.switchyard, options.threads, time.monotonic()

    def run(self, *words):
        command = [self.switchyard, *map(str, words)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout

    def say(self, what):
        print(f"{time.monotonic() - self.started:6.0f} s  {what}", file=sys.stderr, flush=True)


def name_of(spec):
    return spec.split("(")[0]


def tune(tool, options, scenario, policy, replays, figure):
    """The setting of a policy that is best by training and validation seeds, and its figure on training seeds."""
    out = pathlib.Path(options.out) / f"{scenario}-{policy}-{figure}"
    if not (out / "leaderboard.json").exists():
        tool.say(f"tuning {policy} on {scenario} for {figure}")
        # What is held out is judged later, all on the same seeds.
        tool.run("search", "--scenario", scenario, "--policy", policy, "--replays", replays, "--objective", figure,
                 "--held-out-seeds", "101", "--out", out, "--threads", tool.threads, "--quiet",
                 *(["--resume"] if (out / "study.db").exists() else []))
    rows = [row for row in json.loads((out / "leaderboard.json").read_text())["rows"]
            if name_of(row["policy"]) == policy and not row["failure"]]
    best = next((row for row in rows if not row["is_default"]), rows[0])  # the default may be the best
    return policy if best["is_default"] else best["policy"], best["training"]["value"]


def judge(tool, options, scenario, specs, figure):
    """Rows of a leaderboard on held-out seeds, by spec as it was asked for."""
    tool.say(f"judging {figure} on {scenario}")
    out = json.loads(tool.run("compare", *specs, "--scenario", scenario, "--held-out-seeds",
                              options.seeds or CASES[scenario]["seeds"], "--objective", figure, "--threads", tool.threads, "--quiet",
                              "--json"))
    rows = {row["policy"]: row for row in out["leaderboard"]["rows"]}
    return {spec: rows.get(spec) or next(row for text, row in rows.items() if name_of(text) == spec and row["is_default"])
            for spec in specs}


def table(rows, ours, figure, more):
    """Of rows by label, the best first; `more`: further figures."""
    titles = {"p99_ttft_s": "p99 TTFT, s", "failed_share": "failed", "num_retries": "retries", "mean_ttft_s": "mean TTFT, s",
              "split_share": "split", "moved_gb": "moved, GB", "mean_e2e_s": "mean end-to-end, s", "replica_hours": "replica hours"}
    print(f"| router | {titles[figure]} | of LLQ's | " + " | ".join(titles[name] for name in more) + " |")
    print("|---|---:|---:|" + "---:|" * len(more))
    llq = rows["`llq`"]["held_out_by_seed"]
    for label, row in sorted(rows.items(), key=lambda item: float("inf") if item[1]["failure"] else mean(item[1]["held_out_by_seed"])):
        if row["failure"]:
            print(f"| {label} | failed: {row['failure']} |" + " |" * (1 + len(more)))
            continue
        values, metrics = row["held_out_by_seed"], row["metrics"]
        digits = {"failed_share": 4, "num_retries": 0, "moved_gb": 1, "split_share": 3, "replica_hours": 2}
        cells = [f"{metrics.get(name, 0):.{digits.get(name, 3)}f}" for name in more]
        mark = "**" if label == ours else ""
        print(f"| {mark}{label}{mark} | {mean(values):.4g} | {ratio_text(values, llq)} | " + " | ".join(cells) + " |")


def scenario_section(tool, options, scenario):
    case = CASES[scenario]
    apart = scenario == "split-prefill"
    rivals = [name for name in (PRODUCTION_APART if apart else ROUTERS) if name not in case.get("without", [])]
    seeds = options.seeds or case["seeds"]
    budgets = {policy: max(2, round(replays * options.budget)) for policy, replays in case["tuned"].items()}
    print(f"\n## {scenario}\n\nHeld-out seeds {seeds}; " + ", ".join(
        f"`{policy}` tuned with {replays} replays" for policy, replays in budgets.items()) + " on training seeds 1-8.")
    for figure in case["figures"]:
        tuned = {policy: tune(tool, options, scenario, policy, replays, figure) for policy, replays in budgets.items()}
        chosen = min(tuned, key=lambda policy: tuned[policy][1])
        ours = f"`{chosen}`, tuned"
        names = ["llq", *tuned, *case["also"], *rivals, *([] if apart else OTHERS)]
        specs = {**{f"`{policy}`, tuned": spec for policy, (spec, _) in tuned.items()}, **{f"`{name}`": name for name in names}}
        found = judge(tool, options, scenario, list(dict.fromkeys(specs.values())), figure)
        print(f"\nTuned for `{figure}`; ours, by training and validation seeds, is {ours}:\n")
        more = [name for name in ["mean_e2e_s", "mean_ttft_s"] if apart and name != figure] + case["more"]
        table({label: found[spec] for label, spec in specs.items()}, ours, figure, more)
        values = found[specs[ours]]["held_out_by_seed"]

        def against(name):
            return ratio_text(values, found[name]["held_out_by_seed"])

        best = min((name for name in rivals if not found[name]["failure"]), key=lambda name: mean(found[name]["held_out_by_seed"]))
        print(f"\nOurs to LLQ **{against('llq')}**, to the best of theirs on these seeds, `{best}`, **{against(best)}**, to "
              f"`{rivals[0]}` {against(rivals[0])}. The setting: `{specs[ours]}`")


def looks_free(tool, seed):
    print(f"\n## A replica that has been emptied and looks free\n\nReplica 2 of `chat-sessions` fails at {FAIL_S} s, and routers know "
          f"{DETECTION_S} s later. With live signals it has nothing to do meanwhile, so that who goes by load sends it what "
          "comes; all of that is lost and tried again. Made by "
          f"`switchyard run {' '.join(map(str, FAILS))} --seed {seed} --policy NAME`:\n")
    print("| policy | requests lost and tried again | failed | mean end-to-end, s |\n|---|---:|---:|---:|")
    for policy in ["expected_completion_hold", "interference_aware", *ROUTERS, "llq", *OTHERS]:
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
    parser.add_argument("--scenarios", default=",".join(CASES), help=f"comma between (default {','.join(CASES)})")
    parser.add_argument("--budget", type=float, default=1, help="replays of each search, times those of CASES (default 1)")
    parser.add_argument("--seeds", help="held-out seeds, of all scenarios (default: those of CASES)")
    parser.add_argument("--no-looks-free", action="store_true", help="leave the replica that looks free out")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    scenarios = [name for name in options.scenarios.split(",") if name]
    if unknown := [name for name in scenarios if name not in CASES]:
        parser.error(f"--scenarios: '{unknown[0]}' is not one of {', '.join(CASES)}")
    tool = Tool(options)
    try:
        for scenario in scenarios:
            scenario_section(tool, options, scenario)
        if not options.no_looks_free:
            looks_free(tool, 101)
    except RuntimeError as error:
        sys.exit(f"operated.py: {error}")
    tool.say("done")


if __name__ == "__main__":
    main()
