"""Commands of the command line, in this process; what they print as objects."""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Iterable

from . import _core
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


def search(scenario, policies: str | Iterable[str], **flags: Any) -> dict:
    """Tunes policies and ranks them on held-out seeds: the content of leaderboard.json.

    Flags are those of ``switchyard search``: method, replays, objective, constraint, threads, out, resume ...
    """
    names = policies if isinstance(policies, str) else ",".join(policies)
    words = ["--policy", names, *_scenario_words(scenario), "--format", "json", "--quiet", *_flags(flags)]
    return json.loads(_run("search", words))
