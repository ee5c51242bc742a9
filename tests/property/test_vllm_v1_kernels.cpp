// The leaping replica of vllm_v1 gives what the stepping one gives, to the bit: for every registered policy, over
// random small workloads with prompts in common, little memory, budgets from one token up, coinciding steps and
// arrivals.
#include <algorithm>
#include <catch2/catch.hpp>
#include <tuple>

#include "core/cluster/simulation.hpp"
#include "core/workload/random.hpp"
#include "policies/registry.hpp"
#include "tests/support/curious.hpp"
#include "tests/support/random_clusters.hpp"
#include "tests/support/random_signals.hpp"
#include "tests/support/random_split.hpp"

using namespace switchyard;

namespace {

enum class World { plain, open, split };

// Whether signals are old, routers several and so on, or prefill and decode are apart; and for how many cases.
void compare_kernels(World world, std::uint64_t rounds) {
  const bool open = world == World::open;
  Simulation leap(Kernel::leap), step(Kernel::step);
  std::size_t compared = 0;
  std::int64_t restarts = 0, hits = 0, hits_resumed = 0, evictions = 0, steps = 0, leaps = 0, prefilled = 0;
  std::int64_t moved = 0, found_there = 0, waited = 0;  // of requests that were handed over
  for (std::uint64_t round = 0; round < rounds; ++round) {
    WorkloadRandom random(round, WorkloadRandom::Purpose::lengths);
    const CostModel cost = random_cost_of_v1(random, round % 3 == 0);
    const auto longest = static_cast<std::int32_t>(random.below(3) == 0 ? 512 : 128);
    const VllmV1Options options = random_options(random, longest);
    const auto replicas = static_cast<std::int32_t>(1 + random.below(random.below(8) == 0 ? 40 : 4));
    ClusterConfig config = ClusterConfig::uniform(replicas, ReplicaKind(options, cost));
    if (world == World::split) config = random_split(random, options, longest, cost);
    if (open || (world == World::split && random.below(2) == 0)) config = with_random_signals(config, random);
    const std::size_t count = 5 + random.below(40);
    const std::size_t kinds = round % 6 == 0 ? 2 : 4;  // two: arrivals lie on the grid of flat times
    Workload workload = random_workload(random, count, longest, round, kinds);
    workload.content = random_content(random, workload, options.block_size);
    const Subscription asks = Curious::random_subscription(random);
    std::vector<PolicyInfo> registered = registered_policies();
    if (world == World::split) std::erase_if(registered, [](const PolicyInfo& info) { return !info.knows_roles; });
    std::vector<RoutedBy> policies = {{[&] { return std::make_unique<Curious>(asks); }}};
    std::string names = "curious";
    if (!registered.empty()) {
      const PolicyInfo& one = registered[round % registered.size()];
      policies.push_back(routed_by(one, default_values(one.params)));
      names += ", then " + one.name;
    }
    for (const RoutedBy& policy : policies) {
      bool stalled_step = false, stalled_leap = false;
      const Replay* expected = nullptr;
      const Replay* found = nullptr;
      try {
        expected = &step.run(config, workload, policy, round);
      } catch (const StalledError&) {
        stalled_step = true;
      }
      try {
        found = &leap.run(config, workload, policy, round);
      } catch (const StalledError&) {
        stalled_leap = true;
      }
      INFO("round " << round << ", policy number " << &policy - policies.data() << " of " << names);
      REQUIRE(stalled_step == stalled_leap);
      if (stalled_step) continue;
      REQUIRE(same(*expected, *found));
      ++compared;
      steps += expected->num_steps;
      for (const HandOff& entry : found->hand_offs) {
        const std::int32_t prompt = workload.requests[static_cast<std::size_t>(entry.row)].num_prefill_tokens;
        REQUIRE(entry.num_moved_tokens <= prompt);
        REQUIRE(entry.began_at >= std::max(entry.prefilled_at, entry.assigned_at));
        REQUIRE(entry.ended_at > entry.began_at);
        REQUIRE(found->requests[static_cast<std::size_t>(entry.row)].replica == entry.decode_replica);
        ++moved;
        found_there += entry.num_moved_tokens < prompt;
        waited += entry.began_at > std::max(entry.prefilled_at, entry.assigned_at) + kTicksPerSecond / 20;
      }
      leaps += found->num_steps;
      for (const ReplicaTotals& totals : found->replicas) {
        restarts += totals.num_restarts;
        prefilled += totals.num_prefilled;
        hits += totals.hit_tokens;
        hits_resumed += totals.hit_tokens_resumed;
        evictions += totals.num_evicted_blocks;
      }
    }
  }
  CHECK(compared > rounds * 5 / 6 * (world == World::split ? 1 : 2));  // hardly any run stalls
  CHECK((world != World::plain || 3 * leaps < 2 * steps));
  // All of it occurred.
  CHECK(restarts > static_cast<std::int64_t>(rounds));
  CHECK(hits > static_cast<std::int64_t>(10 * rounds));
  CHECK(hits_resumed > static_cast<std::int64_t>(rounds));
  CHECK(evictions > static_cast<std::int64_t>(rounds));
  if (world != World::split) return;
  CHECK(moved == prefilled);
  CHECK(moved > static_cast<std::int64_t>(2 * rounds));
  CHECK(found_there > static_cast<std::int64_t>(rounds / 4));
  CHECK(waited > static_cast<std::int64_t>(rounds / 10));
}

}  // namespace

TEST_CASE("both kernels give the same bytes under vllm_v1", "[kernels]") { compare_kernels(World::plain, 6000); }

TEST_CASE("both kernels give the same bytes under vllm_v1 with old signals, several routers and a network",
          "[kernels][signals]") {
  compare_kernels(World::open, 3000);
}

TEST_CASE("both kernels give the same bytes where prefill and decode are apart", "[kernels][split]") {
  compare_kernels(World::split, 3000);
}

namespace {

// Sends requests 0 and 3 to replica 1, request 1 to replica 0, and 2 there once that is idle. Writes down what replica
// 1 shows in each call.
class Watching final : public Policy {
 public:
  using Sight = std::tuple<Time, BatchKind, Time, std::int32_t>;

  void start(const ClusterView&, std::uint64_t) override { sights.clear(); }
  void schedule(ClusterView& cluster) override {
    const ReplicaState state = cluster.state(1);
    sights.emplace_back(cluster.now(), state.batch_kind, state.batch_started_at, state.blocks_used);
    for (RequestId id = cluster.first_queued(); id >= 0;) {
      const RequestId next = cluster.next_queued(id);
      if (id != 2 || cluster.outstanding(0) == 0) cluster.assign(id, id == 0 || id == 3 ? 1 : 0);
      id = next;
    }
  }

  std::vector<Sight> sights;
};

}  // namespace

TEST_CASE("vllm_v1: after an arrival at the end of a step an engine plans ahead of the others, also within a leap",
          "[kernels]") {
  constexpr Time kMs = kTicksPerSecond / 1000;
  CostTables tables;
  tables.max_tokens = 8;
  tables.max_decodes = 1;
  tables.max_decode_kv_steps = tables.max_prefill_kv_steps = 1;
  tables.max_chunk = 8;
  tables.tokens.assign(9, static_cast<double>(kMs));  // each step takes as long
  tables.decode.assign(4, 0.0);
  tables.prefill.assign(18, 0.0);
  const CostModel cost("flat", std::move(tables));
  // Replica 1 decodes request 0 in one leap up to 40 ms. At 10 ms request 3 comes, which finds no place there, and
  // replica 0 completes request 1: the policy call that follows sees replica 1 with its next step planned, though its
  // number is the higher one.
  const Workload workload = make_workload("", {{0, 1, 40}, {0, 1, 10}, {0.0055, 1, 5}, {0.010, 1, 5}});
  for (const bool async : {false, true}) {
    for (const std::int32_t block_size : {1, 16}) {
      VllmV1Options options{.num_gpu_blocks = 100, .block_size = block_size, .max_num_seqs = 1};
      options.async_scheduling = async;
      const ClusterConfig config = ClusterConfig::uniform(2, ReplicaKind(options, cost));
      Watching in_steps, in_leaps;
      Simulation step(Kernel::step), leap(Kernel::leap);
      const Replay& expected = step.run(config, workload, in_steps, 1);
      const Replay& found = leap.run(config, workload, in_leaps, 1);
      INFO("async " << async << ", blocks of " << block_size);
      CHECK(same(expected, found));
      CHECK(in_steps.sights == in_leaps.sights);
      if (async) continue;
      // At 10 ms: before replica 1 has booked its tenth step, which began at 9 ms; and with the eleventh planned.
      const std::int32_t used = block_size == 1 ? 10 : 1;
      const Watching::Sight at_arrival{10 * kMs, BatchKind::decode, 9 * kMs, used};
      const Watching::Sight at_completion{10 * kMs, BatchKind::decode, 10 * kMs, block_size == 1 ? used + 1 : used};
      CHECK(std::count(in_leaps.sights.begin(), in_leaps.sights.end(), at_arrival) == 1);
      CHECK(std::count(in_leaps.sights.begin(), in_leaps.sights.end(), at_completion) == 1);
      CHECK(found.num_steps < expected.num_steps);
    }
  }
}
