// Benchmarks of real engines: what is read, which steps they show, what is fitted to them.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "core/measured/bench_run.hpp"
#include "core/measured/engine_log.hpp"
#include "core/measured/fit_engine.hpp"
#include "core/measured/penalised_fit.hpp"
#include "core/measured/rebuilt_steps.hpp"
#include "core/measured/step_noise.hpp"
#include "core/workload/random.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

using Catch::Matchers::Contains;

const std::string kVllm = R"({"request_throughput": 2.0, "input_lens": [100, 200, 50], "output_lens": [3, 2, 0],
  "ttfts": [0.02, 0.03, 0.0], "itls": [[0.01, 0.01], [0.01], []], "start_times": [1000.0, 1000.005, 1000.1]})";

void check_two_requests(const BenchRun& run) {
  REQUIRE(run.requests.size() == 2);
  CHECK(run.requests[0].prompt_tokens == 100);
  CHECK(run.requests[0].output_tokens == 3);
  CHECK(run.requests[0].sent_s == 0);
  CHECK(run.requests[0].ttft_s == Approx(0.02));
  CHECK(run.requests[0].e2e_s == Approx(0.04));
  CHECK(run.requests[1].prompt_tokens == 200);
  CHECK(run.requests[1].sent_s == Approx(0.005));
  CHECK(run.requests[1].e2e_s == Approx(0.04));
}

TEST_CASE("benchmark results: each tool is told by its content") {
  const ScratchFolder folder;
  BenchRun run = read_bench_run(folder.write("a", kVllm));
  CHECK(run.format == "vllm bench serve");
  CHECK(run.num_failed == 1);
  check_two_requests(run);
  CHECK(run.requests[0].token_times_s ==
        std::vector<double>{0.02 + 1000.0 - 1000.0, 1000.02 + 0.01 - 1000.0, 1000.02 + 0.01 + 0.01 - 1000.0});

  run = read_bench_run(folder.write("b", R"([{"start_time": 5.0, "end_time": 6, "info": {"input_tokens": 100,
      "output_token_times": [5.02, 5.03, 5.04]}, "error": null}, {"start_time": 5.005, "end_time": 6, "info":
      {"request_metrics": {"text": {"input_tokens": 200}}, "response_metrics": {"output_token_times": [5.035, 5.045]}}},
      {"start_time": 5.1, "error": {"error_type": "timeout"}}])"));
  CHECK(run.format == "inference-perf");
  CHECK(run.num_failed == 1);
  CHECK(run.has_token_times());
  check_two_requests(run);

  run = read_bench_run(folder.write("c", R"({"benchmarks": [{"requests": {"successful": [
      {"request_start_time": 7.005, "request_end_time": 7.045, "prompt_tokens": 200, "output_tokens": 2,
       "time_to_first_token_ms": 30},
      {"info": {"timings": {"request_start": 7.0, "request_end": 7.04}}, "input_metrics": {"text_tokens": 100},
       "output_metrics": {"text_tokens": 3}, "time_to_first_token_ms": 20}], "errored": [{}], "incomplete": []}}]})"));
  CHECK(run.format == "guidellm");
  CHECK(run.num_failed == 1);
  CHECK_FALSE(run.has_token_times());
  check_two_requests(run);

  const auto record = [](const std::string& start, int ttft, int prompt, int output) {
    return fmt::format(
        R"({{"metadata": {{"request_start_ns": {}, "benchmark_phase": "profiling", "was_cancelled": false}}, )"
        R"("metrics": {{"time_to_first_token": {{"value": {}}}, "request_latency": {{"value": 40}}, )"
        R"("input_sequence_length": {{"value": {}}}, "output_sequence_length": {{"value": {}}}}}, "error": null}})",
        start, ttft, prompt, output);
  };
  run = read_bench_run(folder.write(
      "d", record("2000000000", 20, 100, 3) + "\n\n" + record("2005000000", 30, 200, 2) +
               "\n{\"metadata\": {\"benchmark_phase\": \"warmup\"}}\n{\"metadata\": {\"was_cancelled\": true}}\n"));
  CHECK(run.format == "aiperf");
  CHECK(run.num_failed == 1);
  check_two_requests(run);

  const std::string streamed = record("2000000000", 20, 100, 3);
  const std::string times = ", \"inter_chunk_latency\": {\"value\": [10, 10], \"unit\": \"ms\"}}, \"error\"";
  run =
      read_bench_run(folder.write("d", std::string(streamed).replace(streamed.find("}, \"error\""), 10, times) + "\n"));
  REQUIRE(run.has_token_times());
  CHECK(run.requests[0].token_times_s[2] == Approx(0.04));

  run = read_bench_run(folder.write("e",
                                    "sent_s,num_prefill_tokens,num_decode_tokens,ttft_s,e2e_s,itls_s\n"
                                    "0.005,200,2,0.03,0.04,0.01\n0,100,3,0.02,0.04,0.01 0.01\n"));
  CHECK(run.format == "CSV");
  CHECK(run.has_token_times());
  check_two_requests(run);
}

TEST_CASE("benchmark results: tokens that came several at once are told from single ones") {
  const ScratchFolder folder;
  const auto read = [&](const char* from, const char* to) {
    std::string text = kVllm;
    text.replace(text.find(from), std::string(from).size(), to);
    return read_bench_run(folder.write("a", text));
  };
  BenchRun run = read("[3, 2, 0]", "[9, 2, 0]");  // three chunks for nine tokens
  CHECK(run.num_grouped == 1);
  CHECK_FALSE(run.has_token_times());
  CHECK(run.requests[0].output_tokens == 9);
  CHECK(run.requests[0].e2e_s == Approx(0.04));
  run = read("[3, 2, 0]", "[2, 2, 0]");  // an empty chunk at the end
  CHECK(run.num_grouped == 0);
  CHECK(run.requests[0].token_times_s.size() == 2);
  run = read("\"start_times\"", "\"errors\": [\"\", \"timeout\", \"\"], \"start_times\"");
  CHECK(run.num_failed == 2);
}

TEST_CASE("benchmark results: what is broken is named") {
  const ScratchFolder folder;
  const auto error = [&](std::string text, const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
    return error_of([&] { read_bench_run(folder.write("r.json", text)); });
  };
  CHECK_THAT(error(kVllm, "\"itls\"", "\"itl\""), Contains("'itls' is missing") && Contains("--save-detailed"));
  CHECK_THAT(error(kVllm, "[100, 200, 50]", "[100, -200, 50]"), Contains("r.json:1") && Contains("(found '-200')"));
  CHECK_THAT(error(kVllm, "[0.02, 0.03, 0.0]", "[0.02, 0.03]"), Contains("must be a list of 3 values"));
  CHECK_THAT(error(kVllm, "input_lens", "lens"), Contains("--save-detailed"));
  CHECK_THAT(error_of([&] { read_bench_run(folder.write("r.json", "{\"a\": 1}")); }),
             Contains("not the result of a benchmark that is known"));
  CHECK_THAT(error_of([&] { read_bench_run(folder.write("r.json", "[]")); }), Contains("holds no request"));
  CHECK_THAT(
      error_of([&] {
        read_bench_run(folder.write(
            "r.csv", "sent_s,num_prefill_tokens,num_decode_tokens,ttft_s,e2e_s,itls_s\n0,100,3,0.02,0.04,0.01\n"));
      }),
      Contains("r.csv:2:6") && Contains("which is 2"));
  CHECK_FALSE(is_bench_run(folder.write("b.csv", "batch_tokens,decode_batch_size\n")));
}

TEST_CASE("the log of an engine says what it resolved") {
  const ScratchFolder folder;
  const EngineLog log = read_engine_log(folder.write(
      "engine.log",
      "INFO non-default args: {'model': 'Qwen/Qwen3-14B', 'max_num_seqs': 128, 'port': 8000}\n"
      "(EngineCore pid=7) INFO Initializing a V1 LLM engine with config: model='Qwen/Qwen3-14B', max_seq_len=40960, "
      "tensor_parallel_size=2, pipeline_parallel_size=1\n"
      "(EngineCore pid=7) INFO Chunked prefill is enabled with max_num_batched_tokens=8192.\n"
      "(Worker_TP0 pid=8) INFO GPU KV cache size: 1,300,064 tokens\n"
      "(Worker_TP1 pid=9) INFO GPU KV cache size: 1,300,000 tokens\n"
      "INFO Maximum concurrency for 40,960 tokens per request: 31.74x\n"));
  CHECK(log.kv_tokens == 1'300'000);
  CHECK(log.max_num_batched_tokens == 8192);
  CHECK(log.max_num_seqs == 128);
  CHECK(log.tensor_parallel == 2);
  CHECK(log.max_model_len == 40960);
  CHECK_THAT(error_of([&] { read_engine_log(folder.write("engine.log", "INFO max_num_seqs=12\n")); }),
             Contains("engine.log: has no line 'GPU KV cache size: N tokens'"));
}

// A run of an engine that plans one step ahead, by hand: two long requests decode 10 ms steps; a third is sent 2 ms
// into the step that ends at 0.12, waits for its end (6 ms away from the client), for the next step, and is in the one
// after.
TEST_CASE("rebuilt steps: bursts, members, and the time between them") {
  BenchRun run;
  const auto request = [](double sent, std::int64_t prompt, std::vector<double> times) {
    return BenchRequest{
        sent, prompt, static_cast<std::int64_t>(times.size()), times.front() - sent, times.back() - sent, times};
  };
  run.requests = {request(0, 100, {0.1, 0.11, 0.12, 0.13, 0.16, 0.17}),
                  request(0.01, 300, {0.1001, 0.1101, 0.1201, 0.1301, 0.1601, 0.1701}),
                  request(0.114, 400, {0.1602, 0.1702})};
  const RebuiltSteps rebuilt = rebuild_steps(run, 8192);
  CHECK(rebuilt.num_bursts == 6);
  REQUIRE(rebuilt.steps.size() == 5);
  CHECK(rebuilt.steps[0].ms == Approx(10));
  CHECK(rebuilt.steps[0].shape.num_decodes == 2);
  CHECK(rebuilt.steps[0].shape.decode_kv_tokens == 101 + 301);
  CHECK(rebuilt.steps[3].ms == Approx(30));
  CHECK(rebuilt.steps[3].shape.num_prefills == 1);
  CHECK(rebuilt.steps[3].shape.prefill_tokens == 400);
  CHECK(rebuilt.steps[3].shape.prefill_chunk_squares == 160000);
  CHECK(rebuilt.steps[3].shape.decode_kv_tokens == 104 + 304);
  REQUIRE(rebuilt.num_latencies == 1);
  CHECK(rebuilt.client_latency_ms == Approx(6));
  CHECK(rebuild_steps(run, 399).steps.size() == 2);  // the prompt was computed over some of the steps before
}

TEST_CASE("a penalised fit finds the bottom of a curved valley, and says how sure it is") {
  const FitErrors errors_at = [](const std::vector<double>& x, std::vector<double>& errors) {
    errors = {10 * (x[1] - x[0] * x[0]), 1 - x[0], x[2] - 3};
  };
  const std::vector<PriorKnowledge> vague = {{-1.2, 10}, {1, 10}, {0, 10}};
  PenalisedFit fit = penalised_fit(errors_at, {1e6, 1e6, 1e6}, vague, 1e6);
  CHECK(fit.at[0] == Approx(1).epsilon(1e-3));
  CHECK(fit.at[1] == Approx(1).epsilon(1e-3));
  CHECK(fit.at[2] == Approx(3).epsilon(1e-3));
  CHECK(fit.deviations[2] == Approx(1e-3).epsilon(1e-3));
  // Two measurements of 3 and knowledge of 0, as sure as one of them: 2.
  const FitErrors twice = [](const std::vector<double>& x, std::vector<double>& errors) {
    errors = {x[0] - 3, x[0] - 3};
  };
  fit = penalised_fit(twice, {1, 1}, {{0, 1}}, 1e6);
  CHECK(fit.at[0] == Approx(2).epsilon(1e-4));
  CHECK(fit.deviations[0] == Approx(std::sqrt(1.0 / 3)).epsilon(1e-4));
  CHECK(penalised_fit(twice, {1, 1}, {{4, 100, 3.5}}, 1e6).at[0] == 3.5);
  // One of three is a stall.
  const FitErrors stall = [](const std::vector<double>& x, std::vector<double>& errors) {
    errors = {x[0] - 3, x[0] - 3.01, x[0] - 50};
  };
  CHECK(penalised_fit(stall, {1, 1, 1}, {{0, 1e3}}, 0.01).at[0] == Approx(3).epsilon(0.01));
}

TEST_CASE("tied roofline: its own numbers are recovered from noisy steps, with their uncertainty") {
  const FittedModel model{load_transformer("qwen3-14b"), 2, 1, 0.6};
  WorkloadRandom random(3, WorkloadRandom::Purpose::model);
  // Qwen3-14B: 13.2e9 parameters in layers, 28.0e9 bytes with the head, 163840 bytes of KV a token.
  RooflineNumbers truth;
  truth.overhead_ms = 0.6;
  truth.weights_ms = 10.4;
  truth.token_ms = 0.037;
  truth.request_ms = 0.03;
  const double ms_per_byte = truth.weights_ms / 27.98e9;
  truth.context_token_ms = 163840 * ms_per_byte;
  truth.activation_ms = 40 * (16.0 * 5120 + 56 * 128 * 4 + 3 * 17408 * 2) * ms_per_byte;
  truth.prompt_token_ms = 4.0 * 40 * 48 * 128 * ms_per_byte;
  truth.attention_ratio = 4.0 * 40 * 128 * 40 / (2 * 13.21e9);
  truth.attention_ms = 40 * 0.012;
  truth.rise = 0.005;
  truth.sharpness = 4;
  std::vector<RebuiltStep> steps;
  for (int i = 0; i < 3000; ++i) {
    RebuiltStep step;
    step.shape.num_decodes = 1 + static_cast<std::int32_t>(random.below(12));
    step.shape.decode_kv_tokens = step.shape.num_decodes * (100 + static_cast<std::int64_t>(random.below(1500)));
    if (i % 20 == 0) {
      const auto chunk = 50 + static_cast<std::int64_t>(random.below(3000));
      step.shape.num_prefills = 1;
      step.shape.prefill_tokens = chunk;
      step.shape.prefill_chunk_squares = chunk * chunk;
    }
    bool outside = false;
    step.ms = TiedRoofline(truth).milliseconds(step.shape, outside) * (1 + 0.02 * random.normal());
    steps.push_back(step);
  }
  const StepFit fit = fit_steps("steps", steps, model);
  CHECK(fit.numbers.weights_ms == Approx(10.4).epsilon(0.01));
  CHECK(fit.numbers.token_ms == Approx(0.037).epsilon(0.03));
  CHECK(fit.numbers.request_ms == Approx(0.03).margin(2 * fit.numbers.request_error_ms));
  CHECK(fit.median_error == Approx(0.0135).epsilon(0.15));
  CHECK(fit.numbers.weights_error > 0);
  CHECK(fit.numbers.weights_error < 0.02);
  CHECK(fit.numbers.token_error < 0.05);
  CHECK(fit.numbers.request_error_ms < 0.015);
  CHECK(fit.num_prompt_steps == 150);
  steps.resize(40);
  CHECK_THAT(error_of([&] { fit_steps("few.json", steps, model); }),
             Contains("few.json: 38 steps of decodes alone and 2"));
}

// Steps of an engine whose kernels are those of a profile, each part off by a factor.
std::vector<RebuiltStep> moved_steps(const OperatorSum& tables, const OperatorFactors& by) {
  OperatorSum sum = tables;
  for (double& y : sum.tokens.y) y *= std::exp(by.memory);
  for (double& y : sum.requests.y) y *= std::exp(by.memory);
  for (Curve& curve : sum.decode.curves) {
    for (double& y : curve.y) y *= std::exp(by.decode);
  }
  sum.per_request_us = 1e3 * by.request_ms;
  const ComposedTimes times(sum);
  WorkloadRandom random(5, WorkloadRandom::Purpose::model);
  std::vector<RebuiltStep> steps;
  for (int i = 0; i < 2000; ++i) {
    RebuiltStep step;
    step.shape.num_decodes = 1 + static_cast<std::int32_t>(random.below(14));
    step.shape.decode_kv_tokens = step.shape.num_decodes * (100 + static_cast<std::int64_t>(random.below(1500)));
    if (i % 20 == 0) {
      step.prompts = {50 + static_cast<std::int64_t>(random.below(3000))};
      step.shape.num_prefills = 1;
      step.shape.prefill_tokens = step.prompts[0];
      step.shape.prefill_chunk_squares = step.prompts[0] * step.prompts[0];
    }
    step.ms = milliseconds_of(step, times) * (1 + 0.01 * random.normal());
    steps.push_back(step);
  }
  return steps;
}

TEST_CASE("fit of operators: levels and host time are found, and tables of another engine are not taken") {
  const Transformer shape = load_transformer("qwen3-14b");
  const std::vector<OperatorPrior> priors = operator_priors(shape, 1);
  REQUIRE(priors.size() == 7);  // a100, h100 and its two older ones, h200, l40s (of one GPU) and its older one
  const auto h100 =
      std::find_if(priors.begin(), priors.end(), [](const auto& it) { return it.name == "h100-qwen3-14b"; });
  REQUIRE(h100 != priors.end());
  OperatorFactors by;
  by.memory = by.compute = 0.05;
  by.decode = -0.04;
  by.request_ms = 0.025;
  const std::vector<RebuiltStep> steps = moved_steps(h100->sum, by);
  const OperatorFit fit = fit_operators(steps, *h100, 0.6);
  CHECK(fit.factors.memory == Approx(0.05).margin(0.005));
  CHECK(fit.factors.compute == Approx(0.05).margin(0.01));
  CHECK(fit.factors.decode == Approx(-0.04).margin(2 * fit.factors.decode_error));
  CHECK(fit.factors.request_ms == Approx(0.025).margin(3 * fit.factors.request_error_ms));
  CHECK(fit.factors.request_error_ms < 0.006);
  CHECK(fit.kernel_noise == kLeastKernelNoise);
  CHECK(fit.sum.per_request_us == 1e3 * fit.factors.request_ms);

  const FittedModel model{shape, 2, 1, 0.6};
  const EngineFit all = fit_engine("steps", steps, model, priors);
  CHECK(all.prior == "h100-qwen3-14b");
  CHECK(all.times->kind() == "operators");
  const EngineFit none = fit_engine("steps", steps, model, {});
  CHECK(none.times->kind() == "tied_roofline");
  std::vector<OperatorPrior> others = priors;
  std::erase_if(others, [](const auto& it) { return it.name == "h100-qwen3-14b"; });
  CHECK(fit_engine("steps", steps, model, others).times->kind() == "tied_roofline");
}

TEST_CASE("fit of operators: tables of another model on the same GPU, and none of experts") {
  const Transformer from = load_transformer("qwen3-14b"), to = load_transformer("codellama-34b");
  OperatorSum sum;
  sum.tokens = {{1, 100}, {2, 4}};
  sum.requests = {{1, 100}, {1, 2}};
  sum.decode = {{1}, {{{64, 6400}, {1, 3}}}};
  sum.prefill = {{64, 6400}, {1, 30}};
  const OperatorSum scaled = scaled_operators(sum, from, to);
  const double weights = static_cast<double>(to.layer_parameters()) / static_cast<double>(from.layer_parameters());
  CHECK(scaled.tokens.y[1] == Approx(4 * weights));
  CHECK(scaled.requests.y[0] == Approx(32000.0 * 8192 / (151936.0 * 5120)).epsilon(0.01));
  CHECK(scaled.decode.curves[0].y[1] == Approx(3 * 48.0 / 40));  // as many KV heads of the same size
  CHECK(scaled.decode.curves[0].x[1] == Approx(6400));
  CHECK(scaled.prefill.y[1] == Approx(30 * 48.0 / 40 * 64 / 40));
  CHECK(operator_priors(load_transformer("mixtral-8x7b"), 2).empty());
  CHECK(operator_priors(to, 2).size() == 7);
}

}  // namespace
}  // namespace switchyard
