#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "core/cost/source.hpp"
#include "core/input/error.hpp"
#include "core/input/write_file.hpp"
#include "core/measured/engine_log.hpp"
#include "core/measured/validation.hpp"
#include "search/cli/command.hpp"
#include "search/cli/out_flags.hpp"
#include "search/validation_files.hpp"

namespace switchyard {

namespace {

// "-" for a figure that there is none of.
std::string figure(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4g}", value); }
std::string percent(double error) { return std::isnan(error) ? "-" : fmt::format("{:+.1f}%", 100 * error); }
std::string magnitude(double error) { return std::isnan(error) ? "-" : fmt::format("{:.1f}%", 100 * error); }

void print_metrics(const std::vector<MetricErrors>& metrics) {
  std::cout << fmt::format("{:<8}{:>24}{:>24}{:>24}{:>24}\n", "", "mean", "p50", "p90", "p99");
  for (const MetricErrors& metric : metrics) {
    std::string line = fmt::format("{:<8}", metric.metric);
    for (const ErrorPair* pair : {&metric.mean, &metric.p50, &metric.p90, &metric.p99}) {
      line += fmt::format("{:>24}",
                          fmt::format("{} {} {}", figure(pair->real), figure(pair->simulated), percent(pair->error())));
    }
    std::cout << line << "\n";
  }
}

void print(const MeasuredRun& run, const ReplayedRun& replayed, const Validation& validation,
           const std::string& profile) {
  std::cout << fmt::format("{} requests of {}, replayed with {}: real, simulated, error\n\n", run.requests.size(),
                           run.format, profile);
  print_metrics(validation.metrics);
  std::cout << fmt::format(
      "\noutput tokens/s {} {:.1f} {}\n",
      std::isnan(validation.tokens_per_s.real) ? "-" : fmt::format("{:.1f}", validation.tokens_per_s.real),
      validation.tokens_per_s.simulated, percent(validation.tokens_per_s.error()));
  std::cout << fmt::format("|error| of a request's e2e: {} median, {} p95\n", magnitude(validation.request_error_p50),
                           magnitude(validation.request_error_p95));
  for (const WindowErrors& window : validation.windows) {
    if (window.metrics.empty()) continue;
    std::cout << fmt::format("arrivals {:>6.1f} to {:>6.1f} s: {:>5} requests, e2e mean {}, ttft {}\n", window.from_s,
                             window.to_s, window.num_requests, percent(window.metrics[0].mean.error()),
                             percent(window.metrics[1].mean.error()));
  }
  if (!run.log.empty()) {
    std::cout << fmt::format("over the log, mean absolute difference: running {:.1f}, waiting {:.1f}{}\n",
                             validation.running_difference, validation.waiting_difference,
                             run.kv_logged ? fmt::format(", KV {:.1f} points", validation.kv_points_difference) : "");
  }
  const MeanBreakdown& mean = replayed.breakdown;
  std::cout << fmt::format(
      "simulated mean, s: front end {:.4f}, waiting {:.4f}, prefill {:.4f}, decode {:.4f}; of these the host's part of "
      "steps {:.4f}\n{} steps, {} of them beyond what was measured; {} preemptions; {} KV blocks\n",
      mean.front_end_s, mean.waiting_s, mean.prefill_s, mean.decode_s, mean.host_s, replayed.num_steps,
      replayed.num_extrapolated_steps, replayed.num_preemptions, replayed.num_blocks);
}

// Blocks that the run's engine says, else the flag, else the profile; with none of them, enough for all requests.
std::int32_t blocks_for_run(const Options& options, const MeasuredRun& run, const CostSource& source) {
  if (options.has("num-blocks")) return static_cast<std::int32_t>(options.whole("num-blocks", 0, 2, 100'000'000));
  if (run.engine.num_gpu_blocks > 0) return run.engine.num_gpu_blocks;
  if (source.memory && (source.memory->gpu_bytes > 0 || source.memory->kv_tokens > 0)) {
    return num_kv_blocks(*source.memory, options.number("memory-margin", 0.1, 0, 0.99), run.engine.block_size);
  }
  std::int64_t blocks = 2;
  for (const RawRequest& row : run.rows) {
    blocks += (row.num_prefill_tokens + row.num_decode_tokens) / run.engine.block_size + 1;
  }
  std::cerr << "KV memory: neither the run nor the profile says how much there is; taken as enough (--num-blocks)\n";
  return static_cast<std::int32_t>(std::min<std::int64_t>(blocks, 100'000'000));
}

void take_log(const EngineLog& log, VllmV1Options& engine) {
  engine.num_gpu_blocks = static_cast<std::int32_t>(log.kv_tokens / engine.block_size);
  if (log.max_num_batched_tokens > 0) engine.max_num_batched_tokens = log.max_num_batched_tokens;
  if (log.max_num_seqs > 0) engine.max_num_seqs = log.max_num_seqs;
  if (log.max_model_len > 0) engine.max_model_len = log.max_model_len;
}

}  // namespace

Options declare_validate() {
  Options options(
      "validate RUN --profile P",
      "Replays a run of a real engine, and says how far off the simulation is. RUN is the result of a benchmark (vllm\n"
      "bench serve --save-detailed, guidellm, aiperf, inference-perf, or CSV), or a folder with requests.csv, and\n"
      "workload.jsonl, engine.json and timeseries.csv if there are any (README of core/measured).\n"
      "example: switchyard validate result.json --profile my-gpu.json --max-error 5",
      1);
  options.value("profile", "times of the engine's steps: a built-in profile or a file")
      .value("engine-log",
             "what `vllm serve` logged: KV blocks, budget, seats and longest request, where no flag says them")
      .value("num-blocks", "KV blocks of the engine (as the run or the profile says)")
      .value("memory-margin", "share of the GPU's memory that the engine leaves alone, where blocks are planned (0.1)")
      .value("max-num-batched-tokens", "the engine's (as the run says; 8192)")
      .value("max-num-seqs", "the engine's (as the run says; 256)")
      .value("max-model-len", "the engine's (as the run says; the longest request)")
      .value("windows", "windows of arrivals to look at separately (4)")
      .value("max-error", "exit with 1 if the mean of e2e is off by more than so many percent")
      .toggle("synchronous", "the engine does not plan a step ahead (vLLM before 0.14)")
      .toggle("no-prefix-caching", "the engine does not find blocks again")
      .toggle("no-front-end", "leave out what the profile says of the way between client and engine")
      .file("out", "folder for validation.json, which `report` shows")
      .toggle("force", "replace a result that --out holds already")
      .toggle("json", "as JSON");
  return options;
}

int command_validate(const Options& options) {
  if (options.words().empty()) throw InputError("validate: give a run: a folder or the result of a benchmark");
  if (!options.has("profile")) throw InputError("--profile: is missing: which times of steps to validate");
  const double worst = options.number("max-error", 0, 0, 1e6);
  const int windows = static_cast<int>(options.whole("windows", 4, 1, 1000));
  const auto folder = result_folder(options);
  MeasuredRun run = read_measured_run(options.words()[0]);
  const CostSource source = load_profile(options.text("profile"));
  if (options.has("engine-log")) take_log(read_engine_log(options.text("engine-log")), run.engine);
  VllmV1Options& engine = run.engine;
  engine.max_num_batched_tokens =
      static_cast<std::int32_t>(options.whole("max-num-batched-tokens", engine.max_num_batched_tokens, 1, 1 << 24));
  engine.max_num_seqs = static_cast<std::int32_t>(options.whole("max-num-seqs", engine.max_num_seqs, 1, 1 << 20));
  engine.max_model_len = static_cast<std::int32_t>(options.whole("max-model-len", engine.max_model_len, 2, 1 << 30));
  if (options.has("synchronous")) engine.async_scheduling = false;
  if (options.has("no-prefix-caching")) engine.enable_prefix_caching = false;
  engine.num_gpu_blocks = blocks_for_run(options, run, source);
  const FrontEnd front_end = options.has("no-front-end") ? FrontEnd{} : source.front_end;
  const ReplayedRun replayed = replay_run(run, *source.model, front_end, source.host_ms);
  const Validation validation = validate_run(run, replayed, windows);
  const std::string json = validation_json(run, replayed, validation, source.description);
  if (folder) {
    write_file(folder->staging() / "validation.json", json);
    folder->commit();
  }
  if (options.has("json")) {
    std::cout << json;
  } else {
    print(run, replayed, validation, source.description);
  }
  if (!options.has("max-error")) return 0;
  const double error = 100 * std::abs(validation.metrics.front().mean.error());
  if (std::isnan(error)) {
    std::cerr << "mean e2e was measured as 0: there is no relative error, and --max-error does not hold\n";
    return 1;
  }
  if (error <= worst) return 0;
  std::cerr << fmt::format("mean e2e is off by {:.2f}%, more than --max-error {}\n", error, worst);
  return 1;
}

}  // namespace switchyard
