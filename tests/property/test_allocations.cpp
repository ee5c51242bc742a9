// Only buffers survive from one replay to the next, and they suffice: a repeated replay allocates nothing.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "core/cluster/simulation.hpp"
#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"

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

TEST_CASE("a repeated replay allocates nothing, with memory pressure or without", "[kernels]") {
  for (const char* name : {"azure-conv", "chat-pressure"}) {
    Scenario scenario = load_scenario(name);
    scenario.workload.duration_s = 60;
    const Experiment experiment(scenario);
    const auto workload = experiment.workload(1);
    for (const PolicyInfo& info : registered_policies()) {
      if (info.clairvoyant) continue;
      // These keep windows or records of their own in nodes.
      if (info.name == "preble_e2" || info.name == "trtllm_conversation") continue;
      if (info.name == "vllm_router") continue;  // its small tree forgets, by a heap made for it
      const auto policy = info.make(default_values(info.params));
      Simulation simulation;
      const std::size_t start = allocations;
      simulation.run(experiment.cluster(), *workload, *policy, 1);
      simulation.run(experiment.cluster(), *workload, *policy, 1);  // the two buffers of records take turns
      const std::size_t before = allocations;
      simulation.run(experiment.cluster(), *workload, *policy, 1);
      const std::size_t repeated = allocations - before;
      INFO(name << " under " << info.name);
      CHECK(repeated == 0);
      CHECK(before > start);  // or the count is broken
    }
  }
}

}  // namespace
}  // namespace switchyard
