"""The process that a router is evaluated in: one job on stdin, one line of JSON on stdout."""

from __future__ import annotations

import ctypes
import io
import json
import os
import resource
import sys
import traceback
from contextlib import redirect_stdout

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # of unshare(2)


def _cut_network() -> str:
    try:
        return "none" if ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER | _NEW_NET) == 0 else "as this process"
    except (OSError, AttributeError):
        return "as this process"


def _work(job: dict) -> dict:
    import switchyard as sy

    results = {}
    for name in job["scenarios"]:
        scenario = sy.scenario(name)
        seeds = job["seeds"] or list(scenario.held_out_seeds if job["held_out"] else scenario.train_seeds)
        policy = sy.vidur.load(job["file"])
        summaries = [sy.run(scenario, policy, seed).summary for seed in seeds]
        reference = [sy.run(scenario, "llq", seed).summary for seed in seeds]

        def mean(rows, figure):
            return sum(row[figure] for row in rows) / len(rows)

        results[name] = {figure: mean(summaries, figure) for figure in ("mean_e2e_s", "p99_e2e_s", "mean_ttft_s")}
        results[name]["ratio"] = mean(summaries, "mean_e2e_s") / mean(reference, "mean_e2e_s")
    return results


def main() -> None:
    job = json.load(sys.stdin)
    answer = {"scenarios": {}, "error": None, "network": _cut_network()}
    limit = job["memory_mib"] * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    file = os.path.realpath(job["file"])
    try:
        with redirect_stdout(io.StringIO()):  # what the router prints is not the answer
            answer["scenarios"] = _work(job)
    except MemoryError:
        answer["error"] = f"MemoryError: more than {job['memory_mib']} MiB"
    except BaseException as error:  # noqa: BLE001 (SystemExit and the like of the router too)
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        lines = traceback.format_list(frames) + traceback.format_exception_only(error)
        answer["error"] = "".join(lines).strip()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
