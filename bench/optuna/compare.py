#!/usr/bin/env python3
"""Our default method against Optuna's TPE, at the same number of replays, on the same training seeds.

For each scenario and study seed, all tune the same policy from the same declaration of its parameters (`switchyard
policies NAME --json`):
  - ours: `switchyard search --policy NAME --replays N --study-seed S`, the method being the default one; its leader, as
    chosen by training and validation seeds, all of which is paid for by the N replays;
  - tpe:  optuna.samplers.TPESampler(seed=S) with its default options, each trial on all training seeds through
    `switchyard evaluate`, N replays in all; the first trial is the policy's default setting. A setting that fails is
    told as the worst value seen so far, doubled: as a failed trial it would teach TPE nothing. The setting with the
    best training figure;
  - tpe-from-starts: the same, but its next trials are the policy's starts (for `compose` the named policies that are
    settings of it), as they are in ours: what is left is the difference between the methods themselves.
What each finds is then run on held-out seeds. Prints a table of medians over study seeds, as Markdown. Exit code 0 if
ours is at least as good as plain TPE on every scenario.

usage: compare.py [--switchyard PATH] [--scenarios A,B] [--policy NAME] [--replays N] [--study-seeds 1-10] ...
needs: python3-optuna
"""
import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import warnings

import optuna

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


class Evaluator:
    """A running `switchyard evaluate`."""

    def __init__(self, switchyard, scenario):
        self.process = subprocess.Popen([switchyard, "evaluate", "--scenario", scenario], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, policy, seeds):
        self.process.stdin.write(json.dumps({"policy": policy, "seeds": seeds}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            sys.exit(f"{policy}: {answer['error']}")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def sign_test(ratios):
    """Two-sided p-value that ratios of equally good pairs lie this unevenly to the two sides of 1."""
    sides = [ratio < 1 for ratio in ratios if ratio != 1]
    most = max(sides.count(True), sides.count(False))
    return min(1.0, 2 * sum(math.comb(len(sides), k) for k in range(most, len(sides) + 1)) / 2 ** len(sides))


def seeds_of(text):
    spans = [part.split("-") for part in text.split(",")]
    return [seed for span in spans for seed in range(int(span[0]), int(span[-1]) + 1)]


def conditions_of(parameter):
    """"a is x or y; b is z": it matters if one of these holds. Nothing: always."""
    parts = [part.split(" is ") for part in parameter.get("only_if", "").split("; ") if part]
    return [(name, values.split(" or ")) for name, values in parts]


def active(parameter, chosen):
    conditions = conditions_of(parameter)
    return not conditions or any(chosen.get(name) in values for name, values in conditions)


def spec_of(name, chosen):
    return f"{name}({','.join(f'{key}={value}' for key, value in chosen.items())})"


def suggest(trial, parameters):
    """Settings of the parameters that matter, choices first: what a number depends on is known by then."""
    chosen = {}
    pending = list(parameters)
    while pending:
        parameter = next((p for p in pending if settled(p, pending)), pending[0])
        pending.remove(parameter)
        if not active(parameter, chosen):
            continue
        name = parameter["name"]
        if "choices" in parameter:
            chosen[name] = trial.suggest_categorical(name, parameter["choices"])
            continue
        log = parameter["scale"] == "log"
        if isinstance(parameter["low"], int):
            chosen[name] = trial.suggest_int(name, parameter["low"], parameter["high"], log=log)
        else:
            value = trial.suggest_float(name, parameter["low"], parameter["high"], log=log)
            chosen[name] = min(max(float(f"{value:.4g}"), parameter["low"]), parameter["high"])
    return chosen


def settled(parameter, pending):
    waiting = {p["name"] for p in pending}
    return not any(name in waiting for name, _ in conditions_of(parameter))


def tpe(evaluator, policy, parameters, starts, replays, train_seeds, study_seed, multivariate):
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=study_seed, multivariate=multivariate,
                                                                   group=multivariate))
    study.enqueue_trial({p["name"]: p["default"] for p in parameters})
    for start in starts:
        study.enqueue_trial(start)
    best = (float("inf"), None)
    worst = 0.0
    for _ in range(replays // len(seeds_of(train_seeds))):
        trial = study.ask()
        spec = spec_of(policy, suggest(trial, parameters))
        value = evaluator.ask(spec, train_seeds).get("objective")
        if value is None:
            study.tell(trial, 2 * worst)
            continue
        worst = max(worst, value)
        study.tell(trial, value)
        best = min(best, (value, spec))
    return best[1]


def ours(switchyard, scenario, policy, replays, study_seed, method, train_seeds):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([switchyard, "search", "--scenario", scenario, "--policy", policy, "--replays", str(replays),
                        "--study-seed", str(study_seed), "--method", method, "--train-seeds", train_seeds,
                        "--out", folder, "--quiet"], check=True, stdout=subprocess.DEVNULL)
        with open(f"{folder}/leaderboard.json") as file:
            rows = json.load(file)["rows"]
    tuned = [row for row in rows if row["policy"].startswith(policy) and not row["failure"]]
    return min(tuned, key=lambda row: row["training"]["value"])["policy"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--switchyard", default="build/release/bin/switchyard")
    parser.add_argument("--scenarios", default="chat-pressure,azure-code")
    parser.add_argument("--policy", default="compose")
    parser.add_argument("--replays", type=int, default=2000)
    parser.add_argument("--train-seeds", default="1-8")
    parser.add_argument("--study-seeds", default="1-10")
    parser.add_argument("--held-out-seeds", default="101-116")
    parser.add_argument("--method", default="race", help="ours; the default one of `switchyard search` is race")
    parser.add_argument("--contenders", default="ours,tpe,tpe-from-starts")
    parser.add_argument("--multivariate", action="store_true", help="TPE's experimental options multivariate and group")
    parser.add_argument("--settings", action="store_true", help="print the settings that were found, to stderr")
    given = parser.parse_args()

    described = subprocess.run([given.switchyard, "policies", given.policy, "--json"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
    parameters, starts = (json.loads(described)[0][key] for key in ("parameters", "starts"))
    titles = {"ours": f"switchyard {given.method}", "tpe": f"Optuna {optuna.__version__} TPE",
              "tpe-from-starts": "TPE from the same starts"}
    contenders = given.contenders.split(",")
    if set(contenders) - set(titles):
        sys.exit(f"compare.py: error: --contenders: known are {', '.join(titles)}")
    against = [who for who in contenders if who != "ours"] if "ours" in contenders else []
    study_seeds = seeds_of(given.study_seeds)
    print(f"`{given.policy}`, {len(parameters)} parameters, {given.replays} replays each, training seeds "
          f"{given.train_seeds}; mean end-to-end time on held-out seeds {given.held_out_seeds}, s: median over study "
          f"seeds {given.study_seeds} [smallest, largest]; ours / theirs: median of pairs, and how often ours is at "
          "least as good (p: sign test)\n")
    columns = ["scenario", "default setting"] + [titles[who] for who in contenders] + [f"ours / {who}" for who in against]
    print("| " + " | ".join(columns) + " |\n|---" + "|---:" * (len(columns) - 1) + "|", flush=True)
    lost = False
    for scenario in given.scenarios.split(","):
        evaluator = Evaluator(given.switchyard, scenario)
        judge = lambda spec: evaluator.ask(spec, given.held_out_seeds)["objective"]
        find = {
            "ours": lambda seed: ours(given.switchyard, scenario, given.policy, given.replays, seed, given.method,
                                      given.train_seeds),
            "tpe": lambda seed: tpe(evaluator, given.policy, parameters, [], given.replays, given.train_seeds, seed,
                                    given.multivariate),
            "tpe-from-starts": lambda seed: tpe(evaluator, given.policy, parameters, starts, given.replays,
                                                given.train_seeds, seed, given.multivariate)}
        results = {who: [] for who in contenders}
        for study_seed in study_seeds:
            for who in contenders:
                spec = find[who](study_seed)
                results[who].append(judge(spec))
                if given.settings:
                    training = evaluator.ask(spec, given.train_seeds)["objective"]
                    print(f"{scenario} {study_seed} {who}: {training:.4f} {results[who][-1]:.4f} {spec}",
                          file=sys.stderr, flush=True)
        cells = [f"`{scenario}`", f"{judge(spec_of(given.policy, {})):.3f}"]
        evaluator.close()
        for who in contenders:
            found = results[who]
            cells.append(f"{statistics.median(found):.3f} [{min(found):.3f}, {max(found):.3f}]")
        for who in against:
            pairs = [a / b for a, b in zip(results["ours"], results[who])]
            cells.append(f"{statistics.median(pairs):.3f}, {sum(pair <= 1 for pair in pairs)} of {len(pairs)} "
                         f"(p {sign_test(pairs):.2g})")
        print("| " + " | ".join(cells) + " |", flush=True)
        if "tpe" in against and statistics.median(results["ours"]) > statistics.median(results["tpe"]):
            lost = True
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
