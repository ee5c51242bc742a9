// Replays, each checked before it is timed: both kernels must give the same mean end-to-end time and batches.
#include <benchmark/benchmark.h>

#include <map>
#include <string>

#include "core/input/error.hpp"
#include "core/metrics/summary.hpp"
#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"

namespace switchyard {
namespace {

const Experiment& experiment_of(const std::string& scenario) {
  static std::map<std::string, std::unique_ptr<Experiment>> all;
  auto& experiment = all[scenario];
  if (!experiment) experiment = std::make_unique<Experiment>(load_scenario(scenario));
  return *experiment;
}

void replay(benchmark::State& state, const std::string& scenario, const std::string& spec) {
  const Experiment& experiment = experiment_of(scenario);
  const std::uint64_t seed = experiment.scenario().seed;
  const auto workload = experiment.workload(seed);
  const auto policy = parse_policy(spec, "").make();
  Simulation leap(Kernel::leap), step(Kernel::step);
  const Summary expected =
      summarize(step.run(experiment.cluster(), *workload, *policy, seed), *workload, experiment.cluster());
  const Replay& result = leap.run(experiment.cluster(), *workload, *policy, seed);
  const Summary found = summarize(result, *workload, experiment.cluster());
  if (found.mean_e2e_s != expected.mean_e2e_s || found.num_batches != expected.num_batches) {
    state.SkipWithError("the kernels disagree");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(leap.run(experiment.cluster(), *workload, *policy, seed).makespan);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(workload->size()));
  state.counters["batches/s"] =
      benchmark::Counter(static_cast<double>(found.num_batches), benchmark::Counter::kIsIterationInvariantRate);
  state.counters["steps"] = static_cast<double>(result.num_steps);
}

// A cluster of state.range(0) replicas at the seed benchmark's load per replica under LLQ.
void scale(benchmark::State& state) {
  Scenario scenario = load_scenario("azure-conv");
  scenario.replicas = static_cast<std::int32_t>(state.range(0));
  scenario.workload.arrivals = ArrivalKind::poisson;
  scenario.workload.lengths = LengthKind::resample;
  scenario.workload.qps = 0.5 * static_cast<double>(state.range(0));
  scenario.workload.duration_s = 0;
  scenario.workload.num_requests = static_cast<std::int32_t>(state.range(1));
  const Experiment experiment(scenario);
  const auto workload = experiment.workload(1);
  const auto policy = parse_policy("llq", "").make();
  Simulation simulation;
  for (auto _ : state) {
    const Replay& result = simulation.run(experiment.cluster(), *workload, *policy, 1);
    std::int64_t completed = 0;
    for (const ReplicaTotals& replica : result.replicas) completed += replica.num_requests;
    if (completed != state.range(1)) state.SkipWithError("requests were lost");
  }
  state.SetItemsProcessed(state.iterations() * state.range(1));
}

const bool registered = [] {
  for (const EmbeddedScenario& scenario : embedded_scenarios()) {
    for (const char* policy : {"lor", "llq", "hra", "shortest_expected_work", "prefill_balance", "memory_headroom"}) {
      benchmark::RegisterBenchmark(("BM_Replay/" + scenario.name + "/" + policy).c_str(), replay, scenario.name,
                                   std::string(policy))
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::RegisterBenchmark("BM_Scale", scale)
      ->ArgNames({"replicas", "requests"})
      ->Args({10, 100000})
      ->Args({1000, 1000000})
      ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
}  // namespace switchyard
