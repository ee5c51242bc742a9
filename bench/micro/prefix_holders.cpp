// BM_PrefixHolders/replicas:N: who holds a prompt's beginning, when ten of N replicas do. Manual time is that of the
// look-ups alone, items are look-ups. Checked against asking each replica.
#include <benchmark/benchmark.h>

#include <chrono>

#include "core/cluster/simulation.hpp"
#include "core/scenario/experiment.hpp"

namespace switchyard {
namespace {

constexpr std::int32_t kHolders = 10;
constexpr std::int32_t kGroups = 20;

// Group by group, a system prompt of 100 blocks and a question of 2.
Workload grouped(std::int32_t num_requests) {
  constexpr std::uint32_t kShared = 100;
  Workload workload;
  workload.source = "groups";
  workload.content = Content(16);
  for (std::int32_t id = 0; id < num_requests; ++id) {
    const auto group = static_cast<std::uint32_t>(id % kGroups);
    workload.requests.push_back(
        {.arrived_at = id * (kTicksPerSecond / 100), .id = id, .num_prefill_tokens = 16 * (kShared + 2)});
    workload.hidden.num_decode_tokens.push_back(20);
    const Content::StoredRun runs[] = {{group * kShared, kShared},
                                       {kGroups * kShared + 2 * static_cast<std::uint32_t>(id), 2}};
    workload.content.add(runs, 16 * (kShared + 2));
  }
  return workload;
}

// Each group has ten replicas of its own, in turn.
class ByGroup final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override { time_s = 0, num_lookups = 0, all_agree = true; }
  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) {
      const RequestId id = cluster.first_queued();
      using Clock = std::chrono::steady_clock;
      const Clock::time_point before = Clock::now();
      cluster.prefix_holders(id, holders_);
      time_s += std::chrono::duration<double>(Clock::now() - before).count();
      ++num_lookups;
      if (check && id % 97 == 0) compare(cluster, id);
      cluster.assign(id, (id % kGroups * 7 + id / kGroups % kHolders) % cluster.num_replicas());
    }
  }

  bool check = false;
  bool all_agree = true;
  double time_s = 0;
  std::int64_t num_lookups = 0;

 private:
  void compare(const ClusterView& cluster, RequestId id) {
    std::vector<PrefixHolder> expected;
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) {
      const std::int32_t tokens = cluster.cached_tokens(id, r);
      if (tokens > 0) expected.push_back({.replica = r, .num_tokens = tokens});
    }
    all_agree = all_agree && holders_ == expected;
  }
  std::vector<PrefixHolder> holders_;
};

void prefix_holders(benchmark::State& state) {
  Scenario scenario;
  scenario.replicas = static_cast<std::int32_t>(state.range(0));
  scenario.replica_scheduler = EngineKind::vllm_v1;
  scenario.num_gpu_blocks = 26'000;
  scenario.max_model_len = 8192;
  scenario.set_profile("h100-llama3-8b");
  scenario.workload.arrivals = ArrivalKind::poisson;  // of the scenario, which is not run
  scenario.workload.lengths = LengthKind::fixed;
  const Experiment experiment(scenario);
  const Workload workload = grouped(20'000);
  Simulation simulation;
  ByGroup policy;
  policy.check = true;
  simulation.run(experiment.cluster(), workload, policy, 1);
  if (!policy.all_agree) return state.SkipWithError("the index disagrees with the replicas");
  policy.check = false;
  std::int64_t num_lookups = 0;
  for (auto _ : state) {
    simulation.run(experiment.cluster(), workload, policy, 1);
    state.SetIterationTime(policy.time_s);
    num_lookups += policy.num_lookups;
  }
  state.SetItemsProcessed(num_lookups);
}

BENCHMARK(prefix_holders)
    ->Name("BM_PrefixHolders")
    ->ArgName("replicas")
    ->Arg(16)
    ->Arg(1000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace switchyard
