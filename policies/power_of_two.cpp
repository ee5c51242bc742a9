#include "core/api/policy.hpp"
#include "policies/declarations.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

namespace {

class PowerOfTwo final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t seed) override { stream_ = RandomStream(seed, "power_of_two"); }

  void schedule(ClusterView& cluster) override {
    const std::int32_t n = cluster.num_replicas();
    while (!cluster.queue_empty()) {
      const std::int32_t first = stream_.below(n);
      std::int32_t second = first;
      if (n > 1) {
        second = stream_.below(n - 1);
        if (second >= first) ++second;
      }
      const bool second_is_better = cluster.outstanding(second) < cluster.outstanding(first);
      cluster.assign(cluster.first_queued(), second_is_better ? second : first);
    }
  }

 private:
  RandomStream stream_;
};

}  // namespace

PolicyInfo power_of_two_policy() {
  return describe<PowerOfTwo>("power_of_two", "The less loaded (waiting and running) of two different random replicas.",
                              "Mitzenmacher 2001, The Power of Two Choices in Randomized Load Balancing")
      .done();
}

}  // namespace switchyard
