"""What every policy must keep to, tried."""

from __future__ import annotations

from typing import Any, Callable

from . import _core

__all__ = ["check_policy"]


def check_policy(policy: Any, rounds: int = 40) -> list[str]:
    """Tries a policy on small random workloads with tight memory, under each engine. One line for each thing that it
    does and must not, with the round that shows it; an empty list if nothing was found.

    policy: a spec, a policy's class (or any function that makes one), or a policy, which `start` must make new.

    Its runs end, with each request assigned once after it arrived; the same workload and seed give the same run, with a
    new object and with one that has run something else; what arrives later changes nothing before, and neither does the
    length of an output before that request completes. From round 30 on it is tried where replicas fail, drain and join
    ("operated"), and from round 35 on, if its `knows_roles` is true, where prefill and decode are apart ("apart").
    """
    if rounds < 1:
        raise _core.InputError(f"rounds: {rounds} is not allowed; a whole number from 1 is wanted")
    if isinstance(policy, str):
        return _core._check_spec(policy, rounds)
    make: Callable[[], Any] = policy if callable(policy) and not hasattr(policy, "scheduler_class") else lambda: policy
    if isinstance(policy, type):
        name = policy.__name__
    else:
        name = getattr(policy, "__name__", type(policy).__name__)
    return [_one_line(fault) for fault in _core._check_policy(name, make, rounds)]


def _one_line(fault: str) -> str:
    """With what the policy raised as its last line, and where, in place of a traceback."""
    head, _, trace = fault.partition("Traceback (most recent call last):\n")
    lines = trace.strip().splitlines()
    if not lines:
        return fault
    where = [line.strip() for line in lines if line.lstrip().startswith("File ")]
    return f"{head}{lines[-1]}" + (f" ({where[-1]})" if where else "")
