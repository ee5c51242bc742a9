// BM_Replay/<scenario>/<policy>: one replay with all records, every policy at its default setting. Checked against the
// step kernel: same makespan, batches and mean end-to-end time. azure-conv-x3-v1 under llq is there without
// asynchronous scheduling, too.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "bench/micro/experiments.hpp"
#include "core/metrics/summary.hpp"
#include "core/scenario/groups.hpp"
#include "policies/registry.hpp"

namespace switchyard {
namespace {

constexpr const char* kSynchronous = "azure-conv-x3-v1-sync";  // that scenario, without asynchronous scheduling

const Experiment& synchronous() {
  static const Experiment experiment = [] {
    Scenario scenario = load_scenario("azure-conv-x3-v1");
    scenario.async_scheduling = false;
    return Experiment(scenario);
  }();
  return experiment;
}

void replay(benchmark::State& state, const std::string& scenario, const PolicyInfo& info) {
  const Experiment& experiment = scenario == kSynchronous ? synchronous() : experiment_of(scenario);
  const std::uint64_t seed = experiment.scenario().seed;
  const auto workload = experiment.workload(seed);
  const auto policy = info.make(default_values(info.params));
  Simulation leap(Kernel::leap);
  const Replay& result = leap.run(experiment.cluster(), *workload, *policy, seed);
  const Summary found = summarize(result, *workload, experiment.cluster());
  static std::map<std::string, Summary> all_expected;  // repetitions need no further replay by steps
  auto& expected = all_expected[scenario + "/" + info.name];
  if (expected.num_requests == 0) {
    Simulation step(Kernel::step);
    expected = summarize(step.run(experiment.cluster(), *workload, *policy, seed), *workload, experiment.cluster());
  }
  if (found.mean_e2e_s != expected.mean_e2e_s || found.num_batches != expected.num_batches ||
      found.makespan_s != expected.makespan_s) {
    state.SkipWithError("the kernels disagree");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(leap.run(experiment.cluster(), *workload, *policy, seed).makespan);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(workload->size()));
  state.counters["batches/s"] =
      benchmark::Counter(static_cast<double>(found.num_batches), benchmark::Counter::kIsIterationInvariantRate);
  state.counters["steps"] = static_cast<double>(result.num_steps);
}

void add(const std::string& scenario, const PolicyInfo& info) {
  benchmark::RegisterBenchmark(("BM_Replay/" + scenario + "/" + info.name).c_str(), replay, scenario, std::cref(info))
      ->Unit(benchmark::kMillisecond);
}

// Whether prefill and decode are apart there: then only policies that know of roles can run.
bool is_split(const std::string& name) {
  const Scenario scenario = load_scenario(name);
  return std::any_of(scenario.groups.begin(), scenario.groups.end(), [&](const ReplicaGroup& group) {
    return scenario_of_group(scenario, group).role == Role::prefill;
  });
}

const bool registered = [] {
  for (const EmbeddedScenario& scenario : embedded_scenarios()) {
    const bool split = is_split(scenario.name);
    for (const PolicyInfo& info : registered_policies()) {
      if (!split || info.knows_roles) add(scenario.name, info);
    }
  }
  for (const PolicyInfo& info : registered_policies()) {
    if (info.name == "llq") add(kSynchronous, info);
  }
  return true;
}();

}  // namespace
}  // namespace switchyard
