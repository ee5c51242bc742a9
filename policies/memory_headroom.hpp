// Admission by KV headroom. HRA is one of its settings: the same class with other parameters exposed.
#pragma once

#include <vector>

#include "core/api/policy.hpp"
#include "policies/learning/output_length.hpp"
#include "policies/ordered_queue.hpp"

namespace switchyard {

// The members' initial values are HRA's; declarations bind those that the user may set.
class MemoryHeadroom final : public Policy {
 public:
  void start(const ClusterView& cluster, std::uint64_t seed) override;
  void on_arrival(const QueuedRequest& request) override;
  void on_completion(const CompletedRequest& request) override;
  void schedule(ClusterView& cluster) override;
  void scores(const ClusterView& cluster, const QueuedRequest& request, std::vector<double>& out) const override;

  static PolicyInfo info();
  static PolicyInfo hra_info();

 private:
  enum class Order { arrival, prompt, age };

  // One replica as this call sees it; read at the first look, then counted up by the call's own placements.
  struct Load {
    std::int64_t call = -1;
    std::int64_t blocks = 0;  // allocated + pending + expected growth
    std::int32_t outstanding = 0;
  };
  const Load& load_of(const ClusterView& cluster, std::int32_t replica);
  bool admissible(const ReplicaLimits& limits, const Load& load, std::int64_t needed) const;
  std::int64_t blocks_needed(std::int32_t prompt, std::int32_t block_size) const;

  Order order_ = Order::prompt;
  double exchange_ = 0.0;
  double decode_ratio_ = 0.6;
  double horizon_ = 0.0;
  double safety_ = 0.03;

  OrderedQueue queue_;
  OutputSurvival survival_;
  double new_growth_ = 0.0;  // expected growth of a request that has produced nothing, tokens
  std::vector<Load> loads_;
  std::int64_t call_ = 0;
};

}  // namespace switchyard
