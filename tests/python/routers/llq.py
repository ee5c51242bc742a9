"""Least-loaded queue, as one writes it for Vidur: fewest waiting and running requests, ties to the lowest id."""

from typing import List, Tuple

from vidur.entities import Request
from vidur.scheduler.global_scheduler.base_global_scheduler import BaseGlobalScheduler


class LlqGlobalScheduler(BaseGlobalScheduler):
    def schedule(self) -> List[Tuple[int, Request]]:
        self.sort_requests()
        load = {
            scheduler.replica_id: scheduler.num_pending_requests + len(scheduler._allocation_map)
            for scheduler in self._replica_schedulers.values()
        }
        placed = []
        while self._request_queue:
            request = self._request_queue.pop(0)
            replica_id = min(load.items(), key=lambda item: item[1])[0]
            load[replica_id] += 1
            placed.append((replica_id, request))
        return placed
