#include "search/cli/profile_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "core/cost/compose.hpp"
#include "core/cost/fit_batches.hpp"
#include "core/cost/json_fields.hpp"
#include "core/cost/operator_grid.hpp"
#include "core/cost/source.hpp"
#include "core/cost/vidur_profile.hpp"
#include "core/input/error.hpp"
#include "core/input/inputs.hpp"
#include "core/input/write_file.hpp"
#include "core/measured/engine_log.hpp"
#include "core/measured/fit_engine.hpp"
#include "search/cli/profile_compose.hpp"

namespace switchyard {

namespace {

// The profile goes to --out or stdout, how good it is to stderr.
void hand_over(const Options& options, const std::string& json) {
  if (options.has("out")) {
    write_file(options.text("out"), json);
  } else {
    std::cout << json;
  }
}

// The shape of the model that was measured; without a file what batch times alone can tell: one layer, one head.
ModelShape shape_of(const Options& options) {
  if (!options.has("model")) return {.num_layers = 1, .num_q_heads = 1, .num_kv_heads = 1};
  note_input(options.text("model"));
  const JsonFile file{std::filesystem::path(options.text("model"))};
  json_check_keys(file, model_shape_keys());
  return json_model_shape(file, true);
}

int fit_layers(const Options& options, const std::filesystem::path& measured) {
  Profile profile;
  std::vector<FitError> errors;
  if (std::filesystem::is_directory(measured)) {
    if (options.has("model")) {
      throw InputError("--model: contradicts the folder of CSVs, which say what model was measured");
    }
    const VidurMeasurements measurements = read_vidur_profile(measured);
    profile = profile_of(measurements);
    errors = cross_validate(measurements);
  } else {
    const std::vector<MeasuredBatch> batches = read_measured_batches(measured);
    const ModelShape shape = shape_of(options);
    profile = fit_batches(measured.string(), batches, shape);
    errors = cross_validate(measured.string(), batches, shape);
    profile.name = measured.stem().string();
    profile.source = fmt::format("measured batch times {}", measured.filename().string());
  }
  profile.name = options.text("name", profile.name);
  profile.source = options.text("source", profile.source);
  const std::string json = profile_json(profile, options.number("tolerance", kProfileTolerance, 0, 0.5));
  hand_over(options, json);
  std::cerr << describe_fit_errors(errors);
  return 0;
}

// What the engine logged of itself with --engine-log, for what the flags do not say.
EngineLog log_of(const Options& options) {
  EngineLog log;
  if (options.has("engine-log")) {
    note_input(options.text("engine-log"));
    log = read_engine_log(options.text("engine-log"));
  }
  const auto say = [&](const char* flag, std::int64_t otherwise, std::int64_t most, auto& value) {
    value = static_cast<std::remove_reference_t<decltype(value)>>(
        options.whole(flag, value > 0 ? value : otherwise, 1, most));
  };
  say("max-num-batched-tokens", 8192, 1 << 20, log.max_num_batched_tokens);
  say("max-num-seqs", 256, 1 << 20, log.max_num_seqs);
  say("tp", 1, 64, log.tensor_parallel);
  if (options.has("kv-tokens") || log.kv_tokens > 0) say("kv-tokens", 0, INT32_MAX, log.kv_tokens);
  return log;
}

// What is known of the engine beside the measurements.
StepProfile profile_of_engine(const Options& options, const EngineLog& log, const std::filesystem::path& measured,
                              const Transformer& model) {
  StepProfile profile;
  profile.name = options.text("name", measured.stem().string());
  profile.shape = model.shape;
  profile.tensor_parallel = log.tensor_parallel;
  if (log.max_model_len > 0) profile.shape.max_model_len = log.max_model_len;
  profile.dtype = dtype_of(options);
  const double gpu_bytes = options.has("gpu") ? gpu_by_name(options.text("gpu")).memory_bytes : 0;
  profile.memory = plan_kv_memory(model, gpu_bytes, bytes_per_weight(profile.dtype), profile.tensor_parallel,
                                  log.max_num_batched_tokens, log.max_num_seqs);
  profile.memory.kv_tokens = log.kv_tokens;
  return profile;
}

Transformer model_of(const Options& options, std::string_view what) {
  if (!options.has("model")) throw InputError(fmt::format("profile fit: {} needs --model", what));
  return load_transformer(options.text("model"));
}

int fit_grid(const Options& options, const std::filesystem::path& folder) {
  const Transformer model = model_of(options, "a folder of operator grids");
  StepProfile profile = profile_of_engine(options, log_of(options), folder, model);
  const Link link = {options.number("link-us", 0, 0, 1e6), 1e9 * options.number("link-gb-s", 0, 0.001, 1e6)};
  GridSum sum = read_operator_grid(folder, model, profile.tensor_parallel, link);
  sum.overhead_ms = options.number("host-ms", 0, 0, 1000);
  sum.skew = options.number("skew", sum.skew, 0, 1);
  profile.source = options.text("source", fmt::format("operator grid {}", folder.filename().string()));
  std::cerr << fmt::format("{} layers; uneven contexts take {} of the way from the mean to the longest\n", sum.layers,
                           sum.skew);
  profile.times = std::make_shared<GridTimes>(std::move(sum));
  hand_over(options, step_profile_json(profile));
  return 0;
}

// What the first step of an idle engine takes more than it would later: the median over those that were seen.
double first_step_ms(const RebuiltSteps& rebuilt, const StepTimes& times) {
  std::vector<double> excess;
  for (const RebuiltStep& step : rebuilt.idle_starts) {
    excess.push_back(step.ms - rebuilt.client_latency_ms - milliseconds_of(step, times));
  }
  if (excess.size() < 5) return 0;
  std::sort(excess.begin(), excess.end());
  return std::max(0.0, excess[excess.size() / 2]);
}

// What tables of operators say of the model: those of --tables, or the embedded ones; on --gpu if that is said.
std::vector<OperatorPrior> priors_of(const Options& options, const Transformer& model, const StepProfile& profile) {
  if (options.has("tables")) {
    if (!options.has("gpu")) throw InputError("--tables: a fit needs --gpu, to know which of them to read");
    const OperatorTables tables(options.text("tables"), options.text("gpu"), options.text("engine-version"));
    const Deployment deployment = {gpu_by_name(options.text("gpu")), profile.tensor_parallel, profile.dtype};
    return {{tables.files().front(), compose_step(tables, model, deployment)}};
  }
  std::vector<OperatorPrior> priors;
  if (profile.dtype != "bf16") return priors;
  for (OperatorPrior& prior : operator_priors(model, profile.tensor_parallel)) {
    if (!options.has("gpu") || prior.name.starts_with(options.text("gpu") + "-")) priors.push_back(std::move(prior));
  }
  return priors;
}

// What was fitted, and how well.
std::string described(const EngineFit& fit, const FrontEnd& front_end) {
  std::string text;
  if (fit.tables) {
    const OperatorFactors& it = fit.tables->factors;
    text = fmt::format("kernels as those of {}; times theirs by\n", fit.prior);
    const auto line = [&](const char* what, double log, double error) {
      text += fmt::format("{:<9} {:>9.3f}        +-{:.1f}%\n", what, std::exp(log), 100 * error);
    };
    line("memory", it.memory, it.memory_error);
    line("compute", it.compute, it.compute_error);
    line("decode", it.decode, it.decode_error);
    line("prefill", it.prefill, it.prefill_error);
    text += fmt::format("request   {:>9.3f} us     +-{:.1f} us\n", 1e3 * it.request_ms, 1e3 * it.request_error_ms);
  } else {
    const RooflineNumbers& it = fit.general.numbers;
    text = fmt::format(
        "weights   {:>9.3f} ms     +-{:.1f}%\n"
        "token     {:>9.3f} us     +-{:.1f}%\n"
        "request   {:>9.3f} us     +-{:.1f} us\n",
        it.weights_ms, 100 * it.weights_error, 1e3 * it.token_ms, 100 * it.token_error, 1e3 * it.request_ms,
        1e3 * it.request_error_ms);
  }
  return text +
         fmt::format(
             "front end {:>9.3f} ms, {:.1f} us a token, {:.1f} ms for the first step of an idle engine\n"
             "|fitted / measured - 1|: {:.1f}% median, {:.1f}% p95; up to {:.0f} tokens and {:.0f} requests a step\n",
             front_end.latency_ms, front_end.token_us, front_end.first_step_ms, 100 * fit.median_error,
             100 * fit.p95_error, fit.general.numbers.most_tokens, fit.general.numbers.most_requests);
}

int fit_bench(const Options& options, const std::filesystem::path& file) {
  const Transformer model = model_of(options, "the result of a benchmark");
  const EngineLog log = log_of(options);
  StepProfile profile = profile_of_engine(options, log, file, model);
  const BenchRun run = read_bench_run(file);
  if (run.num_grouped > 0) {
    throw InputError(
        fmt::format("{}: {} of {} requests got their tokens several at once, so that the steps of the engine cannot be "
                    "rebuilt: benchmark without --stream-interval above 1 and without speculative decoding",
                    file.string(), run.num_grouped, run.requests.size()));
  }
  if (!run.has_token_times()) {
    throw InputError(fmt::format(
        "{}: {} records no times of single tokens, which the steps of the engine are rebuilt from; vllm bench serve "
        "--save-result --save-detailed and inference-perf do, aiperf does with inter_chunk_latency, and a CSV may with "
        "the "
        "column itls_s",
        file.string(), run.format));
  }
  const RebuiltSteps rebuilt = rebuild_steps(run, log.max_num_batched_tokens);
  const FittedModel fitted = {
      .shape = model,
      .bytes_per_weight = bytes_per_weight(profile.dtype),
      .tensor_parallel = profile.tensor_parallel,
      .overhead_ms = options.number("host-ms", profile.tensor_parallel >= 4 ? kHostMsOfMany : kHostMs, 0, 1000)};
  const EngineFit fit = fit_engine(file.string(), rebuilt.steps, fitted, priors_of(options, model, profile));
  profile.front_end = {rebuilt.client_latency_ms, rebuilt.token_us, first_step_ms(rebuilt, *fit.times)};
  profile.source = options.text(
      "source", fmt::format("{} result {}{}", run.format, file.filename().string(),
                            fit.tables ? fmt::format(", shape of the operators of {}", fit.prior) : std::string()));
  profile.times = fit.times;
  hand_over(options, step_profile_json(profile));
  std::cerr
      << fmt::format(
             "{} requests of {}{}: {} bursts, {} steps of decodes, {} with prompts, {} of them with two or more\n",
             run.requests.size(), run.format, run.num_failed > 0 ? fmt::format(", {} failed", run.num_failed) : "",
             rebuilt.num_bursts, fit.general.num_decode_steps, fit.general.num_prompt_steps,
             fit.general.num_two_prompt_steps)
      << described(fit, profile.front_end);
  if (fit.general.num_two_prompt_steps == 0) {
    std::cerr << "no step had two prompts: what a token takes under load may be 3 to 5% more than the fit says\n";
  }
  return 0;
}

}  // namespace

void declare_profile_fit(Options& options) {
  options.value("engine-log", "fit of a benchmark: what `vllm serve` logged, for KV cache, budget, seats and GPUs")
      .value("tolerance", "fit of layers: relative error that knots may cause which are left out (0.004)")
      .value("link-gb-s", "fit of a grid with --tp above 1: bandwidth between the GPUs, GB/s")
      .value("link-us", "fit of a grid with --tp above 1: latency of an all-reduce, us (0)")
      .value("skew", "fit of a grid: how far uneven contexts take what the longest would (as its meta.yaml says)");
}

int profile_fit(const Options& options) {
  if (options.words().size() < 2) {
    throw InputError(
        "profile fit: give the result of a benchmark, a folder of operator grids, a folder of Vidur's profiling CSVs, "
        "or "
        "a CSV of measured batch times");
  }
  const std::filesystem::path measured = options.words()[1];
  if (std::filesystem::is_directory(measured)) {
    return is_operator_grid(measured) ? fit_grid(options, measured) : fit_layers(options, measured);
  }
  return is_bench_run(measured) ? fit_bench(options, measured) : fit_layers(options, measured);
}

}  // namespace switchyard
