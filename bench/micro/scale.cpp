// BM_Scale/replicas:R/requests:N: large clusters under LLQ, at the seed benchmark's load per replica. Checked: every
// request completes, on the replica that had the fewest requests as far as the totals show (no replica is left out).
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>

#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"

namespace switchyard {
namespace {

Scenario scaled(std::int32_t replicas, std::int32_t requests) {
  Scenario scenario = load_scenario("azure-conv");
  scenario.replicas = replicas;
  scenario.workload.arrivals = ArrivalKind::poisson;
  scenario.workload.lengths = LengthKind::resample;
  scenario.workload.qps *= static_cast<double>(replicas) / 4;
  scenario.workload.duration_s = 0;
  scenario.workload.num_requests = requests;
  return scenario;
}

void scale(benchmark::State& state) {
  const Experiment experiment(
      scaled(static_cast<std::int32_t>(state.range(0)), static_cast<std::int32_t>(state.range(1))));
  const auto workload = experiment.workload(1);
  const auto policy = parse_policy("llq", "").make();
  Simulation simulation;
  const Replay& first = simulation.run(experiment.cluster(), *workload, *policy, 1);
  std::int64_t completed = 0;
  for (const ReplicaTotals& replica : first.replicas) completed += replica.num_requests;
  const bool all_used =
      std::all_of(first.replicas.begin(), first.replicas.end(), [](const auto& r) { return r.num_requests > 0; });
  if (completed != state.range(1) || !all_used) {
    state.SkipWithError("requests were lost, or a replica was never used");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(simulation.run(experiment.cluster(), *workload, *policy, 1).makespan);
  }
  state.SetItemsProcessed(state.iterations() * state.range(1));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;  // of the process, so far
}
BENCHMARK(scale)
    ->Name("BM_Scale")
    ->ArgNames({"replicas", "requests"})
    ->Args({10, 10'000})
    ->Args({100, 100'000})
    ->Args({1000, 1'000'000})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace switchyard
