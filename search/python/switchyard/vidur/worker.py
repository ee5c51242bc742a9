"""The process that a router is evaluated in: one job on stdin, one line of JSON on what was stdout."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # of unshare(2)


def _cut_network() -> str:
    """A network of our own with nothing on it. Needs user namespaces, and that there is one thread only."""
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
    # What the router prints, by whatever way, is not the answer.
    channel = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    job = json.load(sys.stdin)
    answer: dict = {"scenarios": {}, "error": None, "network": _cut_network()}
    limit = job["memory_mib"] * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer["scenarios"] = _work(job)
    except MemoryError:
        answer["error"] = f"MemoryError: more than {job['memory_mib']} MiB"
    except BaseException as error:  # noqa: BLE001 (SystemExit and the like of the router too)
        from switchyard.vidur.faults import fault_text

        answer["error"] = fault_text(error, job["file"])
    channel.write(json.dumps(answer) + "\n")
    channel.flush()
    os._exit(0)  # threads that the router has left do not count


if __name__ == "__main__":
    main()
