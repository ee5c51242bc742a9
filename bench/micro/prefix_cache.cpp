// vllm_v1 where prompts have much in common:
// BM_MooncakeConversation/<policy>/<sync or async>: Mooncake's conversation trace at twice its pace on 16 replicas, if
// it is in the data folder. BM_Sessions/<policy>/<sync or async>: 2,000 conversations of 8 turns on 8 replicas, whose
// prompts hold all that was said before. Both checked against the step kernel. BM_MillionPrompts/requests:N: prompts of
// 400 blocks, half of which another prompt has as well. Up to 10,000 of them checked against the step kernel.
// BM_CachedBlocks/pools:N: how much of a prompt of 900 blocks each of N caches holds. Checked against what is in there.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <span>

#include "core/cluster/kv/run_pool.hpp"
#include "core/input/data_folder.hpp"
#include "core/metrics/summary.hpp"
#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"

namespace switchyard {
namespace {

std::int64_t num_hit_tokens(const Replay& replay) {
  std::int64_t tokens = 0;
  for (const ReplicaTotals& totals : replay.replicas) tokens += totals.hit_tokens;
  return tokens;
}

bool agree(const Replay& a, const Replay& b, const Workload& workload, const ClusterConfig& cluster) {
  return a.makespan == b.makespan && num_hit_tokens(a) == num_hit_tokens(b) &&
         summarize(a, workload, cluster).mean_e2e_s == summarize(b, workload, cluster).mean_e2e_s;
}

std::filesystem::path conversation_trace() {
  const auto folder = data_folder();
  return folder ? *folder / "traces" / "mooncake" / "conversation_trace.jsonl" : std::filesystem::path();
}

Scenario h100_cluster(std::int32_t replicas) {
  Scenario scenario;
  scenario.replicas = replicas;
  scenario.replica_scheduler = EngineKind::vllm_v1;
  scenario.num_gpu_blocks = 26'000;
  scenario.max_num_batched_tokens = 8192;
  scenario.max_model_len = 131'072;
  scenario.set_profile("h100-llama3-8b");
  return scenario;
}

// Times replays that find something in the cache, once both kernels agree on them.
void replay_content(benchmark::State& state, const ClusterConfig& cluster, const Workload& workload,
                    const PolicyInfo& info) {
  const auto policy = info.make(default_values(info.params));
  Simulation leap(Kernel::leap), step(Kernel::step);
  const Replay& result = leap.run(cluster, workload, *policy, 0);
  if (num_hit_tokens(result) == 0) {
    state.SkipWithError("nothing was found in the cache");
    return;
  }
  if (!agree(result, step.run(cluster, workload, *policy, 0), workload, cluster)) {
    state.SkipWithError("the kernels disagree");
    return;
  }
  const Summary summary = summarize(result, workload, cluster);
  for (auto _ : state) benchmark::DoNotOptimize(leap.run(cluster, workload, *policy, 0).makespan);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(workload.size()));
  state.counters["batches/s"] =
      benchmark::Counter(static_cast<double>(summary.num_batches), benchmark::Counter::kIsIterationInvariantRate);
  state.counters["steps"] = static_cast<double>(result.num_steps);
}

void mooncake(benchmark::State& state, const PolicyInfo& info, bool async) {
  Scenario scenario = h100_cluster(16);
  scenario.async_scheduling = async;
  scenario.set_trace(conversation_trace().string());
  scenario.workload.time_scale = 2;
  scenario.seed = 0;
  const Experiment experiment(scenario);
  replay_content(state, experiment.cluster(), *experiment.workload(0), info);
}

// Each turn's prompt is all that was said before, and 100 to 499 tokens more; a turn comes 20 to 59 s after the last.
// One conversation in four begins with the same 2,000 tokens.
Workload conversations(std::uint32_t num_sessions) {
  struct Turn {
    Time at = 0;
    std::uint32_t session = 0;
    std::int32_t prompt = 0, output = 0;
  };
  std::uint64_t state = 1;
  const auto below = [&state](std::uint64_t limit) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (state >> 33) % limit;
  };
  std::vector<Turn> turns;
  for (std::uint32_t session = 0; session < num_sessions; ++session) {
    Turn turn{.at = session * (kTicksPerSecond / 10), .session = session, .prompt = session % 4 == 0 ? 2000 : 0};
    for (int i = 0; i < 8; ++i) {
      turn.prompt += turn.output + 100 + static_cast<std::int32_t>(below(400));
      turn.output = 50 + static_cast<std::int32_t>(below(400));
      turns.push_back(turn);
      turn.at += static_cast<Time>(20 + below(40)) * kTicksPerSecond;
    }
  }
  std::stable_sort(turns.begin(), turns.end(), [](const Turn& a, const Turn& b) { return a.at < b.at; });
  constexpr std::uint32_t kShared = 125, kMostBlocks = 1000;  // of the common beginning; of a conversation
  Workload workload;
  workload.source = "conversations";
  workload.content = Content(16);
  for (const Turn& turn : turns) {
    const auto id = static_cast<std::int32_t>(workload.requests.size());
    workload.requests.push_back({.arrived_at = turn.at, .id = id, .num_prefill_tokens = turn.prompt});
    workload.hidden.num_decode_tokens.push_back(turn.output);
    const std::uint32_t shared = turn.session % 4 == 0 ? kShared : 0;
    const Content::StoredRun own = {kShared + turn.session * kMostBlocks, kMostBlocks};
    const Content::StoredRun runs[] = {{0, shared}, own};
    workload.content.add(std::span(runs).subspan(shared > 0 ? 0 : 1), turn.prompt + turn.output);
  }
  return workload;
}

void sessions(benchmark::State& state, const PolicyInfo& info, bool async) {
  Scenario scenario = h100_cluster(8);
  scenario.async_scheduling = async;
  const Experiment experiment(scenario);
  replay_content(state, experiment.cluster(), conversations(2000), info);
}

// Prompts of 200 blocks that some of the others have too, and 200 of their own. Each thousand in a row are of ten
// groups, so that a cache still holds what the last of a group has left there.
Workload shared_prompts(std::int32_t num_requests) {
  constexpr std::uint32_t kBlocks = 200;
  const auto num_groups = static_cast<std::uint32_t>(num_requests / 1000 * 10 + 10);
  Workload workload;
  workload.source = "shared prompts";
  workload.content = Content(16);
  workload.content.reserve(static_cast<std::size_t>(num_requests));
  std::uint32_t next_name = num_groups * kBlocks;
  for (std::int32_t id = 0; id < num_requests; ++id) {
    workload.requests.push_back(
        {.arrived_at = id * (kTicksPerSecond / 50), .id = id, .num_prefill_tokens = 2 * kBlocks * 16});
    workload.hidden.num_decode_tokens.push_back(50 + id % 100);
    const std::uint32_t mixed = static_cast<std::uint32_t>(id) * 2654435761U >> 16;
    const std::uint32_t group = static_cast<std::uint32_t>(id / 1000 * 10) + mixed % 10;
    const Content::StoredRun runs[] = {{group * kBlocks, kBlocks}, {next_name, kBlocks}};
    workload.content.add(runs, 2 * kBlocks * 16);
    next_name += kBlocks;
  }
  return workload;
}

void million_prompts(benchmark::State& state) {
  const auto num_requests = static_cast<std::int32_t>(state.range(0));
  const Experiment experiment(h100_cluster(8));
  const Workload workload = shared_prompts(num_requests);
  const auto policy = parse_policy("llq", "").make();
  Simulation leap(Kernel::leap);
  const Replay& result = leap.run(experiment.cluster(), workload, *policy, 0);
  if (num_requests <= 10'000) {
    Simulation step(Kernel::step);
    if (!agree(result, step.run(experiment.cluster(), workload, *policy, 0), workload, experiment.cluster())) {
      state.SkipWithError("the kernels disagree");
      return;
    }
  }
  if (num_hit_tokens(result) == 0) {
    state.SkipWithError("nothing was found in the cache");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(leap.run(experiment.cluster(), workload, *policy, 0).makespan);
  state.SetItemsProcessed(state.iterations() * num_requests);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;  // of the process so far
}
BENCHMARK(million_prompts)
    ->Name("BM_MillionPrompts")
    ->ArgName("requests")
    ->Arg(10'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

// A conversation of 30 turns, each of which adds 30 blocks. Pool i has seen its first i turns, as far as there are any.
void cached_blocks(benchmark::State& state) {
  constexpr std::int32_t kTurns = 30, kBlocks = 30;
  Content content(16);
  for (std::int32_t turn = 1; turn <= kTurns; ++turn) {
    const auto blocks = static_cast<std::uint32_t>(turn * kBlocks);
    const Content::StoredRun runs[] = {{0, blocks}};
    content.add(runs, turn * kBlocks * 16);
  }
  const PrefixTree tree(content, kTurns, 16);
  std::vector<RunPool> pools(static_cast<std::size_t>(state.range(0)));
  std::int64_t expected = 0;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    RunPool& pool = pools[i];
    pool.reset(26'000, &tree);
    for (std::int32_t turn = 0; turn < static_cast<std::int32_t>(i) % kTurns; ++turn) {
      RunPool::Holder holder;
      const std::int32_t hits = pool.find(turn, kTurns * kBlocks).num;
      pool.hold(turn, hits, holder);
      const std::int32_t blocks = (turn + 1) * kBlocks;
      pool.take(blocks - hits);
      pool.publish(turn, blocks, holder);
      pool.release(turn, blocks, holder.num_linked, false, holder);
    }
    // What the last turn has in common with others ends a turn before it does.
    expected += static_cast<std::int64_t>(i) % kTurns * kBlocks;
  }
  std::int64_t found = 0;
  for (const RunPool& pool : pools) found += pool.num_cached(kTurns - 1);
  if (found != expected) {
    state.SkipWithError("the pools do not hold what they have seen");
    return;
  }
  for (auto _ : state) {
    for (const RunPool& pool : pools) benchmark::DoNotOptimize(pool.num_cached(kTurns - 1));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(cached_blocks)->Name("BM_CachedBlocks")->ArgName("pools")->Arg(16);

const bool registered = [] {
  const bool has_trace = std::filesystem::exists(conversation_trace());
  for (const PolicyInfo& info : registered_policies()) {
    if (info.name != "llq" && info.name != "prefix_cost") continue;
    for (const bool async : {false, true}) {
      const std::string name = info.name + (async ? "/async" : "/sync");
      benchmark::RegisterBenchmark(("BM_Sessions/" + name).c_str(), sessions, std::cref(info), async)
          ->Unit(benchmark::kMillisecond);
      if (!has_trace) continue;
      benchmark::RegisterBenchmark(("BM_MooncakeConversation/" + name).c_str(), mooncake, std::cref(info), async)
          ->Unit(benchmark::kMillisecond);
    }
  }
  return true;
}();

}  // namespace
}  // namespace switchyard
