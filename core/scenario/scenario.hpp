// A scenario: everything that a leaderboard ranks on, but the policy. Each field is declared once, in fields.cpp; the
// JSON reader and writer, the command-line flags, the published schema and the docs all derive from that table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/cluster/engine_options.hpp"
#include "core/cluster/signal_options.hpp"
#include "core/scenario/replica_group.hpp"
#include "core/scenario/seed_range.hpp"
#include "core/workload/spec.hpp"

namespace switchyard {

class JsonFile;

// What becomes of a request that is longer than the context: cut in proportion, an error, what vllm_v1 does with it (a
// prompt that fills the context is an error, an output ends where the context does), or dropped. by_engine: `engine`
// under vllm_v1, else `cut`.
enum class LongRequests : std::uint8_t { cut, refuse, engine, drop, by_engine };

// What a list of seeds is for: to tune or choose, to judge what was chosen, or neither.
enum class SeedUse : std::uint8_t { train, judge, any };

struct Scenario {
  std::string name;
  std::string description;

  // cluster
  std::int32_t replicas = 4;
  EngineKind replica_scheduler = EngineKind::vllm_v1;
  std::int32_t chunk_size = 512;
  std::int32_t batch_size_cap = 128;
  std::int32_t max_tokens_in_batch = 4096;
  std::int32_t max_tokens = 4096;
  std::int32_t block_size = 16;
  std::int32_t num_blocks = 0;  // 0: planned from the GPU's memory
  double watermark = 0.01;
  std::int32_t num_gpu_blocks = 0;  // from here on: of vllm_v1. 0: planned, block 0 included
  std::int32_t max_num_batched_tokens = 2048;
  std::int32_t max_num_seqs = 256;
  std::int32_t max_model_len = 0;  // 0: the profile's context
  std::int32_t long_prefill_token_threshold = 0;
  bool enable_prefix_caching = true;
  bool reserve_full_prompt = true;
  bool async_scheduling = true;
  OutputEnds output_ends = OutputEnds::length;
  double sleep_after_empty_plan_ms = 1.0;
  double gpu_memory_gib = 80.0;
  double memory_margin = 0.1;
  std::vector<ReplicaGroup> groups;  // if there are any, `replicas` is the sum of their counts
  Role role = Role::both;
  double kv_port_gb_s = 0;  // 0: no limit

  // transfers of KV, where prefill and decode are apart
  double kv_link_gb_s = 0;  // 0: no limit
  double kv_latency_s = 0;
  std::int32_t kv_bytes_per_token = 0;  // 0: by the model's shape

  // signals and routers
  static constexpr double kIntervalOfRouter = -1;
  double signal_interval_s = 0;  // kIntervalOfRouter: each policy's own
  double signal_delay_s = 0;
  SnapshotPhase signal_phase = SnapshotPhase::spread;
  double kv_delay_s = 0;
  std::int32_t routers = 1;
  Split split = Split::round_robin;
  double dispatch_s = 0;
  double response_s = 0;
  double decision_s = 0;

  // operations
  std::string replica_events;  // see parse_replica_events
  std::int32_t initial_replicas = 0;
  double mttf_s = 0;
  double mttr_s = 60;
  double detection_s = 0;
  std::int32_t max_retries = 3;
  double start_up_s = 0;
  double scale_above = 0;
  double scale_after_s = 10;
  double scale_idle_s = 0;
  std::int32_t min_replicas = 1;

  // cost: one of the two, the other empty
  std::string profile = "a100-llama2-7b";  // embedded name, folder of Vidur CSVs, or file of a profile
  std::string cost_tables;                 // folder of prediction tables
  double slowdown = 1;                     // all batch times by this factor

  WorkloadSpec workload;
  LongRequests long_requests = LongRequests::by_engine;

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

  // Never by_engine.
  LongRequests long_requests_rule() const {
    if (long_requests != LongRequests::by_engine) return long_requests;
    return replica_scheduler == EngineKind::vllm_v1 ? LongRequests::engine : LongRequests::cut;
  }

  // What was tuned or chosen on a seed is not judged by it, nor by what the other half of a trace holds (check_half):
  // throws InputError that starts with `where`.
  void check_seeds_apart(std::string_view where = "--held-out-seeds") const;

  // Throws InputError that starts with `where` if trace arrivals are redrawn from what this use may not see: training
  // from the held-out half of the trace, judging from the other, anything from both. Seed 0, the trace itself, may be
  // judged by, alone.
  void check_half(const SeedRange& range, std::string_view where, SeedUse use = SeedUse::any) const;

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

// The suites into which the built-in scenarios fall, and the names of one's: "vidur", whose replicas have the engines
// that Vidur simulates; "v1", vllm_v1. Throws InputError that starts with `where` for another name.
const std::vector<std::string>& suite_names();
std::vector<std::string> suite_scenarios(const std::string& suite, std::string_view where);

// A scenario by name, or from a file (anything that ends in .json). Throws InputError.
Scenario load_scenario(const std::string& name_or_file);

// Reads the scenario at `pointer` of a JSON file (RFC 6901; "" is the whole). Relative paths in it are relative to the
// file. Throws InputError, by line and column.
Scenario parse_scenario(const JsonFile& file, const std::string& pointer = "");

// The scenario with its relative paths as seen from a folder: what is to be written into a file there.
Scenario seen_from(const std::filesystem::path& folder, Scenario scenario);

// Every field with its value, as the JSON that parse_scenario reads.
std::string scenario_json(const Scenario& scenario);

}  // namespace switchyard
