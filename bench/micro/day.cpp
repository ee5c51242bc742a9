// BM_Day: a day of 537,600 requests with the lengths of the Azure 2023 conversation trace, each behind one of 100
// system prompts of 1,000 tokens, on 32 replicas of vLLM V1 with prefix caching under LLQ. Making the workload is not
// timed. Checked: every request completes, and nearly all system prompts are found in a cache.
// BM_SplitDay: the same with prefill and decode apart, 16 and 16 replicas of which an autoscaler keeps as many as the
// load takes, which rises and falls by 70%. Checked besides: replicas come and go, and all answers of more than one
// token are handed over.
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

// Pairs of replicas that prefill and decode, so that the autoscaler adds one of each in turn.
Scenario split_day() {
  Scenario scenario = day_of_conversations();
  scenario.name = "split_day";
  scenario.groups.clear();
  for (std::int32_t pair = 0; pair < scenario.replicas / 2; ++pair) {
    scenario.groups.push_back({.count = 1, .fields = {{"role", "prefill"}}});
    scenario.groups.push_back({.count = 1, .fields = {{"role", "decode"}}});
  }
  scenario.kv_port_gb_s = 12.5;  // 100 Gbit/s
  scenario.kv_latency_s = 0.002;
  scenario.workload.wave = 0.7;
  scenario.initial_replicas = 2;
  scenario.scale_above = 0.1;
  scenario.scale_after_s = 2;
  scenario.start_up_s = 60;
  scenario.scale_idle_s = 60;
  scenario.min_replicas = 2;
  return scenario;
}

// Nullptr if all is as it should be.
const char* what_is_wrong(const Replay& replay, double found, bool is_split, std::int64_t answers_of_more) {
  std::int64_t completed = 0;
  for (const ReplicaTotals& replica : replay.replicas) completed += replica.num_requests;
  if (completed != kRequestsOfDay) return "requests were lost";
  if (found < 0.9 || found > 1) return "system prompts were not found";
  if (!is_split) return nullptr;
  if (static_cast<std::int64_t>(replay.hand_offs.size()) != answers_of_more) return "requests were not handed over";
  return replay.absences.size() <= replay.replicas.size() ? "no replica came and left" : nullptr;
}

void replay_day(benchmark::State& state, const Scenario& scenario) {
  const Experiment experiment(scenario);
  const bool is_split = experiment.cluster().is_split();
  const auto workload = experiment.workload(1);
  const PolicySpec policy = parse_policy("llq", "");
  const RoutedBy llq = policy.routed();
  Simulation simulation;
  const Replay& first = simulation.run(experiment.cluster(), *workload, llq, 1);
  std::int64_t hit_tokens = 0;
  // Of requests whose prompt is computed on one replica and not on the other.
  for (const RequestRecord& record : first.requests) hit_tokens += record.num_cached_tokens;
  std::int64_t answers_of_more = 0;
  for (const std::int32_t outputs : workload->hidden.num_decode_tokens) answers_of_more += outputs > 1 ? 1 : 0;
  // Whole blocks of 16 tokens of a system prompt; the first request of each on each replica finds none of it.
  constexpr std::int64_t kBlocks = kSystemPromptTokens / 16 * 16;
  const auto found = static_cast<double>(hit_tokens) / (double{kBlocks} * kRequestsOfDay);
  if (const char* wrong = what_is_wrong(first, found, is_split, answers_of_more)) {
    state.SkipWithError(wrong);
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(simulation.run(experiment.cluster(), *workload, llq, 1).makespan);
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t{kRequestsOfDay});
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["hit_share"] = found;
  state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;  // of the process, so far
}

void day(benchmark::State& state) { replay_day(state, day_of_conversations()); }
BENCHMARK(day)->Name("BM_Day")->Unit(benchmark::kSecond);

void split(benchmark::State& state) { replay_day(state, split_day()); }
BENCHMARK(split)->Name("BM_SplitDay")->Unit(benchmark::kSecond);

}  // namespace
}  // namespace switchyard
