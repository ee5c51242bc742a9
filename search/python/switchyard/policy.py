"""Policies in Python."""

from __future__ import annotations

from ._core import BlockName, Cluster, CompletedRequest, FirstToken, QueuedRequest, Subscription

__all__ = ["Cluster", "Policy"]


def _does_nothing(method):
    method._does_nothing = True  # then the kernel does not call it
    return method


class Policy:
    """A routing policy. Override `schedule`, and of the others what you need.

        class LeastWaiting(Policy):
            def schedule(self, cluster):
                while cluster.queue_length():
                    cluster.assign(cluster.first_queued(), cluster.least_waiting())

    It sees what a policy in C++ sees: prompts and loads, never an output length or the future. The cluster may be
    looked at only while a call lasts. Where replicas fail, come and go or are not alike, `Cluster.can_serve` says which
    may take a request. `knows_roles = True` says that it decides about prefill and decode where they are apart; others
    are refused there.
    """

    knows_roles: bool = False

    @_does_nothing
    def start(self, cluster: Cluster, seed: int) -> None:
        """Before each replay: forget everything. `seed` is for this policy's own random numbers."""

    @_does_nothing
    def on_arrival(self, request: QueuedRequest) -> None:
        """A request has joined the queue; `schedule` follows."""

    @_does_nothing
    def on_prefilled(self, request: QueuedRequest) -> None:
        """Where prefill and decode are apart: a request that was assigned to a prefill replica alone has its first
        token, and has joined the queue again to be assigned to one that decodes; `schedule` follows."""

    @_does_nothing
    def on_completion(self, request: CompletedRequest) -> None:
        """A request has completed; `schedule` follows if the queue holds any."""

    @_does_nothing
    def on_loss(self, request: CompletedRequest) -> None:
        """A request has been lost, as its replica failed: what there was of it, with the time at which routers learned
        that in place of a completion. If it is tried again, on_arrival follows."""

    @_does_nothing
    def on_fleet(self, cluster: Cluster, replica: int) -> None:
        """The replica takes requests from now on, or no more (`Cluster.accepts`). One that comes back has forgotten all
        that it had cached. `schedule` follows if requests are queued."""

    @_does_nothing
    def subscription(self) -> Subscription:  # type: ignore[empty-body]  # the kernel does not call it
        """What else to be told, asked before each replay; the next four are called only if they were asked for, and
        `schedule` follows if requests are queued."""

    @_does_nothing
    def on_first_token(self, token: FirstToken) -> None:
        """The first token of a request's answer has been computed, for the first time."""

    @_does_nothing
    def on_poll(self, cluster: Cluster, replica: int) -> None:
        """A newer snapshot of the replica can be read from now on. Never called where signals are live."""

    @_does_nothing
    def on_timer(self, cluster: Cluster) -> None:
        """The time that `Subscription.every` says has passed."""

    @_does_nothing
    def on_kv_event(self, replica: int, event: str, blocks: list[BlockName]) -> None:
        """The content of these blocks can be found in the replica's prefix cache from now on ("stored"), or no more
        ("removed")."""

    def schedule(self, cluster: Cluster) -> None:
        """Decide: `cluster.assign(id, replica)` for any queued requests, at once visible; others wait."""
        raise NotImplementedError(f"{type(self).__name__} has no schedule(self, cluster)")
