"""Optuna on switchyard's search spaces.

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(sy.optuna.objective("azure-conv", "memory_headroom"), n_trials=100)
    print(study.best_trial.user_attrs["spec"])
"""

from __future__ import annotations

from typing import Any, Callable

from . import _core
from .result import run
from .scenario import scenario as _scenario

__all__ = ["objective", "suggest"]


def suggest(trial, policy: str, prefix: str = "") -> str:
    """The spec of a setting that `trial` proposes for the parameters of a built-in policy.

    Parameters that do not matter at the values proposed are not asked for, so Optuna sees a conditional space.
    """
    values: dict[str, Any] = {}
    pending = _core.describe_policy(policy)["params"]
    while pending:
        ready = [param for param in pending if _decided(param, values, pending)]
        if not ready:
            break  # conditions on what itself does not matter
        for param in ready:
            pending.remove(param)
            if not _matters(param, values):
                continue
            name = prefix + param["name"]
            if param["type"] == "choice":
                values[param["name"]] = trial.suggest_categorical(name, param["choices"])
            elif param["type"] == "integer":
                values[param["name"]] = trial.suggest_int(name, int(param["low"]), int(param["high"]),
                                                          log=param["log"] and param["low"] > 0)
            else:
                values[param["name"]] = trial.suggest_float(name, param["low"], param["high"],
                                                            log=param["log"] and param["low"] > 0)
    order = [param["name"] for param in _core.describe_policy(policy)["params"] if param["name"] in values]
    arguments = ",".join(f"{name}={values[name]!r}" if not isinstance(values[name], str) else f"{name}={values[name]}"
                         for name in order)
    return _core.canonical_spec(f"{policy}({arguments})" if arguments else policy)


def _decided(param, values, pending) -> bool:
    waiting = {other["name"] for other in pending}
    return all(condition["name"] not in waiting for condition in param["active_if"])


def _matters(param, values) -> bool:
    conditions = param["active_if"]
    return not conditions or any(values.get(condition["name"]) in condition["values"] for condition in conditions)


def objective(scenario, policy: str, figure: str = "mean_e2e_s", seeds=None, **fields: Any) -> Callable:
    """A function for ``study.optimize``: the mean of a figure over the scenario's training seeds (or `seeds`).

    The trial's user attribute ``spec`` is the setting. A setting under which a replay stalls is pruned. Judge what Optuna finds on held-out seeds.
    """
    held = _scenario(scenario, **fields)
    chosen = list(held.train_seeds if seeds is None else seeds)

    def value(trial) -> float:
        spec = suggest(trial, policy)
        trial.set_user_attr("spec", spec)
        figures = []
        for seed in chosen:
            try:
                summary = run(held, spec, seed).summary
            except _core.StalledError as error:  # a setting that never places some request is no answer
                import optuna

                raise optuna.TrialPruned(str(error)) from None
            if figure not in summary:
                raise _core.InputError(f"objective: no figure '{figure}' (known: {', '.join(summary)})")
            figures.append(summary[figure])
        return sum(figures) / len(figures)

    return value
