// What makes workloads and settings: generators of scenarios, and the methods of searches. Checked: a second draw with
// the same seed gives the same, and with another seed something else.
#include <benchmark/benchmark.h>

#include "core/scenario/scenario.hpp"
#include "policies/registry.hpp"
#include "search/methods/method.hpp"

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

// Asks a search method for settings of a policy, up to 64 of them, and answers each: the later the better.
std::vector<ParamValues> settings(const std::string& name, std::uint64_t study_seed) {
  const PolicyInfo& info = find_policy("memory_headroom", "");
  constexpr std::size_t kSeeds = 4, kReplays = 64 * kSeeds;
  const auto method =
      make_method(name, info.name, info.params,
                  {.grid_points = 2, .study_seed = study_seed, .num_seeds = kSeeds, .replays = kReplays});
  std::vector<ParamValues> all;
  while (all.size() < 64) {
    const std::vector<Query> queries = method->ask(kReplays);
    if (queries.empty()) break;
    std::vector<Answer> answers;
    for (const Query& query : queries) {
      const double cost = 1.0 / static_cast<double>(1 + all.size());
      answers.push_back({.relative = cost, .by_seed = std::vector<double>(query.num_seeds, cost)});
      all.push_back(query.values);
    }
    method->tell(answers);
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
  for (const std::string& method : method_names()) {
    benchmark::RegisterBenchmark(("BM_Sample/" + method).c_str(), sample, method)->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace switchyard
