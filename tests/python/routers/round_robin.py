from vidur.scheduler.global_scheduler.base_global_scheduler import BaseGlobalScheduler


class RoundRobinGlobalScheduler(BaseGlobalScheduler):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._request_counter = 0

    def schedule(self):
        self.sort_requests()
        placed = []
        while self._request_queue:
            request = self._request_queue.pop(0)
            placed.append((self._request_counter % self._num_replicas, request))
            self._request_counter += 1
        return placed
