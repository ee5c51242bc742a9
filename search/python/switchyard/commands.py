"""Commands of the command line, in this process; what they print as objects."""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Iterable

from . import _core
from .executors import ExecutorPool, ProcessPool
from .scenario import Scenario, _flags

_lock = threading.Lock()  # a command's output is caught for the whole process


def _run(name: str, words: list[str]) -> str:
    with _lock:
        return _core.command(name, words)


def _scenario_words(scenario) -> list[str]:
    return list(scenario._words) if isinstance(scenario, Scenario) else ["--scenario", os.fspath(scenario)]


def compare(policy: str, against: str, scenario, **flags: Any) -> dict:
    """Two policies on the scenario's held-out seeds, paired by seed: the content of ``switchyard compare``'s JSON."""
    words = [policy, against, *_scenario_words(scenario), "--format", "json", "--quiet", *_flags(flags)]
    return json.loads(_run("compare", words))


def suite(policies: Iterable[str], **flags: Any) -> dict:
    """Policies on several scenarios: the content of ``switchyard suite``'s JSON. Flags are those of the command."""
    return json.loads(_run("suite", [*policies, "--format", "json", "--quiet", *_flags(flags)]))


def _replayed(name: str, words: list[str], executor, workers: int | None) -> str:
    """A command whose replays are run by an executor, or by `workers` processes of our own, or by threads."""
    if executor is None and workers is None:
        return _run(name, words)
    if executor is not None:
        pool = ExecutorPool(executor, workers or _size_of(executor))
    else:
        pool = ProcessPool(workers)
    try:
        _core._replay_with(pool)
        return _run(name, words)
    finally:
        _core._replay_with(None)
        if executor is None:
            pool.close()


def _size_of(executor) -> int:
    if hasattr(executor, "scheduler_info"):  # Dask
        return max(1, sum(executor.ncores().values()))
    for attribute in ("_max_workers", "_processes"):
        if isinstance(getattr(executor, attribute, None), int):
            return getattr(executor, attribute)
    raise _core.InputError(f"workers: {type(executor).__name__} does not tell how many workers it has; give workers=")


def search(scenario, policies: str | Iterable[str], executor=None, workers: int | None = None, **flags: Any) -> dict:
    """Tunes policies and ranks them on held-out seeds: the content of leaderboard.json.

    Flags are those of ``switchyard search``: method, replays, objective, constraint, threads, out, resume ...
    executor: who replays, as in concurrent.futures (ProcessPoolExecutor, Dask's Client, MPIPoolExecutor), or a pool with
    ``apply_async`` (Ray's). workers: batches under way at a time; without an executor, so many processes of our own.
    The result, and every byte in `out` but timings.json, is the same whoever replays. Ctrl-C stops within a second;
    ``resume=True`` goes on with what is in `out`.
    """
    names = policies if isinstance(policies, str) else ",".join(policies)
    words = ["--policy", names, *_scenario_words(scenario), "--format", "json", "--quiet", *_flags(flags)]
    return json.loads(_replayed("search", words, executor, workers))
