// Only buffers survive from one replay to the next, and they suffice: a repeated replay allocates nothing.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>
#include <set>
#include <string>

#include "core/cluster/simulation.hpp"
#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"

// new and delete are replaced as a pair below, which GCC does not see where it inlines one of them.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace {
thread_local std::size_t allocations = 0;

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* memory = alignment == 0 ? std::malloc(size)
                                : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (!memory) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return counted(size > 0 ? size : 1, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size > 0 ? size : 1, static_cast<std::size_t>(alignment));
}
// Sanitizers bring one of their own, which does not go through the above.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size > 0 ? size : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace switchyard {
namespace {

// The third replay of a workload allocates nothing: the two buffers of records take turns.
void check_third_replay(const ClusterConfig& cluster, const Workload& workload, const char* what,
                        const std::set<std::string>& policies = {}) {
  for (const PolicyInfo& info : registered_policies()) {
    if (info.clairvoyant || (!policies.empty() && !policies.contains(info.name))) continue;
    // These keep windows or records of their own in nodes.
    if (info.name == "preble_e2" || info.name == "trtllm_conversation" || info.name == "aibrix_slo") continue;
    if (info.name == "vllm_router") continue;  // its small tree forgets, by a heap made for it
    const auto policy = info.make(default_values(info.params));
    Simulation simulation;
    const std::size_t start = allocations;
    simulation.run(cluster, workload, *policy, 1);
    simulation.run(cluster, workload, *policy, 1);
    const std::size_t before = allocations;
    simulation.run(cluster, workload, *policy, 1);
    const std::size_t repeated = allocations - before;
    INFO(what << " under " << info.name);
    CHECK(repeated == 0);
    CHECK(before > start);  // or the count is broken
  }
}

// Enough to see what the engine does: these look at counts, at tokens, at blocks and at what is cached.
const std::set<std::string> kSomePolicies = {"llq", "hra", "interference_aware", "prefix_cost"};

Experiment a_minute_of(const char* name) {
  Scenario scenario = load_scenario(name);
  scenario.workload.duration_s = 60;
  return Experiment(scenario);
}

TEST_CASE("a repeated replay allocates nothing, with memory pressure or without", "[kernels]") {
  for (const char* name : {"azure-conv", "chat-pressure"}) {
    const Experiment experiment = a_minute_of(name);
    check_third_replay(experiment.cluster(), *experiment.workload(1), name);
  }
  for (const char* name : {"azure-conv-v1", "chat-pressure-v1"}) {
    const Experiment experiment = a_minute_of(name);
    check_third_replay(experiment.cluster(), *experiment.workload(1), name, kSomePolicies);
  }
}

TEST_CASE("a repeated replay allocates nothing where prompts have much in common", "[kernels]") {
  const Experiment experiment = a_minute_of("conv-pressure-v1");
  const auto drawn = experiment.workload(1);
  std::vector<RawRequest> rows;
  Content content(16);
  std::uint32_t next_name = 1000;
  for (std::size_t i = 0; i < drawn->size(); ++i) {
    const QueuedRequest& request = drawn->requests[i];
    rows.push_back(
        {seconds_from_ticks(request.arrived_at), request.num_prefill_tokens, drawn->hidden.num_decode_tokens[i]});
    const auto blocks = static_cast<std::uint32_t>((request.num_prefill_tokens + 15) / 16);
    const std::uint32_t shared = std::min<std::uint32_t>(blocks, 20);  // with every fifth request
    std::vector<Content::StoredRun> runs = {{static_cast<std::uint32_t>(i % 5) * 20, shared}};
    if (blocks > shared) runs.push_back({next_name, blocks - shared});
    next_name += blocks;
    content.add(runs, request.num_prefill_tokens);
  }
  Workload workload = make_workload("in common", rows);
  workload.content = content;
  Simulation simulation;
  const auto llq = parse_policy("llq", "").make();
  std::int64_t hits = 0, evicted = 0, restarts = 0;
  for (const ReplicaTotals& totals : simulation.run(experiment.cluster(), workload, *llq, 1).replicas) {
    hits += totals.hit_tokens;
    evicted += totals.num_evicted_blocks;
    restarts += totals.num_restarts;
  }
  CHECK(hits > 0);
  CHECK(evicted > 0);
  CHECK(restarts > 0);
  check_third_replay(experiment.cluster(), workload, "prompts in common", kSomePolicies);
}

}  // namespace
}  // namespace switchyard
