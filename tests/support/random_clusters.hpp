// Random small clusters and workloads, with tight memory, bursts and ties, for comparing kernels; and what they
// compare.
#pragma once

#include <algorithm>

#include "core/cluster/simulation.hpp"
#include "core/workload/random.hpp"
#include "tests/support/closed_rows.hpp"
#include "tests/support/random_cost.hpp"
#include "tests/support/small_cluster.hpp"

namespace switchyard {

inline CostModel random_cost_of_v0(WorkloadRandom& random, bool flat) {
  CostTables tables;
  tables.max_tokens = 512;
  tables.max_decodes = 16;
  tables.max_decode_kv_steps = 8;
  tables.max_prefill_kv_steps = 8;
  tables.max_chunk = 256;
  return random_cost(std::move(tables), random, flat);
}

inline CostModel random_cost_of_v1(WorkloadRandom& random, bool flat) {
  CostTables tables;
  tables.max_tokens = 256;
  tables.max_decodes = 8;
  tables.max_decode_kv_steps = 6;
  tables.max_prefill_kv_steps = 6;
  tables.max_chunk = 128;
  tables.prefill_many_factor = random.below(2) ? 1.1 : 1.0;
  return random_cost(std::move(tables), random, flat);
}

inline EngineOptions random_engine(WorkloadRandom& random, EngineKind engine, std::int32_t block_size,
                                   std::int32_t longest, bool plenty) {
  const auto cap = static_cast<std::int32_t>(random.below(4) == 0 ? 1 : 2 + random.below(12));
  const auto chunk_size = static_cast<std::int32_t>(random.below(3) == 0 ? 4 : 16 + random.below(64));
  const auto max_tokens_in_batch = longest + static_cast<std::int32_t>(random.below(128));
  const std::int32_t num_blocks =
      longest / block_size + 2 + static_cast<std::int32_t>(random.below(plenty ? 2000 : 20));
  if (engine == EngineKind::vllm_v0) {
    return VllmV0Options{num_blocks, block_size, 1, cap, max_tokens_in_batch, longest};
  }
  if (engine == EngineKind::sarathi) return SarathiOptions{num_blocks, block_size, 1, cap, chunk_size, longest};
  return OrcaOptions{num_blocks, block_size, cap, longest};
}

inline VllmV1Options random_options(WorkloadRandom& random, std::int32_t longest) {
  VllmV1Options options;
  options.block_size = random.below(3) == 0 ? static_cast<std::int32_t>(1 + random.below(7)) : 16;
  const bool plenty = random.below(3) == 0;
  options.num_gpu_blocks =
      longest / options.block_size + 3 + static_cast<std::int32_t>(random.below(plenty ? 2000 : 20));
  options.max_num_batched_tokens =
      static_cast<std::int32_t>(random.below(3) == 0 ? 1 + random.below(12) : 8 + random.below(200));
  options.max_num_seqs = static_cast<std::int32_t>(1 + random.below(random.below(3) == 0 ? 3 : 24));
  options.long_prefill_token_threshold = random.below(3) == 0 ? static_cast<std::int32_t>(1 + random.below(30)) : 0;
  options.max_model_len = random.below(4) == 0 ? longest - static_cast<std::int32_t>(random.below(40)) : longest + 100;
  options.enable_prefix_caching = random.below(4) != 0;
  options.reserve_full_prompt = random.below(2) == 0;
  options.async_scheduling = random.below(3) != 0;
  options.output_ends = random.below(2) ? OutputEnds::length : OutputEnds::stop;
  const std::size_t sleep = random.below(3);
  options.sleep_after_empty_plan = sleep == 0 ? 0 : sleep == 1 ? kTicksPerSecond / 1000 : kTicksPerSecond / 50;
  return options;
}

// Each request begins as an earlier one does, for some way, and what it says may go on through its output.
inline Content random_content(WorkloadRandom& random, const Workload& workload, std::int32_t block_size) {
  Content content(block_size * static_cast<std::int32_t>(1 + random.below(3)));
  const std::size_t sharing = random.below(4);  // of four
  std::vector<std::vector<std::uint32_t>> paths;
  std::uint32_t next_name = 0;
  for (std::size_t i = 0; i < workload.size(); ++i) {
    const std::int32_t prompt = workload.requests[i].num_prefill_tokens;
    const std::int32_t all = prompt + workload.hidden.num_decode_tokens[i];
    std::int32_t hashed = random.below(2) ? prompt : all;
    if (random.below(4) == 0) hashed = static_cast<std::int32_t>(random.below(static_cast<std::size_t>(all) + 1));
    const auto count = static_cast<std::size_t>((hashed + content.hash_id_tokens() - 1) / content.hash_id_tokens());
    std::vector<std::uint32_t> path;
    if (i > 0 && random.below(4) < sharing) path = paths[random.below(i)];
    if (random.below(2)) path.resize(std::min(path.size(), random.below(count + 1)));
    path.resize(std::min(path.size(), count));
    while (path.size() < count) path.push_back(next_name++);
    std::vector<Content::StoredRun> runs;
    for (const std::uint32_t name : path) runs.push_back({name, 1});
    content.add(runs, hashed);
    paths.push_back(path);
  }
  return content;
}

// Of odd rounds, a closed loop. Of four kinds of gaps between arrivals, the first two lie on the grid of flat times.
inline Workload random_workload(WorkloadRandom& random, std::size_t count, std::int32_t longest, std::uint64_t round,
                                std::size_t kinds = 4) {
  std::vector<RawRequest> rows;
  double time = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t kind = random.below(kinds);
    time += kind == 0 ? 0.0 : kind == 1 ? 0.001 * static_cast<double>(random.below(20)) : random.exponential() * 0.01;
    rows.push_back({time, static_cast<std::int32_t>(1 + random.below(64)),
                    static_cast<std::int32_t>(1 + random.below(static_cast<std::size_t>(longest) - 65))});
  }
  WorkloadRandom closing(round, WorkloadRandom::Purpose::blocks);
  std::int32_t concurrency = 0;
  if (round % 2 == 1) close_at_random(closing, rows);
  if (round % 8 == 5) concurrency = static_cast<std::int32_t>(1 + closing.below(5));
  return make_workload("random", rows, TraceContent(), concurrency);
}

inline bool same(const ReplicaTotals& a, const ReplicaTotals& b) {
  return a.num_batches == b.num_batches && a.num_requests == b.num_requests && a.num_restarts == b.num_restarts &&
         a.num_extrapolated_batches == b.num_extrapolated_batches && a.peak_blocks == b.peak_blocks &&
         a.busy == b.busy && a.kv_token_ticks == b.kv_token_ticks && a.num_scheduled_tokens == b.num_scheduled_tokens &&
         a.hit_tokens == b.hit_tokens && a.hit_tokens_resumed == b.hit_tokens_resumed &&
         a.num_recomputed_tokens == b.num_recomputed_tokens && a.num_evicted_blocks == b.num_evicted_blocks &&
         a.num_prefilled == b.num_prefilled;
}

inline bool same(const HandOff& a, const HandOff& b) {
  return a.row == b.row && a.prefill_replica == b.prefill_replica && a.decode_replica == b.decode_replica &&
         a.num_moved_tokens == b.num_moved_tokens && a.num_moved_bytes == b.num_moved_bytes &&
         a.prefilled_at == b.prefilled_at && a.assigned_at == b.assigned_at && a.began_at == b.began_at &&
         a.ended_at == b.ended_at;
}

inline bool same(const Replay& a, const Replay& b) {
  if (!same_records(a, b) || a.absences != b.absences || a.num_retries != b.num_retries ||
      a.num_failed != b.num_failed) {
    return false;
  }
  for (std::size_t i = 0; i < a.replicas.size(); ++i) {
    if (!same(a.replicas[i], b.replicas[i])) return false;
  }
  return std::equal(a.hand_offs.begin(), a.hand_offs.end(), b.hand_offs.begin(), b.hand_offs.end(),
                    [](const HandOff& x, const HandOff& y) { return same(x, y); });
}

}  // namespace switchyard
