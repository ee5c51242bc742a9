#!/usr/bin/env python3
"""Tunes this project's router for each scenario, and holds what the search finds against the goals.

usage: python3 bench/goals.py [SWITCHYARD] [--out DIR] [--replays N] [--threads T]

Each scenario gets one search with a fixed budget in replays on its training seeds; where a whole trace is judged, these
are spread over loads up to 1.1 times its own, as a trace has longer waves of load than redrawn minutes of it. What is
judged was never seen by the search:
seed 42 and 32 others of the seed benchmark, the whole trace (seed 0) where a trace is replayed (training seeds redraw
its first half), held-out seeds of the others. Prints a Markdown table; studies stay in DIR (build/goals), and are
continued if they are there.
"""
import argparse
import json
import pathlib
import subprocess
import sys

POLICY = "interference_aware"


class Goal:
    """What is to be reached: a mean end-to-end time in seconds, or a share of a reference policy's."""

    def __init__(self, scenario, judged, most, reference=None, also=None):
        self.scenario, self.judged, self.most, self.reference, self.also = scenario, judged, most, reference, also
        self.overload = 0.1 if judged == "0" else 0.0


GOALS = [
    Goal("azure-conv", "42", 2.26, also="101-132"),
    Goal("azure-conv-x3", "0", 9.4),
    Goal("azure-code", "0", 0.91),
    Goal("azure-code-x3", "0", 2.75),
    Goal("conv-pressure", "101-116", 0.92, reference="hra"),
    Goal("chat-pressure", "101-116", 0.90, reference="hra"),
]


def json_of(command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def judge(switchyard, scenario, seeds, policies, threads):
    """Rows of a leaderboard by policy name, the policies at these settings and seeds."""
    board = json_of([switchyard, "compare", *policies, "--scenario", scenario, "--held-out-seeds",
                     seeds, "--threads", str(threads), "--json", "--quiet"])
    board = board.get("leaderboard", board)
    return {row["policy"].split("(")[0]: row for row in board["rows"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("switchyard", nargs="?", default="build/release/bin/switchyard")
    parser.add_argument("--out", default="build/goals", type=pathlib.Path)
    parser.add_argument("--replays", default=2000, type=int, help="budget of each search (default 2000)")
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--scenarios", default=",".join(goal.scenario for goal in GOALS))
    arguments = parser.parse_args()
    wanted = arguments.scenarios.split(",")
    unknown = set(wanted) - {goal.scenario for goal in GOALS}
    if unknown:
        sys.exit(f"goals.py: error: --scenarios: no goal for {', '.join(sorted(unknown))}")

    print("| scenario | judged on seeds | goal | default setting | tuned | reached | LLQ | HRA | tuned setting |")
    print("|---|---|---:|---:|---:|---|---:|---:|---|")
    for goal in GOALS:
        if goal.scenario not in wanted:
            continue
        study = arguments.out / goal.scenario
        resume = ["--resume"] if (study / "study.db").exists() else []
        subprocess.run([arguments.switchyard, "search", "--scenario", goal.scenario, "--policy", POLICY, "--method",
                        "race", "--replays", str(arguments.replays), "--train-overload", str(goal.overload),
                        "--threads", str(arguments.threads), "--out", str(study), "--quiet", *resume], check=True, stdout=subprocess.DEVNULL)
        trained = [row for row in json.loads((study / "leaderboard.json").read_text())["rows"]
                   if row["policy"].startswith(POLICY + "(") and not row["failure"]]
        tuned = min(trained, key=lambda row: row["training"]["value"])["policy"]

        def means(setting, seeds):
            rows = judge(arguments.switchyard, goal.scenario, seeds, ["llq", "hra", setting], arguments.threads)
            return rows, {name: row["held_out"]["value"] for name, row in rows.items()}

        rows, values = means(tuned, goal.judged)
        default = means(POLICY, goal.judged)[1][POLICY]
        unit = values[goal.reference] if goal.reference else 1.0
        found = values[POLICY] / unit
        show = (lambda x: f"{x:.3f} x HRA") if goal.reference else (lambda x: f"{x:.3f}")
        print(f"| `{goal.scenario}` | {goal.judged} | {show(goal.most)} | {show(default / unit)} | **{show(found)}** | "
              f"{'yes' if found <= goal.most else 'no'} | {values['llq']:.3f} | {values['hra']:.3f} | `{tuned}` |")
        if goal.also:
            rows, values = means(tuned, goal.also)
            change = rows[POLICY]["change_against_llq"]
            print(f"| `{goal.scenario}` | {goal.also} | better than LLQ | "
                  f"{means(POLICY, goal.also)[1][POLICY]:.3f} | **{values[POLICY]:.3f}** | "
                  f"{'yes' if change['high'] is not None and change['high'] < 0 else 'no'}: {100 * change['value']:+.2f}% "
                  f"[{100 * change['low']:+.2f}, {100 * change['high']:+.2f}] | {values['llq']:.3f} | "
                  f"{values['hra']:.3f} | the same |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
