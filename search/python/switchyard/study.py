"""A search whose replays the caller runs."""

from __future__ import annotations

import atexit
import json
import weakref
from typing import Any, Iterable, NamedTuple

from . import _core
from .commands import _search_words
from .result import Result
from .scenario import Scenario, scenario as _scenario

__all__ = ["Job", "Study"]


_open: weakref.WeakSet["Study"] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Their searches run in threads of C++, which may not outlast what the interpreter takes down."""
    for study in list(_open):
        study.close()


class Job(NamedTuple):
    """A replay that a study asks for: of its scenario, under this policy, for this seed."""

    number: int
    policy: str
    seed: int


class Study:
    """A search that asks for replays and is told what they left, wherever and in whatever order they ran.

        study = sy.Study("azure-conv", ["memory_headroom"], replays=400)
        while not study.done:
            for job in study.ask():
                study.tell(job, sy.run(study.scenario, job.policy, job.seed))
        print(study.leaderboard["rows"][0]["policy"])

    Flags are those of `search`, `out` and `resume` among them, and so is what it leaves, to the last byte: a study is
    the same search with its replays run by you.
    """

    def __init__(self, scenario, policies: str | Iterable[str], **flags: Any):
        #: What is replayed.
        self.scenario: Scenario = _scenario(scenario)
        self._study = _core._Study("search", _search_words(self.scenario, policies, flags, quiet=True))
        _open.add(self)

    def ask(self, most: int | None = None) -> list[Job]:
        """The replays that are wanted now and were not handed out yet, at most so many. None: the study is done, or
        goes on when it has been told those that are under way."""
        if most is not None and most < 1:
            raise _core.InputError(f"most: {most} is not allowed; a whole number from 1 is wanted")
        return [Job(*question) for question in self._study.ask(2**63 - 1 if most is None else most)]

    def tell(self, job: Job, outcome: Result | dict[str, Any] | BaseException) -> None:
        """What a replay left: a `Result`, the figures of its summary by name, or what it has raised: then that setting
        has failed, and is ranked last. Raises ValueError for a job that is not under way."""
        if isinstance(outcome, Result):
            if (outcome.seed, outcome.policy) != (job.seed, job.policy):
                raise _core.InputError(f"tell: the result is of {outcome.policy}, seed {outcome.seed}; the job is "
                                       f"{job.policy}, seed {job.seed}")
            self._study.tell(job.number, outcome._replay)
        elif isinstance(outcome, BaseException):
            self._study.tell_failure(job.number, str(outcome) or type(outcome).__name__)
        else:
            self._study.tell_figures(job.number, outcome)

    @property
    def done(self) -> bool:
        """Whether it wants no more replays. Raises what has ended it."""
        return self._study.done()

    @property
    def leaderboard(self) -> dict[str, Any]:
        """The content of leaderboard.json, once the study is done."""
        if not self.done:
            raise RuntimeError("this study is not done: it is still asking for replays")
        return json.loads(self._study.outcome())

    def close(self) -> None:
        """Ends it. With `out`, a study that was not done goes on with ``resume=True`` from what it was told."""
        self._study.close()

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
