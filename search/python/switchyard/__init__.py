"""Finds better routing policies for LLM serving clusters, and proves that they are better.

    import switchyard as sy
    print(sy.run("azure-conv", "llq", seed=42).summary["mean_e2e_s"])

Times are seconds where a name says nothing else, and whole picoseconds where it ends in ``_ps``. What a user gives
wrongly raises InputError, a ValueError, with the nearest valid name.
"""

import atexit as _atexit
import os as _os

from . import _core
from ._core import (
    BlockName,
    CompletedRequest,
    FirstToken,
    InputError,
    QueuedRequest,
    ReplicaLimits,
    ReplicaState,
    ResidentRequest,
    StalledError,
    Subscription,
    canonical_spec,
    describe_policy,
    policy_names,
    scenario_fields,
    scenario_names,
)
from .check import check_policy
from .commands import Answer, compare, plan, search, suite
from .policy import Cluster, Policy
from .result import Result, run
from .scenario import Scenario, Workload, scenario
from .study import Job, Study

from . import optuna, vidur  # noqa: E402 (they use what is above)

# Threads that replay when the program ends stop and are waited for; what they use would be taken down under them.
_atexit.register(_core._end_all)
_os.register_at_fork(after_in_child=_core._nobody_is_under_way)

__version__: str = getattr(_core, "__version__")

InputError.__doc__ = "What a user gave is wrong; the message names it, what is allowed, and the nearest valid name."
StalledError.__doc__ = "The policy left requests waiting with nothing more to happen."

__all__ = [
    "Answer", "BlockName", "Cluster", "CompletedRequest", "FirstToken", "InputError", "Job", "Policy", "QueuedRequest",
    "ReplicaLimits", "ReplicaState", "ResidentRequest", "Result", "Scenario", "StalledError", "Study", "Subscription",
    "Workload", "__version__", "canonical_spec", "check_policy", "compare", "describe_policy", "optuna",
    "plan", "policy_names", "run", "scenario", "scenario_fields", "scenario_names", "search", "suite", "vidur",
]
