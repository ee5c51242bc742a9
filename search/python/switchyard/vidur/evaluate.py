"""An evaluator for evolving code: a score for a router's file, and errors as text for whoever wrote it.

The router runs in a process of its own, with limits on time and memory, and without a network where the system allows
user namespaces. It is not a jail for hostile code: files are not hidden from it.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from typing import Any, Iterable

__all__ = ["evaluate"]


def evaluate(file: str | os.PathLike, scenarios: Iterable[str], seeds: Iterable[int] | None = None,
             held_out: bool = False, time_s: float = 60.0, memory_mib: int = 4096) -> dict[str, Any]:
    """Replays the router in `file` on each scenario's training seeds (`held_out`: on its held-out seeds; `seeds`: on
    these), beside our llq on the same seeds.

    Returns `score` (how many times faster than llq its mean end-to-end time is, geometric mean over scenarios; 0 if
    anything failed: higher is better), `scenarios` (per name `mean_e2e_s`, `p99_e2e_s`, `mean_ttft_s` and `ratio` to
    llq, means over seeds), `error` (None, or text with the router's own traceback), `network` ("none": cut off; "as
    this process": the system did not allow it).
    """
    job = {"file": os.fspath(file), "scenarios": list(scenarios), "seeds": None if seeds is None else list(seeds),
           "held_out": held_out, "memory_mib": memory_mib}
    if not job["scenarios"]:
        raise ValueError("scenarios: none given")
    environment = dict(os.environ, PYTHONHASHSEED="0")  # sets in the router's file repeat
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    try:
        done = subprocess.run([sys.executable, "-m", "switchyard.vidur.worker"], input=json.dumps(job), text=True,
                              capture_output=True, timeout=time_s, env=environment)
    except subprocess.TimeoutExpired:
        return _failed(f"the router took more than {time_s:g} s")
    if done.returncode != 0 or not done.stdout:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        what = "ran out of memory or was killed" if done.returncode < 0 else "failed"
        return _failed(f"the router's process {what} (limit {memory_mib} MiB): {last[0]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if answer["error"]:
        return _failed(answer["error"], answer["network"])
    ratios = [one["ratio"] for one in answer["scenarios"].values()]
    return {"score": 1 / math.exp(sum(map(math.log, ratios)) / len(ratios)), **answer}


def _failed(error: str, network: str = "unknown") -> dict[str, Any]:
    return {"score": 0.0, "scenarios": {}, "error": error, "network": network}
