"""Commands of the command line, in this process; what they print as objects."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Any, Iterable

from . import _core
from .scenario import Scenario, _texts

_lock = threading.Lock()  # a command's output is caught for the whole process


def _flags(fields: dict[str, Any]) -> list[str]:
    words = []
    for name, value in fields.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            words += [flag, _texts({name: value})[0][1]]
    return words


def _run(name: str, words: list[str]) -> str:
    with _lock:
        return _core.command(name, words)


def _scenario_words(scenario, folder: str) -> list[str]:
    if isinstance(scenario, Scenario):
        file = Path(folder) / "scenario.json"
        file.write_text(scenario.json())
        return ["--scenario", str(file)]
    return ["--scenario", os.fspath(scenario)]


def compare(policy: str, against: str, scenario, **flags: Any) -> dict:
    """Two policies on the scenario's held-out seeds, paired by seed: the content of ``switchyard compare``'s JSON."""
    with tempfile.TemporaryDirectory() as folder:
        words = [policy, against, *_scenario_words(scenario, folder), "--format", "json", "--quiet", *_flags(flags)]
        return json.loads(_run("compare", words))


def suite(policies: Iterable[str], **flags: Any) -> dict:
    """Policies on several scenarios: the content of ``switchyard suite``'s JSON. Flags are those of the command."""
    return json.loads(_run("suite", [*policies, "--format", "json", "--quiet", *_flags(flags)]))


def search(scenario, policies: str | Iterable[str], **flags: Any) -> dict:
    """Tunes policies and ranks them on held-out seeds: the content of leaderboard.json.

    Flags are those of ``switchyard search``: method, replays, objective, constraint, threads, out, resume ...
    """
    names = policies if isinstance(policies, str) else ",".join(policies)
    with tempfile.TemporaryDirectory() as folder:
        words = ["--policy", names, *_scenario_words(scenario, folder), "--format", "json", "--quiet", *_flags(flags)]
        return json.loads(_run("search", words))
