// BM_Replays/threads:N: 1,000 replays of the seed benchmark through the evaluator of searches, as a search runs them.
// Checked against one replay after another.
#include <benchmark/benchmark.h>

#include "bench/micro/experiments.hpp"
#include "search/evaluator.hpp"

namespace switchyard {
namespace {

void replays(benchmark::State& state) {
  const Experiment& experiment = experiment_of("azure-conv");
  const std::vector<PolicySpec> policies(125, parse_policy("llq", ""));
  const std::vector<std::uint64_t> seeds = {1, 2, 3, 4, 5, 6, 7, 8};
  const auto threads = static_cast<int>(state.range(0));

  std::vector<double> expected;
  Simulation simulation;
  const auto policy = policies.front().make();
  for (const std::uint64_t seed : seeds) {
    const auto workload = experiment.workload(seed);
    const Replay& replay = simulation.run(experiment.cluster(), *workload, *policy, seed);
    expected.push_back(summarize(replay, *workload, experiment.cluster()).mean_e2e_s);
  }
  for (const Outcome& outcome : evaluate(experiment, policies, seeds, threads)) {
    if (outcome.e2e() != expected) {
      state.SkipWithError("the evaluator disagrees with single replays");
      return;
    }
  }
  for (auto _ : state) benchmark::DoNotOptimize(evaluate(experiment, policies, seeds, threads));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(policies.size() * seeds.size()));
}
BENCHMARK(replays)->Name("BM_Replays")->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace switchyard
