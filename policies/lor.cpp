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
};

}  // namespace

PolicyInfo lor_policy() {
  return describe<LeastOutstandingRequests>(
             "lor", "Vidur's least outstanding requests: fewest waiting requests; running ones do not count.",
             "microsoft/vidur")
      .done();
}

}  // namespace switchyard
