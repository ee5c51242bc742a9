"""One replay and what it left."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from . import _core
from .scenario import Workload, frame_of, scenario as _scenario

_COLUMNS = ("arrived_at_ps", "assigned_at_ps", "scheduled_at_ps", "first_token_at_ps", "completed_at_ps",
            "execution_ps", "replica", "num_restarts", "num_cached_tokens", "num_retries", "failed")


class Result:
    """What a replay left: `summary`, and `requests`, a dictionary of columns (n,) in the order of the workload."""

    def __init__(self, replay: _core.Replay, policy: Any):
        self._replay = replay
        self._policy = policy
        #: The figures of summary.json, by name; times in seconds. A figure that does not exist is None.
        self.summary: dict[str, Any] = json.loads(replay.summary_json())

    @property
    def policy(self) -> str:
        """The canonical spec, or the class of a policy in Python."""
        return self._replay.policy

    @property
    def seed(self) -> int:
        return self._replay.seed

    @property
    def workload(self) -> Workload:
        return Workload(self._replay.workload)

    @property
    def requests(self) -> dict[str, np.ndarray]:
        """Whole picoseconds where the name ends in ``_ps`` (int64), counts as integers, failed as bool; none is a copy."""
        workload = self.workload
        lengths = {"num_prefill_tokens": workload.num_prefill_tokens, "num_decode_tokens": workload.num_decode_tokens}
        columns = {name: np.asarray(getattr(self._replay, name)) for name in _COLUMNS}
        return {"arrived_at_ps": columns.pop("arrived_at_ps")} | lengths | columns

    def frame(self, library: str = "pandas"):
        """A frame of `requests`, of pandas or "polars"; times in seconds without ``_ps``."""
        return frame_of({name.removesuffix("_ps"): column / 1e12 if name.endswith("_ps") else column
                         for name, column in self.requests.items()}, library)

    def write(self, folder: str | os.PathLike, force: bool = False) -> None:
        """config.json, request_metrics.csv, summary.json and states.json, as ``switchyard run --out`` writes them.
        force: in place of a result that is there. Raises InputError if a second replay, which tells what replicas did
        over time, differs from the first."""
        _core._write_run(self._replay, self._policy, os.fspath(folder), force)

    def report(self, file: str | os.PathLike | None = None) -> str:
        """One HTML page that loads nothing: the text, also written to `file`."""
        from .commands import page_of

        with tempfile.TemporaryDirectory() as scratch:
            self.write(Path(scratch) / "run")
            return page_of(Path(scratch) / "run", file)

    def __repr__(self) -> str:
        return (f"<Result of {self.policy}, seed {self.seed}: mean_e2e_s "
                f"{self.summary['mean_e2e_s']:.6g}, {self.summary['num_requests']} requests>")


def run(scenario, policy="llq", seed: int | None = None, workload: Workload | None = None, **fields: Any) -> Result:
    """Replays one workload under one policy.

    scenario: a name, a file, or what `switchyard.scenario` made; `fields` set its fields anew.
    policy: a spec as ``"hra(safety=0.05)"``, an object with a method ``schedule(cluster)``, or the class of such objects
    (or any function that makes one): then each router of the scenario has one of its own, new for this replay.
    seed: of the workload and of the policy's random numbers; by default the scenario's.
    workload: requests to replay in place of the scenario's.

    What a policy in Python raises comes out as it is, with its traceback. Raises InputError, StalledError.
    """
    held = _scenario(scenario, **fields)
    return Result(_core._replay(held, policy, held.seed if seed is None else seed,
                                None if workload is None else workload._core), policy)
