"""A router for Vidur as a policy."""

from __future__ import annotations

import inspect
import os
import random
import types
from pathlib import Path

import numpy as np

from .._core import InputError
from ..policy import Policy
from . import base, entities
from .modules import Loader


class _Run:
    """The objects of one replay, and what they read of the cluster, once a call."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.requests: dict[int, entities.Request] = {}
        limits = [cluster.limits(replica) for replica in range(cluster.num_replicas)]
        self.replicas = {i: entities.Replica(i, one) for i, one in enumerate(limits)}
        self.schedulers = {i: entities.ReplicaScheduler(self, i, one) for i, one in enumerate(limits)}
        self._looked: dict[int, tuple[dict, dict]] = {}
        self._seen_running: set[int] = set()

    def new_call(self) -> None:
        self._looked.clear()

    def _look(self, replica: int) -> tuple[dict, dict]:
        if replica not in self._looked:
            waiting = {it.id: it for it in self.cluster.waiting(replica)}
            running = {it.id: it for it in self.cluster.running(replica)}
            self._seen_running.update(running)
            self._looked[replica] = waiting, running
        return self._looked[replica]

    def resident(self, request):
        if request._replica_id is None or request._outcome is not None:
            return None
        waiting, running = self._look(request._replica_id)
        return running.get(request._id) or waiting.get(request._id)

    def is_running(self, request) -> bool:
        return request._replica_id is not None and request._id in self._look(request._replica_id)[1]

    def was_scheduled(self, request) -> bool:
        live = self.resident(request)
        return request._outcome is not None or bool(live) and (
            self.is_running(request) or self.restarts(request) > 0)

    def restarts(self, request) -> int:
        """At least: a replica shows that a prompt has grown, not how often."""
        live = self.resident(request)
        grown = bool(live) and live.num_prefill_tokens > live.original_prefill_tokens
        return int(grown or bool(live) and not self.is_running(request) and request._id in self._seen_running)


class _Config(entities._Helpful):
    _what = "the configuration"

    def __init__(self, num_replicas: int, limits):
        self.cluster_config = _ClusterConfig(num_replicas, limits)


class _ClusterConfig(entities._Helpful):
    _what = "cluster_config"

    def __init__(self, num_replicas: int, limits):
        self.num_replicas = num_replicas
        self.replica_scheduler_config = entities.ReplicaSchedulerConfig(limits)


class VidurPolicy(Policy):
    """A class that derives from BaseGlobalScheduler, made anew for each replay."""

    def __init__(self, cls: type):
        self.scheduler_class = cls
        self.scheduler = None

    def start(self, cluster, seed):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        self._run = _Run(cluster)
        config = _Config(cluster.num_replicas, cluster.limits(0))
        self.scheduler = base.make(self.scheduler_class, self._run, config, self._run.replicas)
        for name in ("_request_queue", "_replica_schedulers"):
            if name not in self.scheduler.__dict__:
                raise TypeError(f"{self.scheduler_class.__name__}.__init__ does not call super().__init__(config, "
                                f"replicas): there is no {name}")

    def on_arrival(self, request):
        ours = entities.Request(self._run, request)
        self._run.requests[request.id] = ours
        self.scheduler.add_request(ours)

    def on_completion(self, request):
        self._run.requests[request.id]._outcome = request

    def schedule(self, cluster):
        self._run.new_call()
        name = f"{self.scheduler_class.__name__}.schedule()"
        placed = self.scheduler.schedule()
        if placed is None:
            raise TypeError(f"{name} returned None; a list of (replica_id, request) is wanted")
        for pair in placed:
            try:
                replica, request = pair
            except (TypeError, ValueError):
                raise TypeError(f"{name} returned {pair!r} in its list; (replica_id, request) is wanted") from None
            if not isinstance(request, entities.Request):
                raise TypeError(f"{name} placed {request!r}, which is no request")
            if request._replica_id is not None:
                raise ValueError(f"{name} placed request {request._id} on replica {replica}, but it was placed on "
                                 f"replica {request._replica_id} before")
            if not isinstance(replica, (int, np.integer)) or not 0 <= replica < cluster.num_replicas:
                raise ValueError(f"{name} placed request {request._id} on replica {replica!r}; replicas are 0 to "
                                 f"{cluster.num_replicas - 1}")
            cluster.assign(request._id, int(replica))
            request._replica_id = int(replica)


def load(path: str | os.PathLike, name: str | None = None) -> VidurPolicy:
    """The router in a Python file: its only class that derives from BaseGlobalScheduler, or the one called `name`.

    Raises InputError if there is none, and what running the file raises.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    module = Loader(file.resolve().parent).run(file, file.stem)
    found = _classes(module)
    if name is not None:
        found = [cls for cls in found if cls.__name__ == name]
    if len(found) != 1:
        what = "no class that derives" if not found else "several classes that derive"
        names = "" if not found else f" ({', '.join(cls.__name__ for cls in found)}: give its name)"
        raise InputError(f"{file}: {what} from BaseGlobalScheduler{names}")
    return VidurPolicy(found[0])


def _classes(module: types.ModuleType) -> list[type]:
    derived = [it for it in vars(module).values()
               if inspect.isclass(it) and issubclass(it, base.BaseGlobalScheduler) and it is not base.BaseGlobalScheduler
               and it.__module__ == module.__name__]
    return [cls for cls in derived if not any(cls is not other and issubclass(other, cls) for other in derived)]
