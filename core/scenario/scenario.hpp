// A scenario: everything that a leaderboard ranks on, but the policy. Each field is declared once, in fields.cpp; the
// JSON reader and writer, the command-line flags, the published schema and the docs all derive from that table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/scenario/seed_range.hpp"
#include "core/workload/spec.hpp"

namespace switchyard {

class JsonFile;

// What becomes of a request that is longer than the context.
enum class LongRequests : std::uint8_t { cut, refuse };

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
  std::int32_t num_blocks = 0;  // 0: planned from the GPU's memory
  double watermark = 0.01;
  double gpu_memory_gib = 80.0;
  double memory_margin = 0.1;

  // cost: one of the two, the other empty
  std::string profile = "a100-llama2-7b";  // embedded name, folder of Vidur CSVs, or file of a profile
  std::string cost_tables;                 // folder of prediction tables

  WorkloadSpec workload;
  LongRequests long_requests = LongRequests::cut;

  std::uint64_t seed = 42;  // of a single run
  SeedRange train_seeds{{{1, 8}}};
  SeedRange validation_seeds{{{51, 74}}};
  SeedRange held_out_seeds{{{101, 116}}};
  double train_overload = 0;  // see workload_of

  // One replaces the other, unless it is empty.
  void set_profile(std::string name_or_path);
  void set_cost_tables(std::string folder);

  // The whole workload becomes a replay of this trace, with its own arrivals and lengths.
  void set_trace(std::string name_or_file);

  // What was tuned or chosen on a seed is not judged by it: throws InputError that starts with `where`.
  void check_seeds_apart(std::string_view where = "--held-out-seeds") const;

  // What a seed's workload is made of: `workload`, but the training seeds, and the validation seeds, are spread
  // evenly over loads from 1 to 1 + train_overload times its own, the first at 1. What is tuned at one load alone may
  // break down just above it.
  WorkloadSpec workload_of(std::uint64_t workload_seed) const;
};

struct EmbeddedScenario {
  std::string name;
  std::string json;
};

// The files of bench/scenarios, in alphabetical order.
const std::vector<EmbeddedScenario>& embedded_scenarios();
std::vector<std::string> scenario_names();

// A scenario by name, or from a file (anything that ends in .json). Throws InputError.
Scenario load_scenario(const std::string& name_or_file);

// Reads the scenario at `pointer` of a JSON file (RFC 6901; "" is the whole). Throws InputError, by line and column.
Scenario parse_scenario(const JsonFile& file, const std::string& pointer = "");

// Every field with its value, as the JSON that parse_scenario reads.
std::string scenario_json(const Scenario& scenario);

}  // namespace switchyard
