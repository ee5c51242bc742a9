"""switchyard-vidur: a router written for Vidur from the command line."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path

import switchyard as sy

_SHOWN = ("mean_e2e_s", "p99_e2e_s", "mean_ttft_s", "mean_tpot_s", "throughput_rps")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="switchyard-vidur", description="Runs routers written for Vidur, unmodified.")
    parser.add_argument("file", help="a Python file with a class that derives from BaseGlobalScheduler")
    parser.add_argument("--scenario", default="azure-conv", help="a scenario's name or file (default azure-conv)")
    parser.add_argument("--seed", type=int, help="of the workload (default: the scenario's)")
    parser.add_argument("--class", dest="name", help="the class, if the file has several")
    parser.add_argument("--out", default="simulator_results", help="folder for results (default simulator_results)")
    parser.add_argument("--evaluate", action="store_true",
                        help="a score with limits, as JSON: for programs that write routers")
    parser.add_argument("--scenarios", help="--evaluate: names, comma between (default: --scenario)")
    parser.add_argument("--held-out", action="store_true", help="--evaluate: on held-out seeds")
    parser.add_argument("--time-s", type=float, default=60, help="--evaluate: limit in seconds (default 60)")
    parser.add_argument("--memory-mib", type=int, default=4096, help="--evaluate: limit in MiB (default 4096)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _write(result: sy.Result, file: str, out: Path) -> Path:
    """config.json and request_metrics.csv as Vidur leaves them; the time names the folder, and is in no file."""
    folder = out / result._replay.scenario.name / time.strftime("%Y-%m-%d_%H-%M-%S")
    folder.mkdir(parents=True, exist_ok=True)
    config = {"global_scheduler": file, "seed": result.seed, "scenario": json.loads(result._replay.scenario.json())}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "summary.json").write_text(json.dumps(result.summary, indent=2) + "\n")
    columns = result.requests
    with (folder / "request_metrics.csv").open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["Request Id", "request_e2e_time", "prefill_e2e_time", "request_scheduling_delay",
                         "request_execution_time", "request_num_prefill_tokens", "request_num_decode_tokens",
                         "request_num_restarts", "arrived_at", "completed_at", "replica_id"])
        arrived = columns["arrived_at_ps"]
        for i in range(len(arrived)):
            def seconds(name, since=0):
                return int(columns[name][i] - since) / 1e12
            writer.writerow([i, seconds("completed_at_ps", arrived[i]), seconds("first_token_at_ps", arrived[i]),
                             seconds("scheduled_at_ps", arrived[i]), seconds("execution_ps"),
                             columns["num_prefill_tokens"][i], columns["num_decode_tokens"][i],
                             columns["num_restarts"][i], int(arrived[i]) / 1e12, seconds("completed_at_ps"),
                             columns["replica"][i]])
    return folder


def main(words: list[str] | None = None) -> int:
    options = _parser().parse_args(words)
    try:
        if options.evaluate:
            names = (options.scenarios or options.scenario).split(",")
            answer = sy.vidur.evaluate(options.file, names, held_out=options.held_out, time_s=options.time_s,
                                       memory_mib=options.memory_mib,
                                       seeds=None if options.seed is None else [options.seed])
            print(json.dumps(answer, indent=None if options.json else 2))
            return 0 if answer["error"] is None else 2
        result = sy.run(options.scenario, sy.vidur.load(options.file, options.name), options.seed)
        folder = _write(result, options.file, Path(options.out))
    except (sy.InputError, sy.StalledError) as error:
        print(f"switchyard-vidur: error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(result.summary, indent=2))
    else:
        for name in _SHOWN:
            print(f"{name:16} {result.summary[name]}")
        print(f"written to {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
