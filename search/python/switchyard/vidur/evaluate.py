"""An evaluator for evolving code: a score for a router's file, and errors as text for whoever wrote it.

The router runs in a process of its own, with limits on time and memory, and without a network where the system allows
user namespaces. It is not a jail for hostile code: files are not hidden from it.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from typing import Any, Iterable

from .._core import InputError

__all__ = ["evaluate"]


def evaluate(file: str | os.PathLike, scenarios: Iterable[str], seeds: Iterable[int] | None = None,
             held_out: bool = False, time_s: float = 60.0, memory_mib: int = 4096) -> dict[str, Any]:
    """Replays the router in `file` on each scenario's training seeds (`held_out`: on its held-out seeds; `seeds`: on
    these), beside our llq on the same seeds.

    time_s: wall time for all of it; then the process and all that it has started are killed. memory_mib: address space.
    Returns `score` (how many times faster than llq its mean end-to-end time is, geometric mean over scenarios; 0 if
    anything failed: higher is better), `scenarios` (per name `mean_e2e_s`, `p99_e2e_s`, `mean_ttft_s` and `ratio` to
    llq, means over seeds), `error` (None, or text with the router's own traceback), `network` ("none": cut off; "as
    this process": the system did not allow it; "unknown": the process ended before it said so).
    """
    job = {"file": os.fspath(file), "scenarios": list(scenarios), "seeds": None if seeds is None else list(seeds),
           "held_out": held_out, "memory_mib": memory_mib}
    if not job["scenarios"]:
        raise InputError("scenarios: none given")
    if job["seeds"] is not None and held_out:
        raise InputError("held_out: contradicts seeds: one of them says which seeds are run")
    if job["seeds"] == []:
        raise InputError("seeds: none given")
    if not time_s > 0:
        raise InputError(f"time_s: {time_s} is not allowed; a number above 0 is wanted")
    if memory_mib < 256:
        raise InputError(f"memory_mib: {memory_mib} is not allowed; a whole number from 256 is wanted")
    environment = dict(os.environ, PYTHONHASHSEED="0")  # sets in the router's file repeat
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[variable] = "1"  # a process with several threads may not leave its user namespace
    process = subprocess.Popen([sys.executable, "-m", "switchyard.vidur.worker"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
                               start_new_session=True)
    try:
        out, err = process.communicate(json.dumps(job), timeout=time_s)
    except subprocess.TimeoutExpired:
        return _failed(f"the router took more than {time_s:g} s")
    finally:
        _end(process)
    if not out:
        last = err.strip().splitlines()[-1:] or [f"exit code {process.returncode}"]
        what = "ran out of memory or was killed" if process.returncode < 0 else "ended without an answer"
        return _failed(f"the router's process {what} (limit {memory_mib} MiB): {last[0]}")
    answer = json.loads(out.splitlines()[-1])
    if answer["error"]:
        return _failed(answer["error"], answer["network"])
    ratios = [one["ratio"] for one in answer["scenarios"].values()]
    return {"score": 1 / math.exp(sum(map(math.log, ratios)) / len(ratios)), **answer}


def _end(process: subprocess.Popen) -> None:
    """The process, and whatever it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


def _failed(error: str, network: str = "unknown") -> dict[str, Any]:
    return {"score": 0.0, "scenarios": {}, "error": error, "network": network}
