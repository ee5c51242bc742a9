// The leaping kernel gives what the stepping kernel gives, to the bit: for every registered policy, over random small
// workloads with tight memory, bursts, ties, zero gaps, one replica, caps of one.
#include <catch2/catch.hpp>

#include "core/cluster/simulation.hpp"
#include "core/workload/random.hpp"
#include "policies/registry.hpp"
#include "tests/support/curious.hpp"
#include "tests/support/random_clusters.hpp"
#include "tests/support/random_signals.hpp"

using namespace switchyard;

namespace {

class Comparison {
 public:
  // Under a policy that looks at everything, and a registered one; runs that stall must do so under both.
  void compare(const ClusterConfig& config, const Workload& workload, std::uint64_t round) {
    const auto& registered = registered_policies();
    const PolicyInfo& one = registered[round % registered.size()];
    WorkloadRandom random(round, WorkloadRandom::Purpose::policy);
    const Subscription asks = Curious::random_subscription(random);
    const RoutedBy policies[] = {{[&] { return std::make_unique<Curious>(asks); }},
                                 routed_by(one, default_values(one.params))};
    for (const RoutedBy& policy : policies) {
      const Replay* expected = run(step_, config, workload, policy, round);
      const Replay* found = run(leap_, config, workload, policy, round);
      INFO("round " << round << " " << one.name);
      REQUIRE((expected == nullptr) == (found == nullptr));
      if (!expected) continue;
      REQUIRE(same(*expected, *found));
      ++num_compared_;
    }
  }
  std::size_t num_compared() const { return num_compared_; }

 private:
  static const Replay* run(Simulation& simulation, const ClusterConfig& config, const Workload& workload,
                           const RoutedBy& policy, std::uint64_t seed) {
    try {
      return &simulation.run(config, workload, policy, seed);
    } catch (const StalledError&) {
      return nullptr;
    }
  }

  Simulation leap_{Kernel::leap}, step_{Kernel::step};
  std::size_t num_compared_ = 0;
};

}  // namespace

TEST_CASE("both kernels give the same bytes", "[kernels]") {
  Comparison comparison;
  for (std::uint64_t round = 0; round < 6000; ++round) {
    WorkloadRandom random(round, WorkloadRandom::Purpose::lengths);
    const CostModel cost = random_cost_of_v0(random, round % 3 == 0);
    const auto num_replicas = static_cast<std::int32_t>(1 + random.below(4));
    const auto engine = static_cast<EngineKind>(random.below(3));
    // Tight memory, or plenty and long outputs.
    const bool plenty = random.below(3) == 0;
    const std::int32_t longest = plenty ? 512 : 128;
    const EngineOptions options = random_engine(random, engine, random.below(2) ? 16 : 4, longest, plenty);
    const ClusterConfig config = ClusterConfig::uniform(num_replicas, ReplicaKind(options, cost));
    comparison.compare(config, random_workload(random, 5 + random.below(40), longest, round), round);
  }
  CHECK(comparison.num_compared() > 10000);  // hardly any run stalls
}

TEST_CASE("both kernels give the same bytes with up to 40 replicas of several kinds and any block size", "[kernels]") {
  Comparison comparison;
  for (std::uint64_t round = 0; round < 1500; ++round) {
    WorkloadRandom random(round + 1'000'000, WorkloadRandom::Purpose::lengths);
    const CostModel costs[] = {random_cost_of_v0(random, round % 3 == 0), random_cost_of_v0(random, round % 2 == 0)};
    const bool plenty = random.below(3) == 0;
    const std::int32_t longest = plenty ? 512 : 128;
    ClusterConfig config;
    const std::size_t num_kinds = 1 + random.below(3);
    for (std::size_t kind = 0; kind < num_kinds; ++kind) {
      const auto engine = static_cast<EngineKind>(random.below(3));
      const auto block_size = static_cast<std::int32_t>(1 + random.below(random.below(2) ? 33 : 100));
      config.kinds.emplace_back(random_engine(random, engine, block_size, longest, plenty), costs[random.below(2)]);
    }
    const std::size_t num_replicas = 1 + random.below(40);
    for (std::size_t replica = 0; replica < num_replicas; ++replica) {
      config.kind_of_replica.push_back(static_cast<std::int32_t>(random.below(num_kinds)));
    }
    comparison.compare(config, random_workload(random, 5 + random.below(4 * num_replicas), longest, round), round);
  }
  CHECK(comparison.num_compared() > 2500);
}

TEST_CASE("both kernels give the same bytes with old signals, several routers and a network", "[kernels][signals]") {
  Comparison comparison;
  for (std::uint64_t round = 0; round < 3000; ++round) {
    WorkloadRandom random(round + 2'000'000, WorkloadRandom::Purpose::lengths);
    const CostModel cost = random_cost_of_v0(random, round % 3 == 0);
    const bool plenty = random.below(3) == 0;
    const std::int32_t longest = plenty ? 512 : 128;
    const auto engine = static_cast<EngineKind>(random.below(3));
    const EngineOptions options = random_engine(random, engine, random.below(2) ? 16 : 4, longest, plenty);
    const auto num_replicas = static_cast<std::int32_t>(1 + random.below(6));
    const ClusterConfig config = ClusterConfig::uniform(num_replicas, ReplicaKind(options, cost));
    comparison.compare(with_random_signals(config, random),
                       random_workload(random, 5 + random.below(40), longest, round), round);
  }
  CHECK(comparison.num_compared() > 4000);
}
