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


def frame_of(columns: dict[str, Any], library: str):
    """Columns as a frame of pandas or polars."""
    if library == "pandas":
        import pandas

        return pandas.DataFrame(columns)
    if library == "polars":
        import polars

        return polars.DataFrame(columns)
    raise _core.InputError(f"library: '{library}' is not allowed; pandas or polars is wanted")


def _whole(name: str, values) -> np.ndarray:
    array = np.ascontiguousarray(values)
    if array.dtype.kind not in "iuf":
        raise _core.InputError(f"Workload: {name}: numbers are wanted, not {array.dtype}")
    with np.errstate(invalid="ignore"):  # what is no number is told below
        as_int = array.astype(np.int64)
    if not np.array_equal(as_int, array):
        row = int(np.flatnonzero(as_int != array)[0])
        raise _core.InputError(f"Workload: row {row}: {name} is {array[row]}; a whole number is wanted")
    return as_int


def _loop_of(size: int, parent, think_s, session, concurrency: int):
    """What `Workload.from_columns` is given of a closed loop, as columns; none if it is given nothing."""
    if concurrency < 0 or concurrency > 2**31 - 1:
        raise _core.InputError(f"Workload: concurrency is {concurrency}; a whole number from 0 is wanted")
    if think_s is not None and parent is None:
        raise _core.InputError("Workload: think_s: has no effect without parent")
    if parent is None and session is None and concurrency == 0:
        return None
    parents = np.full(size, -1) if parent is None else _whole("parent", parent)
    thinks = np.zeros(size) if think_s is None else np.ascontiguousarray(think_s, dtype=np.float64)
    if session is None:
        sessions = np.full(size, -1)
        for row in range(min(size, len(parents))):
            sessions[row] = sessions[parents[row]] if 0 <= parents[row] < row else row
    else:
        sessions = _whole("session", session)
    for name, column in (("parent", parents), ("think_s", thinks), ("session", sessions)):
        if len(column) != size:
            raise _core.InputError(f"Workload: arrived_at has {size} rows, {name} {len(column)}")
    return parents, thinks, sessions, concurrency


class Workload:
    """Requests: when each arrives (seconds), its prompt and its output (tokens), and which blocks of tokens they have in
    common, if that is known."""

    def __init__(self, core: _core.Workload):
        self._core = core

    @classmethod
    def from_columns(cls, arrived_at, num_prefill_tokens, num_decode_tokens, hash_ids=None, hash_id_tokens: int = 512,
                     num_hashed_tokens=None, parent=None, think_s=None, session=None, concurrency: int = 0,
                     counted=None) -> "Workload":
        """Of three columns of equal length, (n,): seconds, not decreasing; tokens; tokens.

        hash_ids: for each request a list of ids of its blocks of `hash_id_tokens` tokens, as Mooncake's traces have
        them: equal ids stand for equal tokens behind equal tokens. num_hashed_tokens: how many leading tokens, prompt
        and output, are named so; by default the prompt, as far as ids are there.

        A closed loop: parent, the row before it whose completion a request waits for, or -1; think_s, how long after that
        it arrives, seconds (its arrived_at does not count then, and may be NaN); session, rows of the same number are
        turns of one, by default those that hang together. concurrency: so many sessions are under way at a time, one
        begins as another has ended, and no arrived_at counts; 0: sessions begin when they say.

        counted: whether metrics count a request; by default all.
        """
        columns = (np.ascontiguousarray(arrived_at, dtype=np.float64),
                   _whole("num_prefill_tokens", num_prefill_tokens), _whole("num_decode_tokens", num_decode_tokens))
        loop = _loop_of(len(columns[0]), parent, think_s, session, concurrency)
        counts = [] if counted is None else [bool(one) for one in counted]
        if counted is not None and len(counts) != len(columns[0]):
            raise _core.InputError(f"Workload: arrived_at has {len(columns[0])} rows, counted {len(counts)}")
        if hash_ids is None:
            return cls(_core.Workload._from_columns(*columns, None, loop, counts))
        if hash_id_tokens < 1 or hash_id_tokens > 2**20:
            raise _core.InputError(f"Workload: hash_id_tokens is {hash_id_tokens}; a whole number from 1 to {2**20} is "
                                   "wanted")
        lists = [[] if ids is None else list(ids) for ids in hash_ids]
        if len(lists) != len(columns[0]):
            raise _core.InputError(f"Workload: arrived_at has {len(columns[0])} rows, hash_ids {len(lists)}")
        begins = np.cumsum([0, *map(len, lists)], dtype=np.int64)
        ids = _whole("hash_ids", [one for row in lists for one in row] or np.zeros(0, np.int64))
        if num_hashed_tokens is None:
            num_hashed_tokens = np.minimum(columns[1], np.diff(begins) * hash_id_tokens)
        hashed = _whole("num_hashed_tokens", num_hashed_tokens)
        if len(hashed) != len(lists):
            raise _core.InputError(f"Workload: arrived_at has {len(lists)} rows, num_hashed_tokens {len(hashed)}")
        return cls(_core.Workload._from_columns(*columns, (begins, ids, hashed, hash_id_tokens), loop, counts))

    @classmethod
    def from_frame(cls, frame, hash_id_tokens: int | None = None) -> "Workload":
        """Of a frame (pandas, polars) with the columns arrived_at, num_prefill_tokens, num_decode_tokens and, if need
        be, hash_ids and num_hashed_tokens, parent, think_s and session, counted, as `from_columns` takes them.
        `frame()` gives such a one, whose ``attrs["concurrency"]`` counts, too."""
        missing = [name for name in ("arrived_at", "num_prefill_tokens", "num_decode_tokens")
                   if name not in list(frame.columns)]
        if missing:
            raise _core.InputError(f"Workload: the frame has no column '{missing[0]}' (it has: "
                                   f"{', '.join(map(str, frame.columns))})")
        known = ("arrived_at", "num_prefill_tokens", "num_decode_tokens", "num_hashed_tokens", "parent", "think_s",
                 "session", "counted")
        columns: dict[str, Any] = {name: np.asarray(frame[name]) for name in known if name in list(frame.columns)}
        columns["concurrency"] = getattr(frame, "attrs", {}).get("concurrency", 0)
        if "hash_ids" not in list(frame.columns):
            if hash_id_tokens is not None:
                raise _core.InputError("Workload: hash_id_tokens: has no effect: the frame has no column 'hash_ids'")
            columns.pop("num_hashed_tokens", None)
            return cls.from_columns(**columns)
        if hash_id_tokens is None:
            hash_id_tokens = getattr(frame, "attrs", {}).get("hash_id_tokens", 512)
        return cls.from_columns(**columns, hash_ids=list(frame["hash_ids"]), hash_id_tokens=hash_id_tokens)

    @classmethod
    def from_file(cls, path: str | os.PathLike, seed: int | None = None, **fields: Any) -> "Workload":
        """Of a trace or a model of one, as ``--workload`` reads it. seed: of what is drawn; a trace is taken as it is
        unless one is given, which then draws anew from it."""
        with_trace = scenario(workload=path, **fields)
        return cls.of(with_trace, with_trace.seed if seed is None else seed)

    @classmethod
    def of(cls, scenario: Scenario, seed: int) -> "Workload":
        """The requests that a scenario has for a seed."""
        return cls(scenario._workload(seed))

    def __len__(self) -> int:
        return len(self._core)

    def __repr__(self) -> str:
        return f"<Workload of {len(self)} requests, {self._core.source}>"

    @property
    def arrived_at_ps(self) -> np.ndarray:
        """Whole picoseconds, int64 (n,), not a copy."""
        return np.asarray(self._core.arrived_at_ps)

    @property
    def num_prefill_tokens(self) -> np.ndarray:
        """Prompt, int32 (n,), not a copy."""
        return np.asarray(self._core.num_prefill_tokens)

    @property
    def num_decode_tokens(self) -> np.ndarray:
        """Output, int32 (n,), not a copy."""
        return np.asarray(self._core.num_decode_tokens)

    def frame(self, library: str = "pandas"):
        """A frame of pandas or "polars" that `from_frame` reads; arrived_at in seconds, NaN where another request's
        completion brings it about. hash_ids and num_hashed_tokens are there if it is known what requests have in common;
        a pandas frame's ``attrs["hash_id_tokens"]`` says how many tokens an id stands for. parent, think_s and session
        are there if it is known what they are turns of, and ``attrs["concurrency"]`` if so many sessions are under way;
        counted, if metrics leave any out."""
        arrived_at = np.where(self.arrived_at_ps == np.iinfo(np.int64).max, np.nan, self.arrived_at_ps / 1e12)
        columns: dict[str, Any] = {"arrived_at": arrived_at, "num_prefill_tokens": self.num_prefill_tokens,
                                   "num_decode_tokens": self.num_decode_tokens}
        attributes = {}
        hashes: Any = self._core._hashes()
        if hashes is not None:
            columns |= {"hash_ids": hashes[0], "num_hashed_tokens": hashes[1]}
            attributes["hash_id_tokens"] = hashes[2]
        loop: Any = self._core._loop()
        if loop is not None:
            columns |= dict(zip(("parent", "think_s", "session"), loop))
            if loop[3] > 0:
                attributes["concurrency"] = loop[3]
        if self._core._counted:
            columns["counted"] = self._core._counted
        frame = frame_of(columns, library)
        if library == "pandas":
            frame.attrs.update(attributes)
        return frame
