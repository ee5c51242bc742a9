// A policy for comparing kernels.
#pragma once

#include "core/api/policy.hpp"

namespace switchyard {

// Asks for everything that a view offers and mixes it into every decision, so that any difference between the kernels'
// views shows in the results.
class Curious final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override { hash_ = 1; }
  void on_completion(const CompletedRequest& request) override { mix(request.id + 7 * request.replica); }
  void schedule(ClusterView& cluster) override {
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) {
      const ReplicaState s = cluster.state(r);
      for (const std::int64_t value :
           {std::int64_t{s.num_waiting}, std::int64_t{s.num_running}, std::int64_t{s.num_prefilling},
            s.waiting_prefill_tokens, s.remaining_prefill_tokens, s.decoding_kv_tokens, s.generated_tokens,
            std::int64_t{s.blocks_used}, std::int64_t{s.blocks_cached}, std::int64_t{static_cast<int>(s.batch_kind)},
            s.batch_started_at, std::int64_t{s.batch_prefill_tokens}, std::int64_t{s.batch_decodes}}) {
        mix(value);
      }
      mix(cluster.num_waiting(r));
      mix(cluster.cached_tokens(cluster.first_queued(), r));
      for (const ResidentRequest& request : cluster.waiting(r)) mix(request.id + request.num_prefill_tokens);
      for (const ResidentRequest& request : cluster.running(r)) {
        mix(request.id + request.num_processed_tokens + (request.prefill_complete ? 1 : 0));
        mix(request.num_prefill_tokens);
      }
    }
    while (!cluster.queue_empty() && (hash_ >> 11) % 4 != 0) {
      cluster.assign(cluster.first_queued(),
                     static_cast<std::int32_t>((hash_ >> 20) % static_cast<std::uint64_t>(cluster.num_replicas())));
      mix(3);
    }
    // Held for now; but never for good.
    if (cluster.queue_length() > 3) cluster.assign(cluster.first_queued(), 0);
    bool idle = true;
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) idle = idle && cluster.outstanding(r) == 0;
    if (idle && !cluster.queue_empty()) cluster.assign(cluster.first_queued(), 0);
  }

 private:
  void mix(std::int64_t value) {
    hash_ = (hash_ ^ static_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15ULL;
    hash_ ^= hash_ >> 29;
  }
  std::uint64_t hash_ = 1;
};

}  // namespace switchyard
