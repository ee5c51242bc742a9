"""The module tree that a router's imports of ``vidur`` lead to, without touching sys.modules."""

from __future__ import annotations

import abc
import builtins
import functools
import logging
import types
from pathlib import Path

from . import base, entities


class _Placeholder:
    """A class that routers import for annotations and never make."""

    def __init__(self, *_args, **_kwargs):
        raise RuntimeError(f"{type(self).__name__} of Vidur is not here: there is no simulator of Vidur to configure")


def _module(name: str, **contents) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__path__ = []
    module.__dict__.update(contents)
    return module


def _names(module: types.ModuleType, name: str):
    """Any class that Vidur might have: types for annotations, values of enumerations."""
    if name.startswith("__"):
        raise AttributeError(name)
    made = type(name, (_Placeholder,), {})
    setattr(module, name, made)
    return made


def tree() -> dict[str, types.ModuleType]:
    """Every module by its full name."""
    modules = {
        "vidur": _module("vidur"),
        "vidur.entities": _module("vidur.entities", Request=entities.Request, Replica=entities.Replica),
        "vidur.entities.request": _module("vidur.entities.request", Request=entities.Request),
        "vidur.entities.replica": _module("vidur.entities.replica", Replica=entities.Replica),
        "vidur.entities.base_entity": _module("vidur.entities.base_entity"),
        "vidur.scheduler": _module("vidur.scheduler", BaseGlobalScheduler=base.BaseGlobalScheduler),
        "vidur.scheduler.global_scheduler": _module("vidur.scheduler.global_scheduler",
                                                    BaseGlobalScheduler=base.BaseGlobalScheduler),
        "vidur.scheduler.global_scheduler.base_global_scheduler": _module(
            "vidur.scheduler.global_scheduler.base_global_scheduler", BaseGlobalScheduler=base.BaseGlobalScheduler,
            ABC=abc.ABC, abstractmethod=abc.abstractmethod),
        "vidur.scheduler.replica_scheduler": _module("vidur.scheduler.replica_scheduler",
                                                     BaseReplicaScheduler=entities.ReplicaScheduler),
        "vidur.scheduler.replica_scheduler.base_replica_scheduler": _module(
            "vidur.scheduler.replica_scheduler.base_replica_scheduler", BaseReplicaScheduler=entities.ReplicaScheduler),
        "vidur.logger": _module("vidur.logger", init_logger=logging.getLogger),
    }
    for name in ("vidur.config", "vidur.types", "vidur.execution_time_predictor", "vidur.utils", "vidur.metrics",
                 "vidur.events", "vidur.scheduler.replica_scheduler.replica_scheduler_registry",
                 "vidur.scheduler.utils", "vidur.execution_time_predictor.base_execution_time_predictor",
                 "vidur.execution_time_predictor.execution_time_predictor_registry"):
        modules[name] = _module(name)
    for name, module in modules.items():
        if name != "vidur" and not name.startswith("vidur.logger"):
            setattr(module, "__getattr__", functools.partial(_names, module))
        if "." in name:
            parent, _, child = name.rpartition(".")
            setattr(modules[parent], child, module)
    return modules


class Loader:
    """Runs a router's file, and files beside it that it imports, with ``vidur`` leading to the tree."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._modules = tree()
        self._beside: dict[str, types.ModuleType] = {}
        self._builtins = dict(vars(builtins), __import__=self._import)

    def run(self, file: Path, name: str) -> types.ModuleType:
        module = types.ModuleType(name)
        module.__file__ = str(file)
        module.__dict__["__builtins__"] = self._builtins
        self._beside[name] = module
        exec(compile(file.read_text(), str(file), "exec"), module.__dict__)  # noqa: S102 (the user's own router)
        return module

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        top = name.split(".")[0]
        if level == 0 and top == "vidur":
            if name not in self._modules:
                raise ImportError(f"Vidur's module '{name}' is not here (known: {', '.join(sorted(self._modules))})")
            return self._modules[name] if fromlist else self._modules["vidur"]
        beside = self._folder / f"{name}.py"
        if level <= 1 and "." not in name and name and beside.is_file():
            return self._beside.get(name) or self.run(beside, name)
        return builtins.__import__(name, globals, locals, fromlist, level)
