// A scenario: everything that a leaderboard ranks on, but the policy. Each field is declared once, in fields.cpp; the
// JSON reader and writer, the command-line flags, the published schema and the docs all derive from that table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/workload/spec.hpp"

namespace switchyard {

struct SeedRange {  // inclusive
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  std::vector<std::uint64_t> seeds() const;
};

// "a-b" or "a"; throws InputError that starts with `where`. Seeds above 1000 are left to others to check our claims.
SeedRange parse_seed_range(std::string_view text, std::string_view where);
std::string format_seed_range(const SeedRange& range);

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

struct EmbeddedScenario {
  std::string name;
  std::string json;
};

// The files of bench/scenarios, in alphabetical order.
const std::vector<EmbeddedScenario>& embedded_scenarios();

// A scenario by name, or from a file (anything that ends in .json). Throws InputError.
Scenario load_scenario(const std::string& name_or_file);

// Reads a scenario from JSON text; `file` leads error messages.
Scenario parse_scenario(const std::string& text, const std::string& file);

// Every field with its value, as the JSON that parse_scenario reads.
std::string scenario_json(const Scenario& scenario);

}  // namespace switchyard
