"""Searches on any executor: concurrent.futures, Dask, Ray, MPI.

Batches of replays travel as text. What comes back does not depend on where a replay ran, on the number of workers, or on
who died among them. A batch whose worker dies is sent again; a replay that is under way at three deaths is a failed trial.
"""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import multiprocessing.pool
import os
import queue
import subprocess
import sys
import threading
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from . import _core

__all__ = ["ExecutorPool", "ProcessPool"]

_here = threading.local()  # a worker is a thread, of this process or of another: each has a replayer of its own


def _answer(experiment_texts: tuple[str, ...], batch: str) -> str:
    """In a worker. It may be another one than the last time: the experiment's text always comes along."""
    if getattr(_here, "process", None) != os.getpid():  # nor is the one before a fork taken over
        _here.process, _here.replayer = os.getpid(), _core._Replayer(1)
    for text in experiment_texts:
        problem = _here.replayer.answer(text)
        if '"results"' not in problem[:12]:
            return problem
    return _here.replayer.answer(batch)


def size_of(executor) -> int:
    """How many batches an executor works on at a time. Raises InputError if it does not tell."""
    if hasattr(executor, "scheduler_info"):  # Dask
        return max(1, sum(executor.ncores().values()))
    for attribute in ("_max_workers", "_processes"):
        if isinstance(getattr(executor, attribute, None), int):
            return max(1, getattr(executor, attribute))
    if isinstance(getattr(executor, "num_workers", None), int):  # mpi4py
        return max(1, executor.num_workers)
    if hasattr(executor, "_actor_pool"):  # Ray
        return max(1, len(executor._actor_pool))
    raise _core.InputError(f"workers: {type(executor).__name__} does not tell how many workers it has; give workers=")


class ExecutorPool:
    """Sends batches to an executor with ``submit`` as in concurrent.futures (Dask's Client, MPIPoolExecutor), or to a
    pool with ``apply_async`` (multiprocessing.Pool, ray.util.multiprocessing.Pool). `workers`: batches under way at a
    time."""

    def __init__(self, executor, workers: int):
        if workers < 1:
            raise _core.InputError(f"workers: {workers} is not allowed; a whole number from 1 is wanted")
        self._executor = executor
        self._workers = workers
        self._done: queue.Queue = queue.Queue()
        self._known: dict[str, str] = {}  # texts that describe experiments, as batches without jobs, by key
        self._sent = 0
        self._under_way: dict[int, int] = {}  # by worker: the number of what was sent to it last
        self._processes = _processes_of(executor)
        self._num_answers = self._num_lost = 0

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
        self._sent += 1
        self._under_way[worker] = self._sent
        self._submit(worker, self._sent, (self._known[key],), json.dumps(content))

    def _submit(self, worker: int, number: int, texts: tuple[str, ...], batch: str) -> None:
        executor = self._executor

        def done(outcome: Any) -> None:
            self._done.put((worker, number, outcome))

        if hasattr(executor, "submit"):
            options = {"pure": False} if hasattr(executor, "scheduler_info") else {}  # Dask would remember the answer
            executor.submit(_answer, texts, batch, **options).add_done_callback(done)
        elif hasattr(executor, "apply_async"):
            executor.apply_async(_answer, (texts, batch), callback=done, error_callback=done)
        else:
            raise TypeError(f"{type(executor).__name__} is no executor: it has neither submit nor apply_async")

    def receive(self) -> tuple[int, str | None]:
        while True:
            try:
                worker, number, outcome = self._done.get(timeout=0.2)  # wakes up now and then, for Ctrl-C
            except queue.Empty:
                _core._end_with_the_program()
                lost = self._lost_in_silence()
                if lost is None:
                    continue
                return lost, None
            if self._under_way.get(worker) == number:  # else it was taken for lost, and was sent again
                break
        del self._under_way[worker]
        try:
            if hasattr(outcome, "result"):
                outcome = outcome.result()
            if isinstance(outcome, BaseException):
                raise outcome
        except Exception as error:  # noqa: BLE001 (each executor has its own error for a dead worker)
            if _is_death(error) and self.revive():
                _replace_dead_actors(self._executor)
                return worker, None
            raise
        self._num_answers += 1
        return worker, outcome

    def _lost_in_silence(self) -> int | None:
        """multiprocessing.Pool replaces a process that dies and says nothing of its job: whatever was under way may be
        lost. One of these batches a call."""
        now = _processes_of(self._executor)
        if self._processes <= now or not self._under_way:  # nobody has gone; one that has come in place of another may be new
            self._processes = now
            return None
        self._num_lost += 1
        if self._num_answers == 0 and self._num_lost > 3 * self._workers:
            raise RuntimeError("the pool's processes end before they have answered anything: they do not come so far as to "
                               "replay (a script needs `if __name__ == \"__main__\":` for processes that are spawned)")
        worker = min(self._under_way)
        del self._under_way[worker]
        if not self._under_way:
            self._processes = now
        return worker

    def close(self) -> None:
        """The executor is not ours to end."""

    def revive(self) -> bool:
        """Whether the executor goes on after the death of a worker."""
        return not isinstance(self._executor, concurrent.futures.ProcessPoolExecutor)


def _replace_dead_actors(executor) -> None:
    """Ray's pool goes on handing jobs to an actor that is dead."""
    if not (hasattr(executor, "_actor_pool") and hasattr(executor, "_new_actor_entry")):
        return
    import ray

    for i, (actor, _) in enumerate(executor._actor_pool):
        try:
            ray.get(actor.ping.remote(), timeout=60)
        except ray.exceptions.GetTimeoutError:
            continue  # busy
        except ray.exceptions.RayError:
            executor._actor_pool[i] = executor._new_actor_entry()


def _processes_of(executor) -> frozenset[int]:
    if not isinstance(executor, multiprocessing.pool.Pool):
        return frozenset()
    return frozenset(process.pid for process in getattr(executor, "_pool") if process.exitcode is None)


_DEATHS = {"KilledWorker", "WorkerCrashedError", "RayActorError", "ActorDiedError", "ActorUnavailableError",
           "WorkerDiedError", "NodeDiedError", "OwnerDiedError"}  # of Dask and Ray


def _is_death(error: BaseException) -> bool:
    return isinstance(error, BrokenProcessPool) or any(cls.__name__ in _DEATHS for cls in type(error).__mro__)


class ProcessPool:
    """Processes of our own, which need nothing of the script that started them. One that dies is replaced."""

    def __init__(self, workers: int):
        if workers < 1:
            raise _core.InputError(f"workers: {workers} is not allowed; a whole number from 1 is wanted")
        self._workers = workers
        self._done: queue.Queue = queue.Queue()  # (worker, process, line), the line empty at the end
        self._processes: list[subprocess.Popen | None] = [None] * workers
        self._listeners: list[threading.Thread | None] = [None] * workers
        self._busy: set[int] = set()

    def size(self) -> int:
        return self._workers

    def _process(self, worker: int) -> subprocess.Popen:
        process = self._processes[worker]
        if process is not None:
            return process
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
        for _ in range(3):  # one that is killed as it starts is made anew, too
            made = subprocess.Popen([sys.executable, "-m", "switchyard.replayer"], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True, env=environment)
            assert made.stdout is not None
            if made.stdout.readline() == "ready\n":
                break
            made.kill()
            made.wait()
        else:
            raise RuntimeError(f"a process that replays does not start: `{sys.executable} -m switchyard.replayer` "
                               f"ended with exit code {made.returncode}")
        listener = threading.Thread(target=self._listen, args=(worker, made), daemon=True)
        listener.start()
        self._processes[worker], self._listeners[worker] = made, listener
        return made

    def _listen(self, worker: int, process: subprocess.Popen) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._done.put((worker, process, line))
        self._done.put((worker, process, ""))

    def send(self, worker: int, batch: str) -> None:
        process = self._process(worker)
        self._busy.add(worker)
        assert process.stdin is not None
        try:
            process.stdin.write(batch + "\n")
            process.stdin.flush()
        except OSError:
            pass  # it has died: its end is in the queue, or will be

    def receive(self) -> tuple[int, str | None]:
        while True:
            try:
                worker, process, line = self._done.get(timeout=0.2)  # wakes up now and then, for Ctrl-C
            except queue.Empty:
                _core._end_with_the_program()
                continue
            if self._processes[worker] is not process:
                continue
            if line.endswith("\n"):
                self._busy.discard(worker)
                return worker, line
            self._end(worker)
            if worker in self._busy:  # else it has died with nothing to do
                self._busy.discard(worker)
                return worker, None

    def close(self) -> None:
        """Ends the processes, whatever they are at."""
        for process in self._processes:
            if process is not None:
                process.kill()  # all of them before the first is waited for
        for worker in range(self._workers):
            self._end(worker)

    def _end(self, worker: int) -> None:
        process, listener = self._processes[worker], self._listeners[worker]
        self._processes[worker] = self._listeners[worker] = None
        if process is None or listener is None:
            return
        process.kill()
        process.wait()
        listener.join()  # it reads to the end: a text stream is not for two threads at once
        for stream in (process.stdin, process.stdout):
            if stream:
                try:
                    stream.close()
                except OSError:
                    pass  # what was not read any more
