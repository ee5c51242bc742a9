#!/usr/bin/env python3
"""Ranks the routers of serving systems, all at their defaults, on today's traffic: four ages of signals, one router and four.

usage: python3 bench/production_routers.py [SWITCHYARD] [--out DIR] [--seeds RANGE] [--other-seeds RANGE] [--threads T]
       [--suites NAME,...] [--ages S,...] [--routers N,...] [--cells-only] [--done]

Every policy of the group "production" that does not need prefill and decode apart, llq and prefix_cost run on the suites
`today` (--seeds with one router) and `overload` (--other-seeds, as all with four) in eight cells each: signals and KV events
0 (live), 0.05, 1 and 10 s old, each with 1 and with 4 router processes. A policy that reads nothing that
replicas publish (`switchyard policies NAME` says what one reads) cannot tell how old that is: it runs at one age alone,
and is checked to give the same figure at another on one scenario. Then the order of LLQ, SGLang's gateway, llm-d,
Dynamo and Preble is held against the table that the scenarios were made from (PAGE below), and two of its scenarios are
replayed closer to how it had them: the second half of each Mooncake trace, at the pace that it names and at 0.85 of it,
and six draws of the tenants, with its formula of step times as profile. As the table's Preble is one "like" it, the order is
compared with and without Preble's rebalancing.

Prints Markdown. Each cell is a folder of DIR (build/production) that is gone on with, not run again: what is there is not
run twice, by whatever flags it was made. --suites, --ages and --routers run some cells alone; --done runs nothing, and shows
what the cells in DIR have (suite*/suite.json; results of one kernel number are the same, whichever program made them).
"""
import argparse
import itertools
import json
import math
import pathlib
import subprocess
import sys
import time

MILD = ["mooncake-conv", "mooncake-synth", "tenants", "chat-sessions", "agent-sessions", "chat-sessions-pressure"]
OVERLOAD = ["mooncake-conv-overload", "chat-sessions-overload", "agent-sessions-overload", "tenants-spike"]
AGES = [0, 0.05, 1, 10]
ROUTERS = [1, 4]
USUAL = (0.05, 1)  # the scenarios' own cell
SUITES = {"today": MILD, "overload": OVERLOAD}
PUBLISHED = {"waiting", "state", "requests", "cache", "kv_events"}

# Mean end-to-end seconds of the table that the scenarios come from, by scenario.
COMPARED = ["llq", "smg_cache_aware", "llmd", "dynamo", "preble_e2"]
PAGE = {"mooncake-conv": [9.61, 8.13, 8.30, 8.70, 7.94], "mooncake-synth": [18.44, 2.79, 2.68, 4.70, 2.32],
        "tenants": [5.37, 3.24, 3.32, 3.28, 3.02], "chat-sessions": [8.61, 6.10, 6.16, 7.49, 6.02],
        "agent-sessions": [15.68, 6.38, 6.42, 9.38, 5.41], "chat-sessions-pressure": [4.33, 4.30, 4.15, 4.23, 4.06],
        "mooncake-conv-overload": [26.90, 16.60, 17.03, 19.52, 16.30], "chat-sessions-overload": [14.52, 13.44, 13.39, 14.03, 13.37],
        "agent-sessions-overload": [33.03, 22.79, 22.89, 29.44, 20.61], "tenants-spike": [10.60, 5.53, 5.36, 5.43, 5.06]}

# Its step: 1 ms + max(5.74 ms, 23.3 us a token) + 1.06 ns * sum of chunk * (before + chunk / 2) + 50.2 ns a KV token
# of decodes. The form below rounds the corner of the maximum.
PAGE_PROFILE = {
    "name": "page-h100-llama3-8b", "source": "the formula of the table that the scenarios come from",
    "model": {"num_layers": 32, "num_q_heads": 32, "num_kv_heads": 8, "head_dim": 128, "embedding_dim": 4096, "mlp_dim": 14336,
              "max_model_len": 131072},
    "tensor_parallel": 1, "dtype": "bf16",
    "memory": {"gpu_bytes": 85520809984, "weight_bytes": 16059990016, "reserved_bytes": 2101298688,
               "kv_bytes_per_token": 131072, "kv_tokens": 0},
    "tied_roofline": {"overhead_ms": 1.0, "weights_ms": 5.74, "token_ms": 0.0233, "request_ms": 0, "context_token_ms": 50.2e-6,
                      "activation_ms": 0, "attention_ratio": 1.06e-6 / 0.0233, "most_tokens": 1e5, "most_requests": 1000,
                      "weights_error": 0, "token_error": 0, "request_error": 0}}
HALVES = {"mooncake-conv": ("conversation_trace.jsonl", 1.1), "mooncake-synth": ("synthetic_trace.jsonl", 1.2)}


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def seeds_of(text):
    """"101-103,107" as numbers."""
    numbers = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def geometric_mean(values):
    return math.exp(mean(math.log(value) for value in values))


def folder_of(out, scenarios, age, routers):
    return out / f"{'overload-' if scenarios == OVERLOAD else ''}age-{age:g}-routers-{routers}"


class Tool:
    def __init__(self, switchyard, threads):
        self.switchyard, self.threads, self.started = switchyard, threads, time.monotonic()

    def run(self, *words):
        command = [self.switchyard, *map(str, words)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"production_routers.py: {' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def say(self, what):
        print(f"{time.monotonic() - self.started:6.0f} s  {what}", file=sys.stderr, flush=True)

    def mean_e2e(self, *words):
        return json.loads(self.run("run", *words, "--json"))["mean_e2e_s"]

    def check_own_books(self, names, scenario, seed):
        """Ends if one of these, which read nothing that is published, does tell how old that is."""
        for name in names:
            at = [self.mean_e2e("--scenario", scenario, "--seed", seed, "--policy", name, "--signal-interval", age, "--kv-delay", age)
                  for age in (AGES[1], AGES[-1])]
            if at[0] != at[1]:
                sys.exit(f"production_routers.py: {name} is said to read nothing published, but on {scenario} takes {at[0]} s "
                         f"and, with old signals, {at[1]} s")

    def policies(self):
        """Name to whether it reads anything that replicas publish."""
        found = {entry["name"]: entry for entry in json.loads(self.run("policies", "--json"))}
        names = ["llq", "prefix_cost", *(name for name, entry in found.items()
                                         if entry["group"] == "production" and not entry["knows_roles"])]
        return {name: bool(PUBLISHED.intersection(found[name]["signals"])) for name in names}

    def cell(self, names, suite, age, routers, seeds, out):
        """Mean end-to-end seconds by policy, scenario and seed; a policy that failed on one is not there."""
        folder, changed = cell_folder(out, SUITES[suite], age, routers)
        return self.figures(json.loads(self.run(
            "suite", ",".join(names), "--suite", changed, "--seeds", seeds, "--out", folder / "suite", "--resume", "--json",
            "--quiet", "--threads", self.threads)), suite)

    def figures(self, ranked, suite):
        found = {}
        for row in ranked["rows"]:
            if row["clairvoyant"]:
                continue
            name = row["policy"].split("(")[0]
            if row["failure"]:
                self.say(f"{name}: {row['failure']}")
                continue
            found[name] = {scenario: part["by_seed"] for scenario, part in zip(SUITES[suite], row["scenarios"])}
        return found

    def done(self, suite, age, routers, out):
        """What the folder of the cell has."""
        found = {}
        for file in sorted(folder_of(out, SUITES[suite], age, routers).glob("suite*/suite.json")):
            found.update(self.figures(json.loads(file.read_text()), suite))
        return found


def cell_folder(out, scenarios, age, routers):
    """The folder of one cell, and in it the suite's file for these scenarios."""
    folder = folder_of(out, scenarios, age, routers)
    folder.mkdir(parents=True, exist_ok=True)
    changed = folder / "scenarios.json"
    changed.write_text(json.dumps({"scenarios": [
        {"scenario": scenario, "signals": {"interval_s": age, "kv_delay_s": age}, "routers": {"count": routers}}
        for scenario in scenarios]}))
    return folder, changed


def cell_title(age, routers):
    return f"{'live' if age == 0 else f'{age:g} s'}, {routers}"


def relative(figures, reference, scenarios):
    """Geometric mean over scenarios relative to the reference on the same seeds, the first ones; None without figures."""
    if not figures or any(s not in figures for s in scenarios):
        return None
    return geometric_mean(mean(figures[s]) / mean(reference[s][:len(figures[s])]) for s in scenarios)


def print_cells(title, cells, scenarios, reference, names):
    print(f"\n## {title}\n")
    keys = [(age, routers) for routers in ROUTERS for age in AGES
            if relative(cells.get((age, routers), {}).get("llq"), reference, scenarios) is not None]
    print("| router | " + " | ".join(cell_title(*key) for key in keys) + " |\n|---|" + "---:|" * len(keys))
    table = {name: {key: relative(cells[key].get(name), reference, scenarios) for key in keys} for name in names}
    first = USUAL if USUAL in cells else keys[0]
    for name in sorted(names, key=lambda name: (table[name][first] is None, table[name][first] or 0, name)):
        shown = ["-" if value is None else f"{value:.3f}" for value in table[name].values()]
        print(f"| `{name}` | " + " | ".join(shown) + " |")


def print_scenarios(cell, scenarios):
    cell = {name: {scenario: mean(figures[scenario]) for scenario in scenarios} for name, figures in cell.items()
            if all(scenario in figures for scenario in scenarios)}
    print("\n| router | " + " | ".join(f"`{s}`" for s in scenarios) + " |\n|---|" + "---:|" * len(scenarios))
    for name in sorted(cell, key=lambda name: (geometric_mean(cell[name][s] for s in scenarios), name)):
        print(f"| `{name}` | " + " | ".join(f"{cell[name][s]:.2f}" for s in scenarios) + " |")


def order(figures):
    return " < ".join(name for _, name in sorted((figures[name], name) for name in COMPARED))


def pairs_turned(page, ours):
    """Pairs of the five whose order differs, with how far apart each table has them."""
    turned = []
    for a, b in itertools.combinations(COMPARED, 2):
        if (page[a] - page[b]) * (ours[a] - ours[b]) < 0:
            turned.append(f"{a}/{b} {page[a] / page[b]:.2f} and {ours[a] / ours[b]:.2f}")
    return turned


def print_comparison(cell, scenarios):
    print("\n| scenario | its order | ours | pairs turned: its ratio and ours |\n|---|---|---|---|")
    total = 0
    for scenario in scenarios:
        page = dict(zip(COMPARED, PAGE[scenario]))
        ours = {name: mean(cell[name][scenario]) for name in COMPARED}
        turned = pairs_turned(page, ours)
        total += len(turned)
        print(f"| `{scenario}` | {order(page)} | {order(ours)} | {'; '.join(turned) or 'none'} |")
    print(f"\n{total} of {10 * len(scenarios)} pairs are in another order.")


def print_pace(tool, out, data):
    print("\n| scenario | of which | profile | " + " | ".join(COMPARED) + " |\n|---|---|---|" + "---:|" * len(COMPARED))
    profile = out / "page-profile.json"
    profile.write_text(json.dumps(PAGE_PROFILE))
    for scenario, (name, load) in HALVES.items():
        trace = data / "traces" / "mooncake" / name
        if not trace.exists():
            tool.say(f"{trace} is not there: the paces of {scenario} are left out")
            continue
        lines = trace.read_text().splitlines()
        half = out / f"second-half-{scenario}.jsonl"
        half.write_text("\n".join(lines[len(lines) // 2:]) + "\n")
        print(f"| `{scenario}` as the table has it | | | " + " | ".join(f"{value:.2f}" for value in PAGE[scenario]) + " |")
        pace = load * 8 * 0.29 / 0.85
        for factor, file in [(1, None), (1, profile), (0.85, profile)]:
            row = [tool.mean_e2e("--scenario", scenario, "--workload", half, "--time-scale", f"{pace * factor:.6f}", "--duration", 1e5,
                                 "--warm-up-share", 0.15, "--seed", 0, "--policy", policy, *(["--profile", file] if file else []))
                   for policy in COMPARED]
            print(f"| `{scenario}` | pace {pace * factor:.2f} | {'its formula' if file else 'of the scenario'} | " +
                  " | ".join(f"{value:.2f}" for value in row) + " |")
    print(f"| `tenants` as the table has it | | | " + " | ".join(f"{value:.2f}" for value in PAGE["tenants"]) + " |")
    for seed in [1, 2, 3, 101, 102, 103]:
        row = [tool.mean_e2e("--scenario", "tenants", "--seed", seed, "--profile", profile, "--policy", policy) for policy in COMPARED]
        print(f"| `tenants` | seed {seed} | its formula | " + " | ".join(f"{value:.2f}" for value in row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("switchyard", nargs="?", default="build/release/bin/switchyard")
    parser.add_argument("--out", default="build/production", type=pathlib.Path)
    parser.add_argument("--seeds", default="101-104", help="held-out seeds of `today` with one router (default 101-104)")
    parser.add_argument("--other-seeds", default="101", help="of the other cells: the first of --seeds (default 101)")
    parser.add_argument("--suites", default=",".join(SUITES))
    parser.add_argument("--ages", default=",".join(f"{age:g}" for age in AGES))
    parser.add_argument("--routers", default=",".join(map(str, ROUTERS)))
    parser.add_argument("--cells-only", action="store_true", help="run these cells, print nothing")
    parser.add_argument("--done", action="store_true", help="run nothing, show what the cells in DIR have")
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--data", default="../shared/data", type=pathlib.Path, help="folder of traces/mooncake")
    arguments = parser.parse_args()
    tool = Tool(arguments.switchyard, arguments.threads)
    reads = tool.policies()
    ages = [float(age) for age in arguments.ages.split(",")]
    counts = [int(count) for count in arguments.routers.split(",")]
    suites = arguments.suites.split(",")
    cells = {}
    for suite, routers in itertools.product(suites, counts):
        for age in sorted(ages, key=lambda age: age != USUAL[0]):  # the scenarios' own age first
            names = [name for name in reads if reads[name] or age == USUAL[0] or name == "llq"]
            seeds = arguments.seeds if (suite, routers) == ("today", 1) else arguments.other_seeds
            if arguments.done:
                found = {name: row for name, row in tool.done(suite, age, routers, arguments.out).items() if name in names}
            else:
                tool.say(f"{suite}, signals {age:g} s old, {routers} router(s): {len(names)} policies, seeds {seeds}")
                found = tool.cell(names, suite, age, routers, seeds, arguments.out)
            for name in reads:
                usual = cells.get((USUAL[0], routers), {}).get(name, {})
                if found and name not in found and not reads[name] and all(scenario in usual for scenario in SUITES[suite]):
                    found[name] = {scenario: usual[scenario] for scenario in SUITES[suite]}
            for name, figures in found.items():
                cells.setdefault((age, routers), {}).setdefault(name, {}).update(figures)
    tool.say("the cells are there")
    if arguments.cells_only:
        return
    mild, overload = [s for s in MILD if "today" in suites], [s for s in OVERLOAD if "overload" in suites]
    scenarios = mild + overload
    reference = cells[USUAL]["llq"]
    own_books = sorted(name for name in reads if not reads[name])
    if not arguments.done:
        tool.say("whether those that read nothing published are blind to its age")
        tool.check_own_books(own_books, "tenants", 101)
    print(f"{len(reads)} policies at their defaults, held-out seeds {arguments.seeds} of `today` with one router, "
          f"{arguments.other_seeds} of the rest, "
          f"{time.monotonic() - tool.started:.0f} s with {arguments.threads} threads. Columns: age of signals, number of routers. "
          f"Geometric means of mean end-to-end times relative to LLQ's with one router.\n")
    print(f"{len(own_books)} of them read nothing that replicas publish and were run at one age: "
          + ", ".join(f"`{name}`" for name in own_books) + ".")
    for title, of in [("The six mild scenarios", mild), ("Overload and spike", overload)]:
        if of:
            print_cells(title, cells, of, reference, list(reads))
    print("\n## Each scenario, signals 50 ms old, one router\n\nMean end-to-end time, s:")
    print_scenarios(cells[USUAL], scenarios)
    print("\n## Against the table that the scenarios come from")
    print_comparison(cells[USUAL], scenarios)
    if arguments.done:
        return
    print("\nThe same with `preble_e2(rebalance=off)` as preble_e2:")
    calm = {scenario: [tool.mean_e2e("--scenario", scenario, "--seed", seed, "--policy", "preble_e2(rebalance=off)")
                       for seed in seeds_of(arguments.seeds if scenario in MILD else arguments.other_seeds)]
            for scenario in scenarios}
    print_comparison({**cells[USUAL], "preble_e2": calm}, scenarios)
    tool.say("the table's own setting")
    print_pace(tool, arguments.out, arguments.data)
    tool.say("done")


if __name__ == "__main__":
    main()
