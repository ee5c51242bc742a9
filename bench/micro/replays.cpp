// BM_Replays/threads:N: 1,000 replays of the seed benchmark through the evaluator of searches, as a search runs them.
// Checked against one replay after another.
#include <benchmark/benchmark.h>

#include "bench/micro/experiments.hpp"
#include "search/evaluator.hpp"

namespace switchyard {
namespace {

void replays(benchmark::State& state) {
  const Experiment& experiment = experiment_of("azure-conv");
  const PolicySpec policy = parse_policy("llq", "");
  ThreadEvaluator evaluator(RequestLimits{}, static_cast<int>(state.range(0)));
  const std::string key = evaluator.add(experiment);
  std::vector<Job> jobs;
  for (std::uint64_t i = 0; i < 1000; ++i) jobs.push_back({key, policy.text(), 1 + i % 8});

  std::vector<double> expected;
  Simulation simulation;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const auto workload = experiment.workload(seed);
    const Replay& replay = simulation.run(experiment.cluster(), *workload, *policy.make(), seed);
    expected.push_back(summarize(replay, *workload, experiment.cluster()).mean_e2e_s);
  }
  const std::vector<ReplayResult> found = evaluator.run(jobs);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!found[i].failure.empty() || found[i].summary.mean_e2e_s != expected[i % 8]) {
      state.SkipWithError("the evaluator disagrees with single replays");
      return;
    }
  }
  for (auto _ : state) benchmark::DoNotOptimize(evaluator.run(jobs));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(jobs.size()));
}
BENCHMARK(replays)->Name("BM_Replays")->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace switchyard
