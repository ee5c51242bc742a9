"""Head-Room Admission (arXiv 2510.27176), as one writes it for Vidur."""

import math

from vidur.logger import init_logger
from vidur.scheduler.global_scheduler.base_global_scheduler import BaseGlobalScheduler

logger = init_logger(__name__)


class AIGlobalScheduler(BaseGlobalScheduler):
    DECODE_RATIO = 0.6
    SAFETY = 0.03

    def _blocks(self, tokens, size):
        return math.ceil(tokens / size)

    def schedule(self):
        self._request_queue.sort(key=lambda request: (request.num_prefill_tokens, request.arrived_at, request.id))
        state = {}
        for replica_id, scheduler in self._replica_schedulers.items():
            size = scheduler._config.block_size
            waiting = sum(request.num_prefill_tokens * (1 + self.DECODE_RATIO) for request in scheduler._request_queue)
            state[replica_id] = [scheduler.num_allocated_blocks, self._blocks(waiting, size),
                                 scheduler.num_pending_requests + len(scheduler._allocation_map)]
        placed = []
        while self._request_queue:
            request = self._request_queue[0]
            fitting = []
            for replica_id, (allocated, pending, count) in state.items():
                config = self.get_replica_scheduler(replica_id)._config
                need = self._blocks(request.num_prefill_tokens * (1 + self.DECODE_RATIO), config.block_size)
                if config.num_blocks - (allocated + pending + need) >= math.floor(self.SAFETY * config.num_blocks):
                    fitting.append((allocated + pending, count, replica_id, need))
            if not fitting:
                break
            _, _, replica_id, need = min(fitting)
            state[replica_id][1] += need
            state[replica_id][2] += 1
            placed.append((replica_id, self._request_queue.pop(0)))
        return placed
