"""Vidur's BaseGlobalScheduler, as far as routers use it."""

from __future__ import annotations

from .entities import _Helpful

_making = None  # the run whose scheduler is being constructed


class BaseGlobalScheduler(_Helpful):
    _what = "the scheduler"

    def __init__(self, config=None, replicas=None):
        if _making is None:
            raise RuntimeError("a scheduler is made by the run that it routes for (switchyard.vidur.load)")
        self._config = config
        self._replicas = replicas
        self._num_replicas = len(replicas)
        self._execution_time_predictor = None
        self._replica_schedulers: dict = dict(_making.schedulers)
        self._request_queue: list = []

    def sort_requests(self) -> None:
        self._request_queue.sort(key=lambda request: request._arrived_at)

    def add_request(self, request) -> None:
        self._request_queue.append(request)

    def get_replica_scheduler(self, replica_id: int):
        return self._replica_schedulers[replica_id]

    def is_empty(self) -> bool:
        return not self._request_queue and all(one.is_empty() for one in self._replica_schedulers.values())

    def schedule(self):
        raise NotImplementedError(f"{type(self).__name__} has no schedule()")


def make(cls, run, config, replicas):
    global _making
    before, _making = _making, run
    try:
        return cls(config, replicas)
    finally:
        _making = before
