// A small cluster with tight memory and made-up batch times, and small random workloads for it.
#pragma once

#include "core/cluster/simulation.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

struct SmallCluster {
  SmallCluster() : cost("plain", plain_tables()) {}
  SmallCluster(const SmallCluster&) = delete;
  SmallCluster& operator=(const SmallCluster&) = delete;

  static CostTables plain_tables() {
    CostTables tables;
    tables.max_tokens = 512;
    tables.max_decodes = 64;
    tables.max_decode_kv_steps = 16;
    tables.max_prefill_kv_steps = 16;
    tables.max_chunk = 512;
    for (int i = 0; i <= tables.max_tokens; ++i) tables.tokens.push_back(1e10 + 1e8 * i);
    tables.decode.assign(65 * 17, 1e8);
    tables.prefill.assign(17 * 513, 1e8);
    return tables;
  }

  // 60 requests, about 20 a second, prompts 1 to 200, outputs 2 to 101.
  static std::vector<RawRequest> rows(std::uint64_t seed) {
    WorkloadRandom random(seed, WorkloadRandom::Purpose::lengths);
    std::vector<RawRequest> rows;
    double time = 0;
    for (int i = 0; i < 60; ++i) {
      time += random.exponential() * 0.05;
      rows.push_back(
          {time, static_cast<std::int32_t>(1 + random.below(200)), static_cast<std::int32_t>(2 + random.below(100))});
    }
    return rows;
  }
  static Workload workload(std::uint64_t seed) { return make_workload("small", rows(seed)); }

  // Sarathi for odd seeds, vLLM for even ones.
  Replay replay(const Workload& workload, Policy& policy, std::uint64_t seed, Kernel kernel = Kernel::leap) const {
    return Simulation(kernel).run(seed % 2 ? sarathi : vllm_v0, workload, policy, seed);
  }

  static constexpr std::int32_t kNumBlocks = 100;

  CostModel cost;
  ClusterConfig vllm_v0 = ClusterConfig::uniform(
      4,
      ReplicaKind(
          VllmV0Options{.num_blocks = kNumBlocks, .watermark_blocks = 1, .max_tokens_in_batch = 512, .max_tokens = 512},
          cost));
  ClusterConfig sarathi = ClusterConfig::uniform(
      4, ReplicaKind(SarathiOptions{.num_blocks = kNumBlocks, .watermark_blocks = 1, .max_tokens = 512}, cost));
};

inline bool same_records(const Replay& a, const Replay& b) {
  if (a.makespan != b.makespan || a.requests.size() != b.requests.size()) return false;
  for (std::size_t i = 0; i < a.requests.size(); ++i) {
    const RequestRecord &x = a.requests[i], &y = b.requests[i];
    if (x.arrived_at != y.arrived_at || x.assigned_at != y.assigned_at || x.scheduled_at != y.scheduled_at ||
        x.completed_at != y.completed_at || x.prefill_completed_at != y.prefill_completed_at ||
        x.execution != y.execution || x.replica != y.replica || x.num_restarts != y.num_restarts ||
        x.num_cached_tokens != y.num_cached_tokens || x.num_retries != y.num_retries || x.failed != y.failed) {
      return false;
    }
  }
  return true;
}

}  // namespace switchyard
