"""A router to begin with: each request to the replica with the fewest requests."""

from vidur.scheduler.global_scheduler.base_global_scheduler import BaseGlobalScheduler


# EVOLVE-BLOCK-START
class Router(BaseGlobalScheduler):
    def schedule(self):
        self.sort_requests()
        load = {
            replica_id: scheduler.num_pending_requests + len(scheduler._allocation_map)
            for replica_id, scheduler in self._replica_schedulers.items()
        }
        placed = []
        while self._request_queue:
            request = self._request_queue.pop(0)
            replica_id = min(load, key=load.get)
            load[replica_id] += 1
            placed.append((replica_id, request))
        return placed


# EVOLVE-BLOCK-END
