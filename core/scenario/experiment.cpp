#include "core/scenario/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string_view>

#include "core/cluster/watch.hpp"
#include "core/cost/memory_plan.hpp"
#include "core/cost/slowed.hpp"
#include "core/cost/source.hpp"
#include "core/input/error.hpp"
#include "core/metrics/interference_free.hpp"
#include "core/scenario/fields.hpp"
#include "core/scenario/groups.hpp"
#include "core/scenario/scenario_rows.hpp"

namespace switchyard {

namespace {

void check_can_plan(const CostSource& source, std::string_view flag) {
  if (source.shape_complete) return;
  throw InputError(
      fmt::format("{}: must be given: the source of batch times does not say how large the model is, so that its KV "
                  "capacity cannot "
                  "be planned",
                  flag));
}

std::int32_t num_blocks_of(const Scenario& scenario, const CostSource& source) {
  if (scenario.num_blocks > 0) return scenario.num_blocks;
  if (source.memory) return num_kv_blocks(*source.memory, scenario.memory_margin, scenario.block_size);
  check_can_plan(source, "--num-blocks");
  return plan_num_blocks(source.shape, scenario.gpu_memory_gib, scenario.memory_margin, scenario.max_tokens,
                         scenario.block_size);
}

std::int32_t max_model_len_of(const Scenario& scenario, const CostSource& source) {
  if (scenario.max_model_len > 0) return scenario.max_model_len;
  if (source.shape.max_model_len > 0) return source.shape.max_model_len;
  throw InputError("--max-model-len: must be given: the source of batch times does not say what the model's is");
}

CostSource cost_source_of(const Scenario& scenario) {
  CostSource source =
      scenario.cost_tables.empty() ? load_profile(scenario.profile) : load_cost_tables(scenario.cost_tables);
  if (scenario.slowdown != 1) {
    source.model = slowed(source.model, scenario.slowdown);
    source.description += fmt::format(", {} times as long", scenario.slowdown);
  }
  return source;
}

VllmV1Options vllm_v1_options(const Scenario& scenario, const CostSource& source) {
  VllmV1Options options{.num_gpu_blocks = scenario.num_gpu_blocks,
                        .block_size = scenario.block_size,
                        .max_num_batched_tokens = scenario.max_num_batched_tokens,
                        .max_num_seqs = scenario.max_num_seqs,
                        .max_model_len = max_model_len_of(scenario, source),
                        .long_prefill_token_threshold = scenario.long_prefill_token_threshold,
                        .enable_prefix_caching = scenario.enable_prefix_caching,
                        .reserve_full_prompt = scenario.reserve_full_prompt,
                        .async_scheduling = scenario.async_scheduling,
                        .output_ends = scenario.output_ends,
                        .sleep_after_empty_plan = ticks_from_seconds(scenario.sleep_after_empty_plan_ms / 1e3)};
  if (options.num_gpu_blocks == 0 && source.memory) {
    options.num_gpu_blocks = num_kv_blocks(*source.memory, scenario.memory_margin, scenario.block_size);
  } else if (options.num_gpu_blocks == 0) {
    check_can_plan(source, "--num-gpu-blocks");
    options.num_gpu_blocks =
        plan_gpu_blocks(source.shape, scenario.gpu_memory_gib, scenario.memory_margin, scenario.block_size);
  }
  if (options.num_gpu_blocks < 2) {
    throw InputError(
        fmt::format("--num-gpu-blocks: {} is not allowed; at least 2 are wanted, as block 0 is never given "
                    "out",
                    options.num_gpu_blocks));
  }
  return options;
}

EngineOptions engine_options(const Scenario& scenario, const CostSource& source) {
  if (scenario.replica_scheduler == EngineKind::vllm_v1) return vllm_v1_options(scenario, source);
  const std::int32_t num_blocks = num_blocks_of(scenario, source);
  const auto watermark_blocks = static_cast<std::int32_t>(std::floor(scenario.watermark * num_blocks));
  switch (scenario.replica_scheduler) {
    case EngineKind::vllm_v0:
      return VllmV0Options{.num_blocks = num_blocks,
                           .block_size = scenario.block_size,
                           .watermark_blocks = watermark_blocks,
                           .batch_size_cap = scenario.batch_size_cap,
                           .max_tokens_in_batch = scenario.max_tokens_in_batch,
                           .max_tokens = scenario.max_tokens};
    case EngineKind::sarathi:
      return SarathiOptions{.num_blocks = num_blocks,
                            .block_size = scenario.block_size,
                            .watermark_blocks = watermark_blocks,
                            .batch_size_cap = scenario.batch_size_cap,
                            .chunk_size = scenario.chunk_size,
                            .max_tokens = scenario.max_tokens};
    case EngineKind::orca:
      if (num_blocks < (scenario.max_tokens + scenario.block_size - 1) / scenario.block_size) {
        throw InputError(
            fmt::format("--num-blocks: orca reserves --max-tokens {} for each request, but {} blocks of {} "
                        "tokens do not hold one",
                        scenario.max_tokens, num_blocks, scenario.block_size));
      }
      return OrcaOptions{.num_blocks = num_blocks,
                         .block_size = scenario.block_size,
                         .batch_size_cap = scenario.batch_size_cap,
                         .max_tokens = scenario.max_tokens};
    case EngineKind::vllm_v1:
      break;
  }
  throw std::logic_error("an engine without options");
}

// A policy that polls ten thousand times a second is none; and each snapshot costs time.
constexpr double kShortestInterval = 1e-4;

SignalOptions signals_of(const Scenario& scenario) {
  const double interval = scenario.signal_interval_s;
  if (interval > 0 && interval < kShortestInterval) {
    throw InputError(fmt::format("--signal-interval: '{}' is not allowed; 0, or at least {} s, is wanted", interval,
                                 kShortestInterval));
  }
  const bool by_policy = interval == Scenario::kIntervalOfRouter;
  const bool caches = scenario.replica_scheduler == EngineKind::vllm_v1 && scenario.enable_prefix_caching;
  return {.interval = by_policy ? SignalOptions::kByPolicy : ticks_from_seconds(interval),
          .delay = ticks_from_seconds(scenario.signal_delay_s),
          .phase = scenario.signal_phase,
          .kv_delay = caches ? ticks_from_seconds(scenario.kv_delay_s) : 0};
}

OperationOptions operations_of(const Scenario& scenario) {
  OperationOptions operations{.events = parse_replica_events(scenario.replica_events, "--replica-events"),
                              .initial_replicas = scenario.initial_replicas,
                              .mean_time_to_failure = ticks_from_seconds(scenario.mttf_s),
                              .mean_time_to_repair = ticks_from_seconds(scenario.mttr_s),
                              .detection = ticks_from_seconds(scenario.detection_s),
                              .start_up = ticks_from_seconds(scenario.start_up_s),
                              .max_retries = scenario.max_retries,
                              .scale_above = scenario.scale_above,
                              .scale_after = ticks_from_seconds(scenario.scale_after_s),
                              .scale_idle = ticks_from_seconds(scenario.scale_idle_s),
                              .min_replicas = scenario.min_replicas};
  for (const ReplicaEvent& event : operations.events) {
    if (event.replica < scenario.replicas) continue;
    throw InputError(fmt::format("--replica-events: replica {} is not there: they are numbered from 0 to {}",
                                 event.replica, scenario.replicas - 1));
  }
  const auto check_count = [&](std::int32_t count, const char* flag) {
    if (count <= scenario.replicas) return;
    throw InputError(fmt::format("{}: {} is not allowed; at most the number of replicas, {}, is wanted", flag, count,
                                 scenario.replicas));
  };
  check_count(scenario.initial_replicas, "--initial-replicas");
  check_count(scenario.min_replicas, "--min-replicas");
  if (!operations.autoscales()) {  // what then decides nothing
    operations.scale_after = operations.scale_idle = 0;
    operations.min_replicas = 1;
  }
  return operations;
}

LinkSpeed speed_of(double gigabytes_per_s) { return {static_cast<std::int64_t>(std::llround(gigabytes_per_s * 1e9))}; }

HandOffOptions hand_off_of(const Scenario& scenario, const ModelShape& shape) {
  HandOffOptions options{.kv_bytes_per_token = scenario.kv_bytes_per_token,
                         .link = speed_of(scenario.kv_link_gb_s),
                         .latency = ticks_from_seconds(scenario.kv_latency_s)};
  if (options.kv_bytes_per_token > 0) return options;
  options.kv_bytes_per_token = std::int64_t{4} * shape.num_layers * shape.num_kv_heads * shape.head_dim;
  if (options.kv_bytes_per_token > 0) return options;
  throw InputError(
      "--kv-bytes-per-token: must be given where a replica has the role prefill: what tells batch times does not tell "
      "the model's shape");
}

}  // namespace

std::int32_t context_of(const Scenario& scenario) {
  if (!scenario.groups.empty()) {
    std::int32_t most = 0;
    for (const ReplicaGroup& group : scenario.groups) {
      most = std::max(most, context_of(scenario_of_group(scenario, group)));
    }
    return most;
  }
  if (scenario.replica_scheduler != EngineKind::vllm_v1) return scenario.max_tokens;
  if (scenario.max_model_len > 0) return scenario.max_model_len;
  return max_model_len_of(scenario, cost_source_of(scenario));
}

Experiment::Experiment(Scenario scenario) : scenario_(std::move(scenario)) {
  scenario_.check_seeds_apart();
  if (scenario_.long_requests_rule() == LongRequests::engine && scenario_.replica_scheduler != EngineKind::vllm_v1) {
    throw InputError(
        fmt::format("--long-requests: engine is what vllm_v1 does; for {} one of cut, refuse, drop is wanted",
                    engine_name(scenario_.replica_scheduler)));
  }
  make_kinds();
  trace_ = trace_of(scenario_.workload);
  cluster_.signals = signals_of(scenario_);
  cluster_.operations = operations_of(scenario_);
  cluster_.routers = {.count = scenario_.routers,
                      .split = scenario_.split,
                      .dispatch = ticks_from_seconds(scenario_.dispatch_s),
                      .response = ticks_from_seconds(scenario_.response_s),
                      .decision = ticks_from_seconds(scenario_.decision_s)};
}

void Experiment::make_kinds() {
  std::vector<ReplicaGroup> groups = scenario_.groups;
  if (groups.empty()) groups.push_back({.count = scenario_.replicas, .fields = {}});
  std::vector<std::int32_t> kind_of_group;
  std::vector<std::pair<std::string, CostSource>> sources;  // by what they come from
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::size_t kind = 0;
    while (groups[kind].fields != groups[g].fields) ++kind;
    if (kind < g) {
      kind_of_group.push_back(kind_of_group[kind]);
    } else {
      const Scenario of = scenario_of_group(scenario_, groups[g]);
      const std::string from = fmt::format("{} {}", of.cost_tables.empty() ? of.profile : of.cost_tables, of.slowdown);
      auto source =
          std::find_if(sources.begin(), sources.end(), [&](const auto& known) { return known.first == from; });
      if (source == sources.end()) source = sources.insert(source, {from, cost_source_of(of)});
      kind_of_group.push_back(static_cast<std::int32_t>(cluster_.kinds.size()));
      costs_.push_back(source->second.model);
      cluster_.kinds.emplace_back(engine_options(of, source->second), *costs_.back(), of.role,
                                  speed_of(of.kv_port_gb_s));
      if (of.role == Role::prefill) cluster_.hand_off = hand_off_of(scenario_, source->second.shape);
      if (cost_description_.find(source->second.description) == std::string::npos) {
        cost_description_ += (cost_description_.empty() ? "" : "; ") + source->second.description;
      }
    }
    cluster_.kind_of_replica.insert(cluster_.kind_of_replica.end(), static_cast<std::size_t>(groups[g].count),
                                    kind_of_group.back());
  }
  if (std::all_of(cluster_.kinds.begin(), cluster_.kinds.end(),
                  [](const ReplicaKind& kind) { return kind.role() == Role::prefill; })) {
    throw InputError("--group: role: all replicas have the role prefill; at least one has to decode (decode, both)");
  }
  std::int32_t count = 0;
  for (const ReplicaGroup& group : groups) count += group.count;
  if (count != scenario_.replicas) {
    throw InputError(
        fmt::format("--replicas: {} contradicts the rest: the groups have {} together", scenario_.replicas, count));
  }
  largest_ = cluster_.kinds.front().limits();
  for (const ReplicaKind& kind : cluster_.kinds) {
    if ((kind.engine() == EngineKind::vllm_v1) != (largest_.engine == EngineKind::vllm_v1)) {
      throw InputError("--group: replicas with vllm_v1 and with another engine cannot be simulated together");
    }
    if (longest_request(kind.limits()) > longest_request(largest_)) largest_ = kind.limits();
  }
}

std::shared_ptr<const Workload> Experiment::workload(std::uint64_t seed) const {
  if (watch_of_this_thread) watch_of_this_thread->look();  // thousands of them may be made in a row
  {
    const std::lock_guard lock(mutex_);
    const auto found = workloads_.find(seed);
    if (found != workloads_.end()) return found->second;
  }
  // Made outside the lock; if two threads make the same one, they make the same bytes.
  const LongRequests rule = scenario_.long_requests_rule();
  const ReplicaLimits& limits = largest_;
  WorkloadRows rows = scenario_rows(scenario_, trace_.get(), seed, limits.max_tokens);
  auto made = std::make_shared<Workload>(
      make_workload(std::move(rows.source), rows.rows, content_of(rows, trace_.get()), scenario_.workload.concurrency));
  made->num_cut = rows.num_cut;
  made->num_dropped = rows.num_dropped;
  try {
    check_fits(*made, limits);
  } catch (const InputError& error) {
    if (rule == LongRequests::cut || rule == LongRequests::drop) throw;
    throw InputError(
        fmt::format("{}; --long-requests cut shortens requests to the context, drop leaves them out", error.what()));
  }
  const std::lock_guard lock(mutex_);
  return workloads_.emplace(seed, std::move(made)).first->second;
}

std::string Experiment::workload_title(const std::vector<std::uint64_t>& seeds) const {
  std::size_t num_cut = 0, num_dropped = 0, num_requests = 0;
  for (const std::uint64_t seed : seeds) {
    const auto made = workload(seed);
    num_cut += made->num_cut;
    num_dropped += made->num_dropped;
    num_requests += made->size();
  }
  return switchyard::workload_title(workload(seeds.front())->source, num_cut, num_dropped, num_requests,
                                    largest_.max_tokens);
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
