// A run of a real engine to be replayed: what was sent, what came of it, and how the engine was set up.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/cluster/engine_options.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

struct MeasuredRequest {
  double ttft_s = 0;
  double e2e_s = 0;
  std::int64_t output_tokens = 1;

  double tpot_s() const { return output_tokens > 1 ? (e2e_s - ttft_s) / static_cast<double>(output_tokens - 1) : 0; }
};

// What a server logs every second.
struct LoggedState {
  double time_s = 0;
  double running = 0;
  double waiting = 0;
  double kv_percent = 0;
};

struct MeasuredRun {
  std::string format;
  bool client_clock = true;      // times are a client's: its front end lies in between
  std::vector<RawRequest> rows;  // by arrival
  TraceContent content;
  std::vector<MeasuredRequest> requests;  // of the rows
  std::vector<LoggedState> log;           // may be empty
  bool kv_logged = false;
  VllmV1Options engine;  // num_gpu_blocks 0: not known
};

// A folder with requests.csv (arrived_at, num_prefill_tokens, num_decode_tokens, first_token_at, last_token_at: the
// engine's clock) and, if they are there, workload.jsonl (hash_ids of blocks of 16 tokens), engine.json (flags, as
// given or as resolved) and timeseries.csv (t, running, waiting, kv_cache_pct); or the result of a benchmark
// (bench_run.hpp), which leaves the engine at its defaults. Throws InputError.
MeasuredRun read_measured_run(const std::filesystem::path& folder_or_file);

}  // namespace switchyard
