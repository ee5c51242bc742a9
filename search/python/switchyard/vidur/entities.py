"""What a router for Vidur sees of requests and replicas.

Objects keep their identity for a whole run, so routers may hang attributes of their own on them. What a real router
could not know, an output length, raises until the request has completed.
"""

from __future__ import annotations

import difflib


class Hidden(RuntimeError):
    """A router asked for what nobody can know yet. (No AttributeError: `hasattr` must not hide it.)"""


class _Helpful:
    """Unknown attributes raise with the nearest name."""

    _what = "object"

    def __getattr__(self, name: str):
        known = sorted(name for name in set(dir(type(self))) | set(self.__dict__) if not name.startswith("__"))
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise AttributeError(f"{self._what} has no attribute '{name}'{hint}")


class Request(_Helpful):
    _what = "a request"

    def __init__(self, run, queued):
        self._run = run
        self._id = queued.id
        self._arrived_at = queued.arrived_at
        self._original_prefill_tokens = queued.num_prefill_tokens
        self._replica_id = None  # where it was sent
        self._outcome = None  # a CompletedRequest

    def _live(self):
        """What its replica shows of it now; None while it is in the global queue or has completed."""
        return self._run.resident(self)

    @property
    def id(self) -> int:
        return self._id

    @property
    def arrived_at(self) -> float:
        return self._arrived_at

    @property
    def num_prefill_tokens(self) -> int:
        live = self._live()
        return live.num_prefill_tokens if live else self._original_prefill_tokens

    _num_prefill_tokens = num_prefill_tokens

    @property
    def num_processed_tokens(self) -> int:
        if self._outcome:
            return self._outcome.num_prefill_tokens + self._outcome.num_decode_tokens
        live = self._live()
        return live.num_processed_tokens if live else 0

    _num_processed_tokens = num_processed_tokens

    @property
    def num_processed_prefill_tokens(self) -> int:
        return min(self.num_processed_tokens, self.num_prefill_tokens)

    @property
    def num_processed_decode_tokens(self) -> int:
        return max(0, self.num_processed_tokens - self.num_prefill_tokens)

    @property
    def is_prefill_complete(self) -> bool:
        live = self._live()
        return bool(self._outcome) or bool(live and live.prefill_complete)

    _is_prefill_complete = is_prefill_complete

    @property
    def completed(self) -> bool:
        return self._outcome is not None

    _completed = completed

    @property
    def scheduled(self) -> bool:
        """Whether it has been in a batch."""
        return self._run.was_scheduled(self)

    _scheduled = scheduled

    @property
    def preempted(self) -> bool:
        """Whether it waits in its replica's queue after a restart."""
        live = self._live()
        return bool(live) and self.num_restarts > 0 and not self._run.is_running(self)

    _preempted = preempted

    @property
    def num_restarts(self) -> int:
        return self._run.restarts(self)

    _num_restarts = num_restarts

    def _known_when_complete(self, name: str) -> int:
        if self._outcome is None:
            raise Hidden(f"request {self._id}: {name} is not known before the request has completed: no router can "
                         "know how long an output will be")
        return self._outcome.num_decode_tokens

    @property
    def num_decode_tokens(self) -> int:
        return self._known_when_complete("num_decode_tokens")

    @property
    def _num_decode_tokens(self) -> int:
        return self._known_when_complete("_num_decode_tokens")

    @property
    def total_tokens(self) -> int:
        return self._original_prefill_tokens + self._known_when_complete("total_tokens")

    @property
    def pd_ratio(self) -> float:
        return self._original_prefill_tokens / self._known_when_complete("pd_ratio")

    @property
    def completed_at(self) -> float:
        self._known_when_complete("completed_at")
        return self._outcome.completed_at

    @property
    def size(self):
        return (self.num_prefill_tokens, self.num_decode_tokens)

    def to_dict(self) -> dict:
        return {"id": self._id, "arrived_at": self._arrived_at, "num_prefill_tokens": self.num_prefill_tokens,
                "num_processed_tokens": self.num_processed_tokens, "completed": self.completed}

    def __repr__(self) -> str:
        return f"Request(id={self._id}, arrived_at={self._arrived_at}, num_prefill_tokens={self.num_prefill_tokens})"


class Replica(_Helpful):
    _what = "a replica"

    def __init__(self, replica_id: int, limits):
        self._id = replica_id
        self._limits = limits

    @property
    def id(self) -> int:
        return self._id

    @property
    def max_request_tokens(self) -> int:
        return self._limits.max_tokens

    num_pipeline_stages = 1
    num_tensor_parallel_workers = 1


class ReplicaSchedulerConfig(_Helpful):
    """`_config` of a replica's scheduler."""

    _what = "a replica scheduler's _config"

    def __init__(self, limits):
        self.num_blocks = limits.num_blocks
        self.block_size = limits.block_size
        self.batch_size_cap = limits.batch_size_cap
        self.watermark_blocks_fraction = limits.watermark_blocks / limits.num_blocks
        self.max_tokens_in_batch = limits.batch_tokens
        self.chunk_size = limits.batch_tokens


class ReplicaScheduler(_Helpful):
    _what = "a replica's scheduler"

    def __init__(self, run, replica_id: int, limits):
        self._run = run
        self._replica_id = replica_id
        self._config = ReplicaSchedulerConfig(limits)
        self._max_batch_size = limits.batch_size_cap
        self._num_stages = 1

    @property
    def replica_id(self) -> int:
        return self._replica_id

    @property
    def num_pending_requests(self) -> int:
        """Requests in its queue."""
        return self._run.cluster.num_waiting(self._replica_id)

    @property
    def num_allocated_blocks(self) -> int:
        return self._run.cluster.state(self._replica_id).blocks_used

    _num_allocated_blocks = num_allocated_blocks

    @property
    def memory_usage_percent(self) -> int:
        return self.num_allocated_blocks * 100 / self._config.num_blocks

    def can_allocate(self, num_blocks: int) -> bool:
        return self._config.num_blocks - self.num_allocated_blocks >= num_blocks

    def is_empty(self) -> bool:
        return self._run.cluster.outstanding(self._replica_id) == 0

    @property
    def _num_running_batches(self) -> int:
        return int(self._run.cluster.state(self._replica_id).batch_kind != "idle")

    @property
    def _request_queue(self) -> list:
        """Those that wait, from the front. A copy: the replica's queue is not the router's to change."""
        return [self._run.requests[it.id] for it in self._run.cluster.waiting(self._replica_id)]

    @property
    def _preempted_requests(self) -> list:
        return [request for request in self._request_queue if request.num_restarts > 0]

    @property
    def _allocation_map(self) -> dict:
        """KV blocks of each running request: enough for its prompt, or for what it has processed if that is more."""
        size = self._config.block_size
        return {it.id: -(-max(it.num_prefill_tokens, it.num_processed_tokens) // size)
                for it in self._run.cluster.running(self._replica_id)}
