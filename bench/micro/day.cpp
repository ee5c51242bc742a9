// BM_Day: a day of 537,600 requests with the lengths of the Azure 2023 conversation trace, each behind one of 100
// system prompts of 1,000 tokens, on 32 replicas of vLLM V1 with prefix caching under LLQ. Making the workload is not
// timed. Checked: every request completes, and nearly all system prompts are found in a cache.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"

namespace switchyard {
namespace {

constexpr std::int32_t kRequestsOfDay = 537'600;
constexpr double kSecondsOfDay = 86'400;
constexpr std::int32_t kSystemPromptTokens = 1000;

Scenario day_of_conversations() {
  Scenario scenario = load_scenario("tenants");
  scenario.name = "day";
  scenario.replicas = 32;
  scenario.signal_interval_s = scenario.kv_delay_s = 0;  // live: a snapshot every 50 ms would be 55 million
  WorkloadSpec& workload = scenario.workload;
  workload.trace = "azure-conv";
  workload.lengths = LengthKind::resample;
  workload.arrivals = ArrivalKind::poisson;
  workload.qps = kRequestsOfDay / kSecondsOfDay;
  workload.num_requests = kRequestsOfDay;
  workload.warm_up_requests = 0;
  workload.num_prefixes = 100;
  workload.prefix_zipf = 0;
  workload.prefix_lengths = PrefixLengths::even;
  workload.prefix_min = workload.prefix_max = kSystemPromptTokens;
  return scenario;
}

void day(benchmark::State& state) {
  const Experiment experiment(day_of_conversations());
  const auto workload = experiment.workload(1);
  const auto policy = parse_policy("llq", "").make();
  Simulation simulation;
  const Replay& first = simulation.run(experiment.cluster(), *workload, *policy, 1);
  std::int64_t completed = 0, hit_tokens = 0;
  for (const ReplicaTotals& replica : first.replicas) {
    completed += replica.num_requests;
    hit_tokens += replica.hit_tokens;
  }
  // Whole blocks of 16 tokens of a system prompt; the first request of each on each replica finds none of it.
  constexpr std::int64_t kBlocks = kSystemPromptTokens / 16 * 16;
  const auto found = static_cast<double>(hit_tokens) / (double{kBlocks} * kRequestsOfDay);
  if (completed != kRequestsOfDay || found < 0.9 || found > 1) {
    state.SkipWithError("requests were lost, or system prompts were not found");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(simulation.run(experiment.cluster(), *workload, *policy, 1).makespan);
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t{kRequestsOfDay});
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["hit_share"] = found;
  state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;  // of the process, so far
}
BENCHMARK(day)->Name("BM_Day")->Unit(benchmark::kSecond);

}  // namespace
}  // namespace switchyard
