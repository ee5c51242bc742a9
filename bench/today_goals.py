#!/usr/bin/env python3
"""Tunes this project's router for today's traffic once for all scenarios, each rival for each scenario, and judges the goals.

usage: python3 bench/today_goals.py [SWITCHYARD] [--out DIR] [--replays N] [--seeds RANGE] [--threads T]

One setting of expected_completion_hold is tuned on the training seeds of the suites `today` and `overload` and of two traces
without prefixes (TRAINED_TOO) together. Every rival (SGLang's gateway, llm-d, Dynamo, Preble, prefix_cost) is tuned on
each scenario by itself, with as many replays as ours had in all, divided by the number of scenarios. All are judged on held-out seeds (for traces: of their other
half). D: the best rival at its default setting, prefix_cost aside; T: the best rival at the better of its default and its
tuned setting, chosen on the very seeds that it is judged on, which flatters it. With --every-router DIR, the folder of
bench/production_routers.py (made there if need be, which takes long), ours is also held against every router of a
serving system at its default, with signals live, 50 ms and 1 s old. Where requests are held, ours is held against itself with other
orders and ageing, too: what these do to the mean and to the tail. A ratio of means has the 95% interval
of the paired t test over seeds (Fieller). Beside every mean stands p99 TTFT. Prints Markdown; everything stays in DIR
(build/today), and what is there is not run again. --replays and --seeds make it longer and surer.
"""
import argparse
import csv
import json
import math
import pathlib
import re
import subprocess
import sys
import time

import production_routers

OURS = "expected_completion_hold"
RIVALS = ["smg_cache_aware", "llmd", "dynamo", "preble_e2", "prefix_cost"]
DEFAULTS = RIVALS[:4]  # of which D is the best
MILD = ["mooncake-conv", "mooncake-synth", "tenants", "chat-sessions", "agent-sessions", "chat-sessions-pressure"]
OVERLOAD = ["mooncake-conv-overload", "chat-sessions-overload", "agent-sessions-overload", "tenants-spike"]
TRAINED_TOO = ["azure-code-v1", "azure-code-x3-v1"]  # by the search for ours

# To reach and stretch, of means relative to T.
GOALS_T = {"mooncake-conv": (0.88, 0.82), "mooncake-synth": (0.82, 0.74), "chat-sessions": (0.92, 0.83),
           "tenants": (1.00, 0.98), "agent-sessions": (1.00, 0.94), "chat-sessions-pressure": (1.00, 0.93),
           "mooncake-conv-overload": (0.85, 0.70), "chat-sessions-overload": (0.80, 0.60),
           "agent-sessions-overload": (0.95, 0.80), "tenants-spike": (1.00, 0.97)}
# Most of p99 TTFT, relative to D's, or T's for the spike.
TAILS = {"mooncake-conv-overload": (1.5, 1.0), "chat-sessions-overload": (1.5, 1.0), "agent-sessions-overload": (1.5, 1.0),
         "tenants-spike": (1.2, 1.0)}

# Of the order and the bounds of ours, as what they are otherwise known.
TAIL_VARIANTS = {
    "first come, first served": {"slack": 1, "slack_most_s": 1},
    "deadline: overtaken for 10 s at most": {"slack_most_s": 10},
    "shortest uncached prompt first, hardly any ageing": {"slack": 1000, "slack_most_s": 1000},
    "bounds grow five times as fast": {"pending_age": 0.25},
}


class Tool:
    def __init__(self, switchyard, threads, started):
        self.switchyard, self.threads, self.started = switchyard, threads, started

    def run(self, *words):
        command = [self.switchyard, *map(str, words), "--threads", str(self.threads), "--quiet"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"today_goals.py: {' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def say(self, what):
        print(f"{time.monotonic() - self.started:6.0f} s  {what}", file=sys.stderr, flush=True)

    def default_of(self, policy):
        """The canonical spec of a policy's default setting."""
        return json.loads(subprocess.run([self.switchyard, "policies", policy, "--json"], check=True, text=True,
                                         stdout=subprocess.PIPE).stdout)[0]["spec"]

    def best_of(self, study):
        return {spec.split("(")[0]: spec
                for spec in subprocess.run([self.switchyard, "study", "best", str(study)], check=True, text=True,
                                           stdout=subprocess.PIPE).stdout.split("\n") if spec}


def suite_of(tool, specs, scenarios, seeds, out, objectives=("mean_e2e_s", "p99_ttft_s")):
    """By scenario and spec: these figures by seed. `scenarios`: names, or the path of a file."""
    figures = {}
    where = ["--suite", scenarios] if isinstance(scenarios, pathlib.Path) else ["--scenarios", ",".join(scenarios)]
    for objective in objectives:
        suite = json.loads(tool.run("suite", ",".join(specs), *where, "--seeds", seeds, "--objective", objective, "--out", out,
                                    "--resume", "--json"))
        for row in suite["rows"]:
            if row["failure"]:
                continue
            for part in row["scenarios"]:
                figures.setdefault(part["name"], {}).setdefault(row["policy"], {})[objective] = part["by_seed"]
    return figures


def mean(values):
    return sum(values) / len(values)


# Student's t at 97.5%, for 1 to 30 degrees of freedom.
T_QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
               2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042]


def ratio_interval(values, reference):
    """Fieller's interval of the ratio of means, paired by seed: all ratios that the t test does not reject."""
    n = len(values)
    if n < 2:
        return None
    t = T_QUANTILES[min(n - 2, 29)]
    a, b = mean(values), mean(reference)
    cov = [sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / (n - 1) / n
           for xs, mx, ys, my in [(values, a, values, a), (reference, b, reference, b), (values, a, reference, b)]]
    quadratic, linear, constant = b * b - t * t * cov[1], a * b - t * t * cov[2], a * a - t * t * cov[0]
    discriminant = linear * linear - quadratic * constant
    if quadratic <= 0 or discriminant < 0:
        return None
    root = math.sqrt(discriminant)
    return (linear - root) / quadratic, (linear + root) / quadratic


def ratio_text(values, reference):
    interval = ratio_interval(values, reference)
    text = f"{mean(values) / mean(reference):.3f}"
    return text + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def verdict(value, goal):
    return "stretch" if value <= goal[1] else "yes" if value <= goal[0] else "no"


def geometric_mean(values):
    return math.exp(mean([math.log(value) for value in values]))


def print_left_out(rows):
    """What the search would have ended with without each scenario, and what it did end with, relative to the default there."""
    print("\n| scenario | left out / default | trained on / default |\n|---|---:|---:|")
    for row in rows:
        print(f"| `{row['left_out']}` | {float(row['ratio_to_default']):.3f} | {float(row['with_ratio_to_default']):.3f} |")


def changed(spec, changes):
    """A canonical spec, which names every parameter, with other values of some."""
    for name, value in changes.items():
        spec, found = re.subn(rf"(?<=[(,]){name}=[^,)]*", f"{name}={value}", spec)
        if found != 1:
            sys.exit(f"today_goals.py: no parameter {name} in {spec}")
    return spec


def print_tail(tool, ours, scenarios, seeds, out):
    """What ageing and deadlines do to the mean and to p99 TTFT where requests are held: ours with other bounds on overtaking."""
    specs = {title: changed(ours, changes) for title, changes in TAIL_VARIANTS.items()}
    specs["nothing is held: `expected_completion`"] = tool.default_of("expected_completion")
    found = suite_of(tool, list(dict.fromkeys([ours, *specs.values()])), scenarios, seeds, out / "tail")
    print("\nMean end-to-end time and p99 TTFT relative to ours as it is:\n\n| order and ageing | " + " | ".join(f"`{s}`" for s in scenarios) +
          " |\n|---|" + "---:|" * len(scenarios))
    for title, spec in specs.items():
        cells = []
        for scenario in scenarios:
            row, mine = found[scenario][spec], found[scenario][ours]
            ratios = [mean(row[figure]) / mean(mine[figure]) for figure in ("mean_e2e_s", "p99_ttft_s")]
            cells.append(f"{ratios[0]:.3f}, {ratios[1]:.2f}")
        print(f"| {title} | " + " | ".join(cells) + " |")


def print_every_router(tool, ours, scenarios, seeds, folder, only):
    """Ours against the best router of a serving system, at its default, on each scenario and at each age of signals."""
    reads = production_routers.Tool(tool.switchyard, tool.threads).policies()
    names = [name for name in reads if name not in ("llq", "prefix_cost") and (not only or name in only)]
    print("\n| signals | " + " | ".join(f"`{s}`" for s in scenarios) + " |\n|---|" + "---:|" * len(scenarios))
    for age in [0, 0.05, 1]:
        tool.say(f"every router, signals {age:g} s old")
        cell, suite = production_routers.cell_folder(folder, scenarios, age, 1)
        # What reads nothing published does the same at any age.
        asked = [name for name in names if reads[name] or age == production_routers.USUAL[0]]
        found = suite_of(tool, [ours, *asked], suite, seeds, cell / "suite", ["mean_e2e_s"])
        if age == 0:
            usual = suite_of(tool, names, production_routers.cell_folder(folder, scenarios, 0.05, 1)[1], seeds,
                             folder / "age-0.05-routers-1" / "suite", ["mean_e2e_s"])
        cells = []
        for scenario in scenarios:
            rows = {spec.split("(")[0]: row["mean_e2e_s"] for spec, row in {**usual[scenario], **found[scenario]}.items()}
            best = min((name for name in names if name in rows), key=lambda name: mean(rows[name]))
            cells.append(f"{ratio_text(rows[OURS], rows[best])} ({best})")
        print(f"| {'live' if age == 0 else f'{age:g} s old'} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("switchyard", nargs="?", default="build/release/bin/switchyard")
    parser.add_argument("--out", default="build/today", type=pathlib.Path)
    parser.add_argument("--replays", default=1008, type=int, help="of our search over all scenarios (default 1008)")
    parser.add_argument("--train-seeds", default="1-2", help="of each scenario (default 1-2)")
    parser.add_argument("--seeds", default="101-108", help="held-out seeds (default 101-108)")
    parser.add_argument("--setting", help="judge this setting of ours in place of one that is tuned now")
    parser.add_argument("--every-router", metavar="DIR", type=pathlib.Path, help="hold ours against every production router, too")
    parser.add_argument("--every-router-seeds", help="held-out seeds of that (default: those of --seeds)")
    parser.add_argument("--every-router-names", help="of these alone, comma between (default: all)")
    parser.add_argument("--tuned-rivals", default=",".join(RIVALS), help="which rivals are tuned, comma between (default: all)")
    parser.add_argument("--tuned-on", help="on which scenarios rivals are tuned, comma between (default: all)")
    parser.add_argument("--no-rival-search", action="store_true", help="judge rivals at their defaults alone")
    parser.add_argument("--threads", default=2, type=int)
    arguments = parser.parse_args()
    tool = Tool(arguments.switchyard, arguments.threads, time.monotonic())
    known = {line.split()[0] for line in subprocess.run([arguments.switchyard, "scenarios"], check=True, text=True,
                                                        stdout=subprocess.PIPE).stdout.splitlines() if line.strip()}
    mild, overload = [s for s in MILD if s in known], [s for s in OVERLOAD if s in known]
    out, scenarios = arguments.out, mild + overload
    if missing := [s for s in MILD + OVERLOAD if s not in known]:
        tool.say(f"not among this program's scenarios, and left out: {', '.join(missing)}")

    def resume(folder):
        return ["--resume"] if (folder / "study.db").exists() else []

    trained = scenarios + [s for s in TRAINED_TOO if s in known]
    left_out = []
    if arguments.setting:
        ours = arguments.setting
    else:
        study = out / "ours"
        tool.say(f"tuning {OURS} on {len(trained)} scenarios")
        tool.run("search", "--scenarios", ",".join(trained), "--policy", OURS, "--replays", arguments.replays, "--train-seeds",
                 arguments.train_seeds, "--held-out-seeds", arguments.seeds, "--out", study, *resume(study))
        left_out = list(csv.DictReader((study / "left_out.csv").open()))
        ours = left_out[0]["chosen_with"]  # by training and validation seeds alone
    defaults = {name: tool.default_of(name) for name in ["llq", OURS, *RIVALS]}
    if ours == OURS:
        ours = defaults[OURS]
    figures, tuned = {}, {}
    for scenario in scenarios:
        specs = {name: [defaults[name]] for name in RIVALS}
        if not arguments.no_rival_search and scenario in (arguments.tuned_on or ",".join(scenarios)).split(","):
            study = out / "rivals" / scenario
            tool.say(f"tuning rivals on {scenario}")
            tool.run("search", "--scenario", scenario, "--policy", arguments.tuned_rivals, "--replays",
                     max(1, arguments.replays // len(trained)), "--train-seeds", arguments.train_seeds, "--held-out-seeds",
                     arguments.seeds, "--out", study, *resume(study))
            for name, spec in tool.best_of(study).items():
                specs[name].append(spec)
        tool.say(f"judging on {scenario}")
        everyone = list(dict.fromkeys(["llq", ours, defaults[OURS], *[spec for all_of in specs.values() for spec in all_of]]))
        found = suite_of(tool, everyone, [scenario], arguments.seeds, out / "judged" / scenario)[scenario]
        by_policy = {}  # name to its settings' figures; canonical specs begin with the name
        for spec, row in found.items():
            by_policy.setdefault(spec.split("(")[0], []).append((spec, row))
        figures[scenario] = found
        tuned[scenario] = by_policy

    def value(row, figure="mean_e2e_s"):
        return mean(row[figure])

    def our_row(scenario):
        found = figures[scenario]
        return found.get(ours) or next(row for spec, row in found.items()
                                       if spec.split("(")[0] == OURS and spec != defaults[OURS])

    def default_row(scenario, name):
        return figures[scenario][defaults[name]]

    best_default, best_tuned = {}, {}
    for scenario in scenarios:
        best_default[scenario] = min(((name, default_row(scenario, name)) for name in DEFAULTS), key=lambda item: value(item[1]))
        best_tuned[scenario] = min(((spec, row) for name in RIVALS for spec, row in tuned[scenario].get(name, [])),
                                   key=lambda item: value(item[1]))

    print(f"Setting: `{ours}`\n")
    best_of_all = "of all rivals at their defaults, which were not tuned here"
    if not arguments.no_rival_search:
        best_of_all = f"tuned or at its default ({arguments.tuned_rivals}, tuned on {arguments.tuned_on or 'each'})"
    print(f"Held-out seeds {arguments.seeds}. D: best rival at its default, prefix_cost aside; T: best rival, {best_of_all}.\n")
    print("| scenario | ours, s | D, s | T, s | ours / D | ours / T | to reach, stretch | reached | p99 TTFT ours, s | D, s | T, s |"
          "\n|---|---:|---:|---:|---:|---:|---:|---|---:|---:|---:|")
    for scenario in scenarios:
        mine, (d_name, d), (t_spec, t) = our_row(scenario), best_default[scenario], best_tuned[scenario]
        goal = GOALS_T[scenario]
        reached = verdict(value(mine) / value(t), goal)
        if scenario in TAILS:
            against = t if scenario == "tenants-spike" else d
            tail = value(mine, "p99_ttft_s") / value(against, "p99_ttft_s")
            reached += f"; p99 TTFT at most {TAILS[scenario][0]}: {verdict(tail, TAILS[scenario])} ({tail:.2f})"
        print(f"| `{scenario}` | {value(mine):.3f} | {value(d):.3f} ({d_name}) | {value(t):.3f} ({t_spec.split('(')[0]}) | "
              f"{ratio_text(mine['mean_e2e_s'], d['mean_e2e_s'])} | {ratio_text(mine['mean_e2e_s'], t['mean_e2e_s'])} | "
              f"{goal[0]}, {goal[1]} | {reached} | {value(mine, 'p99_ttft_s'):.2f} | {value(d, 'p99_ttft_s'):.2f} | "
              f"{value(t, 'p99_ttft_s'):.2f} |")
    for name, against, goal in [("D", best_default, (0.90, 0.84)), ("T", best_tuned, (0.92, 0.86))]:
        ratio = geometric_mean([value(our_row(s)) / value(against[s][1]) for s in mild])
        print(f"\nGeometric mean over the {len(mild)} mild scenarios / {name}: **{ratio:.3f}** (to reach {goal[0]}, stretch {goal[1]}: "
              f"{verdict(ratio, goal)})")

    print("\nEvery router at its default, mean end-to-end time, s (p99 TTFT, s):\n")
    print("| router | " + " | ".join(f"`{s}`" for s in scenarios) + " |\n|---|" + "---:|" * len(scenarios))
    for name in ["llq", *RIVALS]:
        cells = []
        for scenario in scenarios:
            row = default_row(scenario, name)
            cells.append(f"{value(row):.2f} ({value(row, 'p99_ttft_s'):.1f})")
        print(f"| {name} | " + " | ".join(cells) + " |")
    row = [f"{value(our_row(s)):.2f} ({value(our_row(s), 'p99_ttft_s'):.1f})" for s in scenarios]
    print("| **ours** | " + " | ".join(row) + " |")

    def variants(name, changes):
        file = out / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"scenarios": [{"scenario": scenario, **changes} for scenario in mild]}))
        return file

    print("\n| signals | " + " | ".join(f"`{s}`" for s in mild) + " | geometric mean |\n|---|" + "---:|" * (len(mild) + 1))
    live = {}
    for title, changes in [("live", {"signals": {"interval_s": 0}}), ("50 ms old", {"signals": {"interval_s": 0.05}}),
                           ("1 s old", {"signals": {"interval_s": 1}}),
                           ("10 s old, 4 routers", {"signals": {"interval_s": 10}, "routers": {"count": 4}})]:
        tool.say(f"judging with signals {title}")
        name = title.replace(" ", "-").replace(",", "")
        found = suite_of(tool, [ours, *DEFAULTS], variants(name, changes), arguments.seeds, out / "signals" / name)
        rows = {s: next(row for spec, row in found[s].items() if spec.split("(")[0] == OURS) for s in mild}
        live = live or rows
        best = {s: min(value(row) for spec, row in found[s].items() if spec.split("(")[0] in DEFAULTS) for s in mild}
        print(f"| {title}: ours / live | " + " | ".join(ratio_text(rows[s]["mean_e2e_s"], live[s]["mean_e2e_s"]) for s in mild) +
              f" | {geometric_mean([value(rows[s]) / value(live[s]) for s in mild]):.3f} |")
        print(f"| {title}: ours / best default | " + " | ".join(f"{value(rows[s]) / best[s]:.3f}" for s in mild) +
              f" | {geometric_mean([value(rows[s]) / best[s] for s in mild]):.3f} |")

    print("\n| scenario | ours / LLQ | to reach, stretch | reached | ours / interference_aware |\n|---|---:|---:|---|---:|")
    old = ["azure-conv-v1", "azure-conv-x3-v1", "azure-code-v1", "azure-code-x3-v1", "chat-pressure-v1", "conv-pressure-v1"]
    goals = {"azure-code-v1": (0.85, 0.80), "azure-code-x3-v1": (0.70, 0.60)}
    found = suite_of(tool, [ours, "interference_aware", "llq"], old, arguments.seeds, out / "old")
    for scenario in old:
        goal = goals.get(scenario)
        rows = {spec.split("(")[0]: row for spec, row in found[scenario].items()}
        mine, other, llq = rows[OURS], rows["interference_aware"], rows["llq"]
        ratio = value(mine) / value(llq)
        print(f"| `{scenario}` | {ratio_text(mine['mean_e2e_s'], llq['mean_e2e_s'])} | "
              f"{f'{goal[0]}, {goal[1]}' if goal else ''} | {verdict(ratio, goal) if goal else ''} | "
              f"{ratio_text(mine['mean_e2e_s'], other['mean_e2e_s'])} |")
    tool.say("judging orders and ageing")
    first_two = ",".join(map(str, production_routers.seeds_of(arguments.seeds)[:2]))  # long replays
    print_tail(tool, ours, [s for s in overload if s != "tenants-spike"], first_two, out)
    if left_out:
        print_left_out(left_out)
    if arguments.every_router:
        print_every_router(tool, ours, mild, arguments.every_router_seeds or arguments.seeds, arguments.every_router,
                           (arguments.every_router_names or "").split(",") if arguments.every_router_names else [])
    tool.say("done")


if __name__ == "__main__":
    main()
