// What makes workloads and settings: generators of scenarios, and the samplers of searches. Checked: a second draw with
// the same seed gives the same, and with another seed something else.
#include <benchmark/benchmark.h>

#include "core/scenario/scenario.hpp"
#include "policies/registry.hpp"
#include "search/sampler.hpp"

namespace switchyard {
namespace {

void generate(benchmark::State& state, const std::string& name) {
  const Scenario scenario = load_scenario(name);
  const auto rows = make_rows(scenario.workload, 1, scenario.max_tokens);
  if (rows.empty() || make_rows(scenario.workload, 1, scenario.max_tokens) != rows ||
      make_rows(scenario.workload, 2, scenario.max_tokens) == rows) {
    state.SkipWithError("seeds do not tell workloads apart");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(make_rows(scenario.workload, 1, scenario.max_tokens).size());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows.size()));
}

// Asks for 64 settings of a policy, and tells scores that grow with the number of the trial.
std::vector<ParamValues> settings(const std::string& method, std::uint64_t study_seed) {
  const PolicyInfo& info = find_policy("memory_headroom", "");
  const auto sampler =
      make_sampler(method, info.name, info.params, {.trials = 64, .grid_points = 2, .study_seed = study_seed});
  std::vector<ParamValues> all;
  while (all.size() < 64) {
    const std::vector<ParamValues> batch = sampler->ask();
    if (batch.empty()) break;
    std::vector<double> scores;
    for (const ParamValues& values : batch) {
      scores.push_back(static_cast<double>(all.size()));
      all.push_back(values);
    }
    sampler->tell(scores);
  }
  return all;
}

void sample(benchmark::State& state, const std::string& method) {
  const auto drawn = settings(method, 1);
  if (drawn.empty() || settings(method, 1) != drawn) {
    state.SkipWithError("the same study seed gives other settings");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(settings(method, 1).size());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(drawn.size()));
}

const bool registered = [] {
  for (const EmbeddedScenario& scenario : embedded_scenarios()) {
    benchmark::RegisterBenchmark(("BM_Generate/" + scenario.name).c_str(), generate, scenario.name)
        ->Unit(benchmark::kMillisecond);
  }
  for (const std::string& method : sampler_names()) {
    benchmark::RegisterBenchmark(("BM_Sample/" + method).c_str(), sample, method)->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace switchyard
