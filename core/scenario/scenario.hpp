// A scenario: everything that a leaderboard ranks on, but the policy. Each field is declared once, in fields.cpp; the
// JSON reader and writer, the command-line flags, the published schema and the docs all derive from that table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/workload/spec.hpp"

namespace switchyard {

struct SeedRange {  // inclusive
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

struct Scenario {
  std::string name;
  std::string description;

  // cluster
  std::int32_t replicas = 4;
  ReplicaSchedulerKind replica_scheduler = ReplicaSchedulerKind::vllm;
  std::int32_t chunk_size = 512;
  std::int32_t batch_size_cap = 128;
  std::int32_t max_tokens_in_batch = 4096;
  std::int32_t max_tokens = 4096;
  std::int32_t block_size = 16;
  std::int32_t num_blocks = 0;  // 0: from the GPU's memory
  double watermark = 0.01;
  double gpu_memory_gib = 80.0;
  double memory_margin = 0.1;

  // cost: one of the two
  std::string profile = "a100-llama2-7b";  // embedded name, folder of Vidur CSVs, or roofline JSON
  std::string cost_tables;                 // folder of prediction tables

  WorkloadSpec workload;

  std::uint64_t seed = 42;  // of a single run
  SeedRange train_seeds{1, 8};
  SeedRange held_out_seeds{101, 116};
};

}  // namespace switchyard
