"""Searches on any executor: concurrent.futures, Dask, Ray, MPI.

Batches of replays travel as text. What comes back does not depend on where a replay ran, on the number of workers, or on
who died among them. A batch whose worker dies is sent again; a replay that is under way at three deaths is a failed trial.
"""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import queue
from concurrent.futures.process import BrokenProcessPool

from . import _core

__all__ = ["ExecutorPool", "ProcessPool"]

_replayer = None  # of a worker's process


def _answer(experiment_texts: tuple[str, ...], batch: str) -> str:
    """In a worker. It may be another process than the last time: the experiment's text always comes along."""
    global _replayer
    if _replayer is None:
        _replayer = _core._Replayer(1)
    for text in experiment_texts:
        problem = _replayer.answer(text)
        if '"results"' not in problem[:12]:
            return problem
    return _replayer.answer(batch)


class ExecutorPool:
    """Sends batches to an executor with ``submit`` as in concurrent.futures (Dask's Client, MPIPoolExecutor), or to a
    pool with ``apply_async`` (multiprocessing.Pool, ray.util.multiprocessing.Pool). `workers`: batches under way at a
    time."""

    def __init__(self, executor, workers: int):
        if workers < 1:
            raise ValueError(f"workers is {workers}; at least 1 is wanted")
        self._executor = executor
        self._workers = workers
        self._done: queue.Queue = queue.Queue()
        self._known: dict[str, str] = {}  # texts that describe experiments, as batches without jobs, by key

    def size(self) -> int:
        return self._workers

    def send(self, worker: int, batch: str) -> None:
        content = json.loads(batch)
        described = content["experiment"]
        if described.startswith("{"):
            key = json.loads(described)["key"]
            self._known[key] = json.dumps({"experiment": described, "jobs": []})
        else:
            key = described
        content["experiment"] = key
        self._submit(worker, (self._known[key],), json.dumps(content))

    def _submit(self, worker: int, texts: tuple[str, ...], batch: str) -> None:
        executor = self._executor
        if hasattr(executor, "submit"):
            options = {"pure": False} if hasattr(executor, "scheduler_info") else {}  # Dask would remember the answer
            future = executor.submit(_answer, texts, batch, **options)
            future.add_done_callback(lambda it: self._done.put((worker, it)))
        elif hasattr(executor, "apply_async"):
            executor.apply_async(_answer, (texts, batch), callback=lambda it: self._done.put((worker, it)),
                                 error_callback=lambda it: self._done.put((worker, it)))
        else:
            raise TypeError(f"{type(executor).__name__} is no executor: it has neither submit nor apply_async")

    def receive(self) -> tuple[int, str | None]:
        while True:
            try:
                worker, outcome = self._done.get(timeout=0.2)  # wakes up now and then, for Ctrl-C
                break
            except queue.Empty:
                continue
        if isinstance(outcome, str):
            return worker, outcome
        if isinstance(outcome, BaseException):
            raise outcome
        try:
            return worker, outcome.result()
        except Exception as error:  # noqa: BLE001 (each executor has its own error for a dead worker)
            if _is_death(error) and self.revive():
                return worker, None
            raise

    def revive(self) -> bool:
        """Whether the executor goes on after the death of a worker."""
        return not isinstance(self._executor, concurrent.futures.ProcessPoolExecutor)


def _is_death(error: BaseException) -> bool:
    return isinstance(error, BrokenProcessPool) or type(error).__name__ in ("KilledWorker", "WorkerCrashedError",
                                                                            "RayActorError", "WorkerDiedError")


class ProcessPool(ExecutorPool):
    """Processes of our own. When one dies, concurrent.futures gives up the whole pool; then it is made anew."""

    def __init__(self, workers: int):
        super().__init__(None, workers)
        self._start()

    def _start(self) -> None:
        self._executor = concurrent.futures.ProcessPoolExecutor(
            self._workers, mp_context=multiprocessing.get_context("spawn"))

    def _submit(self, worker, texts, batch):
        try:
            super()._submit(worker, texts, batch)
        except BrokenProcessPool:
            self._start()
            super()._submit(worker, texts, batch)

    def revive(self) -> bool:
        return True

    def close(self) -> None:
        self._executor.shutdown(cancel_futures=True)
