"""Commands of the command line, in this process; what they print as objects."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any, Iterable

from . import _core
from .executors import ExecutorPool, ProcessPool, size_of
from .scenario import Scenario, _flags

_lock = threading.Lock()  # who replays is set for the whole process


class Answer(dict):
    """What a command found, the content of its JSON, with the files that it left."""

    def __init__(self, content: dict[str, Any], folder: Path, traffic: dict[str, float] | None = None):
        super().__init__(content)
        #: Where the files are: `out`, or a folder that is removed with this object.
        self.folder = folder
        #: With an executor or workers: replays, batches, bytes_out and bytes_in (sent and received, in all), lost_batches,
        #: driver_s (processor time of this process's thread, without what it waited).
        self.traffic = traffic or {}

    def report(self, file: str | os.PathLike | None = None) -> str:
        """One HTML page that loads nothing: the text, also written to `file`."""
        return page_of(self.folder, file)


def page_of(folder: Path, file: str | os.PathLike | None) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "report.html"
        _run("report", [os.fspath(folder), "--out", os.fspath(page)])
        text = page.read_text()
    if file is not None:
        Path(file).write_text(text)
    return text


def _shows_progress(progress: bool | None) -> bool:
    if progress is not None:
        return progress
    return "ipykernel" in sys.modules or bool(sys.stderr and sys.stderr.isatty())


def _is_stderr() -> bool:
    """Whether Python's sys.stderr is the process's own, which C++ writes to."""
    try:
        return sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):
        return False


def _run(name: str, words: list[str]) -> str:
    with _lock:
        return _core.command(name, words, errors_to_python=not _is_stderr())


def _scenario_words(scenario) -> list[str]:
    return list(scenario._words) if isinstance(scenario, Scenario) else ["--scenario", os.fspath(scenario)]


def _specs(policies: str | Iterable[str]) -> str:
    return policies if isinstance(policies, str) else ",".join(policies)


def _search_words(scenario, policies: str | Iterable[str], flags: dict[str, Any], quiet: bool) -> list[str]:
    words = ["--policy", _specs(policies), *_scenario_words(scenario), "--format", "json", *_flags(flags)]
    return words + ["--quiet"] if quiet else words


def compare(policy: str, against: str, scenario, *more: str, progress: bool | None = None, **flags: Any) -> dict:
    """Two policies, or more, on the scenario's held-out seeds, paired by seed: the content of ``switchyard compare``'s
    JSON. progress: on stderr; by default in terminals and notebooks."""
    words = [policy, against, *more, *_scenario_words(scenario), "--format", "json", *_flags(flags)]
    return json.loads(_run("compare", words if _shows_progress(progress) else words + ["--quiet"]))


def plan(scenario, policies: str | Iterable[str], progress: bool | None = None, **flags: Any) -> dict:
    """Fewest replicas with which policies keep limits, on the scenario's held-out seeds, and what they cost: the content of
    plan.json.

    Flags are those of ``switchyard plan``: constraint, counts, total, objective, gpu_price, out ... progress: on stderr; by
    default in terminals and notebooks.
    """
    return json.loads(_run("plan", _search_words(scenario, policies, flags, quiet=not _shows_progress(progress))))


def _with_folder(name: str, words: list[str], flags: dict[str, Any], executor, workers: int | None) -> Answer:
    """A command that leaves files: in `out`, or in a folder that lasts as long as the answer."""
    if flags.get("out") is not None:
        text, traffic = _replayed(name, words, executor, workers)
        return Answer(json.loads(text), Path(os.fspath(flags["out"])), traffic)
    folder = tempfile.mkdtemp(prefix="switchyard-")
    try:
        text, traffic = _replayed(name, [*words, "--out", folder], executor, workers)
        answer = Answer(json.loads(text), Path(folder), traffic)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(answer, shutil.rmtree, folder, ignore_errors=True)
    return answer


def _replayed(name: str, words: list[str], executor, workers: int | None) -> tuple[str, dict[str, float]]:
    """A command whose replays are run by an executor, or by `workers` processes of our own, or by threads."""
    pool: ExecutorPool | ProcessPool
    if executor is not None:
        pool = ExecutorPool(executor, size_of(executor) if workers is None else workers)
    elif workers is not None:
        pool = ProcessPool(workers)
    else:
        return _run(name, words), {}
    with _lock:
        try:
            _core._replay_with(pool)
            return _core.command(name, words, errors_to_python=not _is_stderr()), _core._traffic()
        finally:
            _core._replay_with(None)
            pool.close()


def suite(policies: str | Iterable[str], executor=None, workers: int | None = None, progress: bool | None = None,
          **flags: Any) -> Answer:
    """Policies on several scenarios: the content of suite.json, with `report()`.

    Flags are those of ``switchyard suite``; executor, workers and progress as `search` has them.
    """
    words = [_specs(policies), "--format", "json", *_flags(flags)]
    return _with_folder("suite", words if _shows_progress(progress) else [*words, "--quiet"], flags, executor, workers)


def search(scenario, policies: str | Iterable[str], executor=None, workers: int | None = None,
           progress: bool | None = None, **flags: Any) -> Answer:
    """Tunes policies and ranks them on held-out seeds: the content of leaderboard.json, with `report()`.

    Flags are those of ``switchyard search``: method, replays, objective, constraint, threads, out, resume ...
    executor: who replays, as in concurrent.futures (ProcessPoolExecutor, Dask's Client, MPIPoolExecutor), or a pool with
    ``apply_async`` (Ray's). workers: batches under way at a time; without an executor, so many processes of our own.
    progress: on stderr; by default in terminals and notebooks.
    The result, and every byte in `out` but timings.json, is the same whoever replays. Ctrl-C stops within a second;
    ``resume=True`` goes on with what is in `out`.
    """
    words = _search_words(scenario, policies, flags, quiet=not _shows_progress(progress))
    return _with_folder("search", words, flags, executor, workers)
