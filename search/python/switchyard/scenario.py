"""Scenarios and workloads."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from . import _core
from ._core import Scenario


def _flags(fields: dict[str, Any]) -> list[str]:
    """Keywords as words of the command line: lists with commas between, True as the flag alone."""

    def text(value: Any) -> str:
        if isinstance(value, (list, tuple, range)):
            return ",".join(text(item) for item in value)
        if isinstance(value, (float, np.floating)):
            return repr(float(value))
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)

    words = []
    for name, value in fields.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            words += [flag, text(value)]
    return words


def scenario(name: str | os.PathLike | Scenario = "", **fields: Any) -> Scenario:
    """A scenario by name, or from a file whose name ends in ``.json``, with fields set anew.

    Fields are the flags of the command line with ``_`` for ``-`` (`scenario_fields()` lists them), and mean the same:

        scenario("azure-conv", replicas=8, held_out_seeds="101-116")
        scenario(workload="trace.csv", profile="a100-llama2-7b")

    Raises InputError for what is unknown, out of range, or without effect in this scenario.
    """
    fields = {key: ("on" if value else "off") if isinstance(value, bool) else value for key, value in fields.items()}
    if isinstance(name, Scenario):
        given = _flags(fields)
        if not given:
            return name
        kept = dict(zip(*[iter(name._words)] * 2))
        kept.update(zip(*[iter(given)] * 2))
        return _core._scenario([word for pair in kept.items() for word in pair])
    return _core._scenario((["--scenario", os.fspath(name)] if name else []) + _flags(fields))


class Workload:
    """Requests: when each arrives (seconds), its prompt and its output (tokens)."""

    def __init__(self, core: _core.Workload):
        self._core = core

    @classmethod
    def from_columns(cls, arrived_at, num_prefill_tokens, num_decode_tokens) -> "Workload":
        """Of three columns of equal length, (n,): seconds, not decreasing; tokens; tokens."""

        def whole(name, values):
            array = np.ascontiguousarray(values)
            as_int = array.astype(np.int64)
            if not np.array_equal(as_int, array):
                row = int(np.flatnonzero(as_int != array)[0])
                raise _core.InputError(f"Workload: row {row}: {name} is {array[row]}; a whole number is wanted")
            return as_int

        return cls(_core.Workload._from_columns(np.ascontiguousarray(arrived_at, dtype=np.float64),
                                                whole("num_prefill_tokens", num_prefill_tokens),
                                                whole("num_decode_tokens", num_decode_tokens)))

    @classmethod
    def from_frame(cls, frame) -> "Workload":
        """Of a frame (pandas, polars) with the columns arrived_at, num_prefill_tokens, num_decode_tokens."""
        missing = [name for name in ("arrived_at", "num_prefill_tokens", "num_decode_tokens")
                   if name not in list(frame.columns)]
        if missing:
            raise _core.InputError(f"Workload: the frame has no column '{missing[0]}' (it has: "
                                   f"{', '.join(map(str, frame.columns))})")
        return cls.from_columns(*(np.asarray(frame[name])
                                  for name in ("arrived_at", "num_prefill_tokens", "num_decode_tokens")))

    @classmethod
    def from_file(cls, path, **fields: Any) -> "Workload":
        """Of a trace file, as ``--workload`` reads it."""
        with_trace = scenario(workload=path, **fields)
        return cls.of(with_trace, with_trace.seed)

    @classmethod
    def of(cls, scenario: Scenario, seed: int) -> "Workload":
        """The requests that a scenario has for a seed."""
        return cls(scenario._workload(seed))

    def __len__(self) -> int:
        return len(self._core)

    @property
    def arrived_at_ps(self) -> np.ndarray:
        """Whole picoseconds, int64 (n,), not a copy."""
        return self._core.arrived_at_ps

    @property
    def num_prefill_tokens(self) -> np.ndarray:
        """Prompt, int32 (n,), not a copy."""
        return self._core.num_prefill_tokens

    @property
    def num_decode_tokens(self) -> np.ndarray:
        """Output, int32 (n,), not a copy."""
        return self._core.num_decode_tokens

    def frame(self):
        """A pandas frame; arrived_at in seconds."""
        import pandas

        return pandas.DataFrame({"arrived_at": self.arrived_at_ps / 1e12,
                                 "num_prefill_tokens": self.num_prefill_tokens,
                                 "num_decode_tokens": self.num_decode_tokens})
