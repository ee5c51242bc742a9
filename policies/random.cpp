#include "core/api/policy.hpp"
#include "policies/declarations.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

namespace {

class Random final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t seed) override { stream_ = RandomStream(seed, "random"); }

  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) cluster.assign(cluster.first_queued(), stream_.below(cluster.num_replicas()));
  }

 private:
  RandomStream stream_;
};

}  // namespace

PolicyInfo random_policy() { return describe<Random>("random", "A uniformly random replica.", "").done(); }

}  // namespace switchyard
