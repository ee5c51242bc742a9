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
};

}  // namespace

PolicyInfo llq_policy() {
  return describe<LeastLoadedQueue>("llq", "Least-loaded queue: fewest waiting and running requests.",
                                    "arXiv 2510.27176 (as its baseline)")
      .done();
}

}  // namespace switchyard
