#include "core/api/policy.hpp"
#include "policies/declarations.hpp"

namespace switchyard {

namespace {

class LeastOutstandingRequests final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override {}

  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) cluster.assign(cluster.first_queued(), cluster.least_waiting());
  }

  void scores(const ClusterView& cluster, const QueuedRequest&, std::vector<double>& out) const override {
    for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
      out.push_back(cluster.num_waiting(replica));
    }
  }
};

}  // namespace

PolicyInfo lor_policy() {
  return describe<LeastOutstandingRequests>(
             "lor", "Vidur's least outstanding requests: fewest waiting requests; running ones do not count.",
             "microsoft/vidur")
      .done();
}

}  // namespace switchyard
