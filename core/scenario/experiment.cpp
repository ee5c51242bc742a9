#include "core/scenario/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/cost/memory_plan.hpp"
#include "core/cost/source.hpp"
#include "core/input/error.hpp"
#include "core/metrics/interference_free.hpp"

namespace switchyard {

Experiment::Experiment(Scenario scenario) : scenario_(std::move(scenario)) {
  scenario_.check_seeds_apart();
  const CostSource source =
      scenario_.cost_tables.empty() ? load_profile(scenario_.profile) : load_cost_tables(scenario_.cost_tables);
  cost_ = source.model;
  cost_description_ = source.description;
  std::int32_t num_blocks = scenario_.num_blocks;
  if (num_blocks == 0 && source.memory) {
    num_blocks = num_kv_blocks(*source.memory, scenario_.memory_margin, scenario_.block_size);
  } else if (num_blocks == 0) {
    if (!source.shape_complete) {
      throw InputError(
          "--num-blocks: must be given: the source of batch times does not say how large the model is, so that its KV "
          "capacity cannot be planned");
    }
    num_blocks = plan_num_blocks(source.shape, scenario_.gpu_memory_gib, scenario_.memory_margin, scenario_.max_tokens,
                                 scenario_.block_size);
  }
  cluster_.num_replicas = scenario_.replicas;
  cluster_.cost = cost_.get();
  cluster_.limits = {.scheduler = scenario_.replica_scheduler,
                     .num_blocks = num_blocks,
                     .block_size = scenario_.block_size,
                     .watermark_blocks = static_cast<std::int32_t>(std::floor(scenario_.watermark * num_blocks)),
                     .batch_size_cap = scenario_.batch_size_cap,
                     .chunk_size = scenario_.chunk_size,
                     .max_tokens_in_batch = scenario_.max_tokens_in_batch,
                     .max_tokens = scenario_.max_tokens};
  if (scenario_.replica_scheduler == ReplicaSchedulerKind::orca &&
      std::int64_t{num_blocks} * scenario_.block_size < scenario_.max_tokens) {
    throw InputError(
        fmt::format("--num-blocks: orca reserves --max-tokens {} for each request, but {} blocks of {} "
                    "tokens hold fewer",
                    scenario_.max_tokens, num_blocks, scenario_.block_size));
  }
}

std::shared_ptr<const Workload> Experiment::workload(std::uint64_t seed) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = workloads_.find(seed);
    if (found != workloads_.end()) return found->second;
  }
  // Made outside the lock; if two threads make the same one, they make the same bytes.
  const bool cut = scenario_.long_requests == LongRequests::cut;
  auto made = std::make_shared<Workload>(make_workload(
      scenario_.workload_of(seed), seed, cut ? scenario_.max_tokens : std::numeric_limits<std::int32_t>::max()));
  if (made->size() == 0) {
    throw InputError(fmt::format("--duration: {} holds no request that arrives within it", made->source));
  }
  try {
    check_fits(*made, cluster_.limits);
  } catch (const InputError& error) {
    if (cut) throw;
    throw InputError(fmt::format("{}; --long-requests cut shortens requests to the context", error.what()));
  }
  const std::lock_guard lock(mutex_);
  return workloads_.emplace(seed, std::move(made)).first->second;
}

std::shared_ptr<const std::vector<Time>> Experiment::alone(std::uint64_t seed) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = alone_.find(seed);
    if (found != alone_.end()) return found->second;
  }
  auto made = std::make_shared<std::vector<Time>>(interference_free_times(cluster_, *workload(seed)));
  const std::lock_guard lock(mutex_);
  return alone_.emplace(seed, std::move(made)).first->second;
}

}  // namespace switchyard
