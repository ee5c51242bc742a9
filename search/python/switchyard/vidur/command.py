"""switchyard-vidur: a router written for Vidur from the command line."""

from __future__ import annotations

import argparse
import datetime
import difflib
import json
import os
import sys
import tempfile
from pathlib import Path

import switchyard as sy

from .faults import fault_text

_SHOWN = ("mean_e2e_s", "p99_e2e_s", "mean_ttft_s", "mean_tpot_s", "throughput_rps")
_EVALUATE_ONLY = {"scenarios": None, "held_out": False, "time_s": 60.0, "memory_mib": 4096}
_RUN_ONLY = {"out": "simulator_results", "name": None}


class _Parser(argparse.ArgumentParser):
    """Errors are one line and exit code 2."""

    def error(self, message: str):
        flags = [flag for action in self._actions for flag in action.option_strings]
        prefix = "unrecognized arguments: "
        if message.startswith(prefix):
            word = message[len(prefix):].split()[0]
            near = difflib.get_close_matches(word, flags, 1)
            message = f"unknown flag '{word}'" + (f"; did you mean '{near[0]}'?" if near else "")
        self.exit(2, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="switchyard-vidur", description="Runs routers written for Vidur, unmodified.",
                     allow_abbrev=False)
    parser.add_argument("file", help="a Python file with a class that derives from BaseGlobalScheduler")
    parser.add_argument("--scenario", help="a scenario's name or file (default azure-conv)")
    parser.add_argument("--seed", type=int, help="of the workload (default: the scenario's)")
    parser.add_argument("--class", dest="name", help="the class, if the file has several")
    parser.add_argument("--out", default=_RUN_ONLY["out"], help="folder for results (default simulator_results)")
    parser.add_argument("--evaluate", action="store_true",
                        help="a score with limits, as JSON: for programs that write routers")
    parser.add_argument("--scenarios", help="--evaluate: names, comma between (default: --scenario)")
    parser.add_argument("--held-out", action="store_true", help="--evaluate: on held-out seeds")
    parser.add_argument("--time-s", type=float, default=60.0, help="--evaluate: limit in seconds (default 60)")
    parser.add_argument("--memory-mib", type=int, default=4096, help="--evaluate: limit in MiB (default 4096)")
    parser.add_argument("--json", action="store_true", help="print JSON: summary.json, or the evaluator's answer in a line")
    parser.add_argument("--version", action="version", version=f"switchyard-vidur {sy.__version__}")
    return parser


def _check_flags(options: argparse.Namespace) -> None:
    for name, default in (_RUN_ONLY if options.evaluate else _EVALUATE_ONLY).items():
        if getattr(options, name) != default:
            flag = "--class" if name == "name" else "--" + name.replace("_", "-")
            raise sy.InputError(f"{flag}: has no effect {'with' if options.evaluate else 'without'} --evaluate")
    if options.scenarios and options.scenario:
        raise sy.InputError("--scenario: contradicts --scenarios: one of them says what is replayed")
    if options.held_out and options.seed is not None:
        raise sy.InputError("--held-out: contradicts --seed: one of them says which seeds are run")


def _write(result: sy.Result, file: str, out: Path) -> Path:
    """config.json and request_metrics.csv as Vidur leaves them, and summary.json; the time names the folder, and is in
    no file. All are there, or none."""
    parent = out / result._replay.scenario.name
    parent.mkdir(parents=True, exist_ok=True)
    config = {"global_scheduler": file, "seed": result.seed, "scenario": json.loads(result._replay.scenario.json())}
    staging = Path(tempfile.mkdtemp(prefix=".partial-", dir=parent))
    os.chmod(staging, 0o755)
    (staging / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (staging / "summary.json").write_text(json.dumps(result.summary, indent=2) + "\n")
    (staging / "request_metrics.csv").write_text(result._replay.request_metrics())
    while True:
        folder = parent / datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
        try:
            staging.rename(folder)
            return folder
        except OSError:
            if not folder.exists():
                raise


def _evaluate(options: argparse.Namespace) -> int:
    names = (options.scenarios or options.scenario or "azure-conv").split(",")
    answer = sy.vidur.evaluate(options.file, names, held_out=options.held_out, time_s=options.time_s,
                               memory_mib=options.memory_mib, seeds=None if options.seed is None else [options.seed])
    print(json.dumps(answer, indent=None if options.json else 2))
    return 0 if answer["error"] is None else 2


def _run(options: argparse.Namespace) -> int:
    scenario = sy.scenario(options.scenario or "azure-conv")
    try:
        result = sy.run(scenario, sy.vidur.load(options.file, options.name), options.seed)
    except (sy.InputError, sy.StalledError):
        raise
    except Exception as error:  # noqa: BLE001 (the router's own)
        print(fault_text(error, options.file), file=sys.stderr)
        return 2
    folder = _write(result, options.file, Path(options.out))
    if options.json:
        print(json.dumps(result.summary, indent=2))
    else:
        for name in _SHOWN:
            print(f"{name:16} {result.summary[name]}")
        print(f"written to {folder}")
    return 0


def main(words: list[str] | None = None) -> int:
    options = _parser().parse_args(words)
    try:
        _check_flags(options)
        return _evaluate(options) if options.evaluate else _run(options)
    except (sy.InputError, sy.StalledError, OSError) as error:
        print(f"switchyard-vidur: error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
