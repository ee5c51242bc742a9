"""Vidur's LOR: fewest pending requests."""

from typing import List, Tuple

from vidur.entities import Request
from vidur.scheduler.global_scheduler.base_global_scheduler import BaseGlobalScheduler


class LORGlobalScheduler(BaseGlobalScheduler):
    def schedule(self) -> List[Tuple[int, Request]]:
        self.sort_requests()
        pending = {one.replica_id: one.num_pending_requests for one in self._replica_schedulers.values()}
        placed = []
        while self._request_queue:
            request = self._request_queue.pop(0)
            replica_id = min(pending.items(), key=lambda item: item[1])[0]
            pending[replica_id] += 1
            placed.append((replica_id, request))
        return placed
