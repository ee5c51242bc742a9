#include "core/api/policy.hpp"
#include "policies/declarations.hpp"

namespace switchyard {

namespace {

class RoundRobin final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override { next_ = 0; }

  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) {
      cluster.assign(cluster.first_queued(), next_);
      if (++next_ == cluster.num_replicas()) next_ = 0;
    }
  }

 private:
  std::int32_t next_ = 0;
};

}  // namespace

PolicyInfo round_robin_policy() {
  return describe<RoundRobin>("round_robin", "The k-th request goes to replica k modulo the number of replicas.", "")
      .done();
}

}  // namespace switchyard
