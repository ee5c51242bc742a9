#include "core/api/policy.hpp"
#include "policies/declarations.hpp"

namespace switchyard {

namespace {

class LeastLoadedQueue final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override {}

  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) cluster.assign(cluster.first_queued(), cluster.least_outstanding());
  }

  void scores(const ClusterView& cluster, const QueuedRequest&, std::vector<double>& out) const override {
    for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
      out.push_back(cluster.outstanding(replica));
    }
  }
};

}  // namespace

PolicyInfo llq_policy() {
  return describe<LeastLoadedQueue>("llq", "Least-loaded queue: fewest waiting and running requests.",
                                    "arXiv 2510.27176 (as its baseline)")
      .done();
}

}  // namespace switchyard
