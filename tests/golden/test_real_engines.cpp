// What core/measured/README.md says of real engines: measured runs replayed,
// closed loops, and profiles fitted to a light run that predict heavy ones.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "core/cost/compose.hpp"
#include "core/cost/operator_grid.hpp"
#include "core/cost/source.hpp"
#include "core/input/csv.hpp"
#include "core/measured/fit_steps.hpp"
#include "core/measured/validation.hpp"
#include "tests/support/bench_client.hpp"
#include "tests/support/data.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

TEST_CASE(
    "real engines: measured runs of vLLM 0.19, with profiles from the "
    "grids beside them") {
  const auto data = data_folder();
  if (!data || !std::filesystem::exists(*data / "measured/llmservingsim")) {
    WARN("SKIPPED: there are no measured runs");
    return;
  }
  struct Case {
    const char* run;
    const char* grid;
    const char* model;
    std::int32_t gpus;
    std::int32_t num_blocks;  // where the run does not say; enough
    double most_error;
  };
  const std::vector<Case> cases = {
      {"4090-8b", "RTX4090_meta-llama_Llama-3.1-8B_bf16_tp1", "llama3.1-8b", 1, 0, 0.015},
      {"pro6000-8b", "RTXPRO6000_meta-llama_Llama-3.1-8B_bf16_tp1", "llama3.1-8b", 1, 30000, 0.03},
      {"pro6000-32b", "RTXPRO6000_Qwen_Qwen3-32B_bf16_tp2", "qwen3-32b", 2, 22000, 0.02}};
  for (const Case& it : cases) {
    INFO(it.run);
    const auto folder = *data / "measured/llmservingsim";
    MeasuredRun run = read_measured_run(folder / it.run);
    if (it.num_blocks > 0) run.engine.num_gpu_blocks = it.num_blocks;
    const Link link = it.gpus > 1 ? Link{20, 16e9} : Link{};
    const GridSum grid = read_operator_grid(folder / "grids" / it.grid, load_transformer(it.model), it.gpus, link);
    const CostModel cost("grid", std::make_shared<GridTimes>(grid));
    const Validation validation = validate_run(run, replay_run(run, cost, {}, 0), 4);
    CHECK(std::abs(validation.metrics[0].mean.error()) < it.most_error);
    CHECK(validation.request_error_p50 < 0.025);
    CHECK(validation.running_difference < 1.5);
    CHECK(validation.waiting_difference < 2);
    if (run.kv_logged) CHECK(validation.kv_points_difference < 2);
    // Worse without what the page says matters.
    run.engine.enable_prefix_caching = false;
    const Validation uncached = validate_run(run, replay_run(run, cost, {}, 0), 1);
    CHECK(uncached.metrics[0].mean.error() > validation.metrics[0].mean.error() + 0.01);
  }
}

// The measured TPOT of a closed loop of `concurrency` clients, and that of five
// rounds of requests with lengths 10% around the stated ones. Half of the rows
// would do: every one is replayed.
double tpot_of_closed_loop(const CostModel& cost, VllmV1Options engine, std::int32_t prompt, std::int32_t output,
                           std::int32_t concurrency) {
  WorkloadRandom random(5, WorkloadRandom::Purpose::model);
  std::vector<RawRequest> rows;
  const auto around = [&random](std::int32_t length) {
    return std::max(1, static_cast<std::int32_t>(std::lround(length * (0.9 + 0.2 * random.uniform()))));
  };
  for (std::int32_t i = 0; i < 5 * concurrency; ++i) {
    rows.push_back({.num_prefill_tokens = around(prompt), .num_decode_tokens = around(output)});
  }
  engine.max_model_len = 2 * (prompt + output);
  const Workload workload = make_workload("closed loop", rows);
  CappedReplica policy(concurrency);
  Simulation simulation(Kernel::step);
  const Replay& replay = simulation.run(ClusterConfig::uniform(1, ReplicaKind(engine, cost)), workload, policy, 1);
  double sum = 0;
  for (std::size_t i = 0; i < workload.size(); ++i) {
    sum += seconds_from_ticks(replay.requests[i].completed_at - replay.requests[i].prefill_completed_at) /
           std::max(1, workload.hidden.num_decode_tokens[i] - 1);
  }
  return sum / static_cast<double>(workload.size());
}

TEST_CASE(
    "real engines: TPOT of closed loops on H100 and H200, from tables of "
    "operators alone") {
  const auto data = data_folder();
  if (!data || !std::filesystem::exists(*data / "measured/silicon-vllm.csv")) {
    WARN("SKIPPED: there are no measured points");
    return;
  }
  CsvReader csv(*data / "measured/silicon-vllm.csv");
  std::map<std::string, std::vector<double>> errors;
  std::map<std::string, std::shared_ptr<const CostModel>> models;
  std::map<std::string, std::int32_t> blocks;
  while (csv.next()) {
    const std::string model(csv.text(csv.column("model"))), gpu(csv.text(csv.column("gpu")));
    const std::string precision(csv.text(csv.column("precision")));
    const bool llama = model.find("Llama-3.1-70B") != std::string::npos && precision == "fp8";
    const bool qwen = model.find("Qwen3-32B") != std::string::npos && precision == "bf16" && gpu == "h100_sxm";
    if ((!llama && !qwen) || csv.text(csv.column("concurrency")).empty()) continue;
    const auto gpus = static_cast<std::int32_t>(csv.integer(csv.column("tp")));
    const std::string key = fmt::format("{} {} tp{}", qwen ? "qwen3-32b" : "llama3.1-70b", gpu, gpus);
    if (!models.contains(key)) {
      const Gpu& on = gpu_by_name(gpu.substr(0, 4));
      const Transformer shape = load_transformer(qwen ? "qwen3-32b" : "llama3.1-70b");
      OperatorSum sum = compose_step(OperatorTables(*data / "operators", on.name, "0.19.0"), shape,
                                     {on, gpus, qwen ? "bf16" : "fp8"});
      if (qwen) {  // vLLM 0.12 schedules synchronously: the two constants of the
                   // page
        sum.overhead_ms += 0.8;
        sum.per_request_us = 30;
      }
      models[key] = std::make_shared<CostModel>(key, std::make_shared<ComposedTimes>(sum));
      blocks[key] = num_kv_blocks(plan_kv_memory(shape, on.memory_bytes, qwen ? 2 : 1, gpus, 8192, 256), 0.1, 16);
    }
    VllmV1Options engine;
    engine.num_gpu_blocks = blocks[key];
    engine.max_num_batched_tokens = 8192;
    engine.max_num_seqs = 1024;
    engine.async_scheduling = llama;
    engine.enable_prefix_caching = false;
    const double tpot =
        tpot_of_closed_loop(*models[key], engine, static_cast<std::int32_t>(csv.integer(csv.column("isl"))),
                            static_cast<std::int32_t>(csv.integer(csv.column("osl"))),
                            static_cast<std::int32_t>(csv.integer(csv.column("concurrency"))));
    errors[key].push_back(1e3 * tpot / csv.number(csv.column("tpot_ms")) - 1);
  }
  REQUIRE(errors.size() >= 8);
  for (auto& [key, list] : errors) {
    for (double& error : list) error = std::abs(error);
    std::sort(list.begin(), list.end());
    const double median = list[list.size() / 2];
    UNSCOPED_INFO(key << ", " << list.size() << " rows: " << median);
    CHECK(median < (key.starts_with("qwen") ? 0.06 : 0.08));
  }
}

struct Light {
  const char* profile;
  const char* model;
  double qps;
};

std::vector<RawRequest> requests(double qps, double seconds, std::uint64_t seed, bool at_once = false) {
  WorkloadRandom random(seed, WorkloadRandom::Purpose::model);
  std::vector<RawRequest> rows;
  for (double at = 0; (at += -std::log(1 - random.uniform()) / qps) < seconds;) {
    const double prompt = std::exp(6.2 + 1.0 * random.normal());
    rows.push_back({.arrived_at_s = at_once ? 0.0 : at,
                    .num_prefill_tokens = static_cast<std::int32_t>(std::clamp(prompt, 32.0, 4000.0)),
                    .num_decode_tokens = 50 + static_cast<std::int32_t>(random.below(300))});
  }
  return rows;
}

struct Outcome {
  double mean_e2e_s = 0;
  double tokens_per_s = 0;
};

VllmV1Options roomy_engine() {
  VllmV1Options engine;
  engine.num_gpu_blocks = 60000;
  engine.max_num_batched_tokens = 8192;
  engine.max_model_len = 8192;
  return engine;
}

Outcome outcome_of(const CostModel& cost, const std::vector<RawRequest>& rows) {
  const Workload workload = make_workload("load", rows);
  CappedReplica policy;
  Simulation simulation(Kernel::step);
  const Replay& replay =
      simulation.run(ClusterConfig::uniform(1, ReplicaKind(roomy_engine(), cost)), workload, policy, 1);
  Outcome outcome;
  for (std::size_t i = 0; i < workload.size(); ++i) {
    outcome.mean_e2e_s += seconds_from_ticks(replay.requests[i].completed_at - workload.requests[i].arrived_at);
    outcome.tokens_per_s += workload.hidden.num_decode_tokens[i];
  }
  outcome.mean_e2e_s /= static_cast<double>(workload.size());
  outcome.tokens_per_s /= seconds_from_ticks(replay.makespan);
  return outcome;
}

// Features linear in tokens, as a plain regression takes them.
class LinearSteps final : public StepTimes {
 public:
  explicit LinearSteps(const LinearFit& fit) : fit_(fit) {}
  double milliseconds(const BatchShape& step, bool&) const override {
    return fit_.constant_ms + fit_.prefill_token_ms * static_cast<double>(step.prefill_tokens) +
           fit_.decode_ms * step.num_decodes + fit_.context_token_ms * static_cast<double>(step.decode_kv_tokens);
  }
  double prefill_attention(std::int64_t, std::int64_t, bool&) const override { return 0; }
  std::string_view kind() const override { return "linear"; }
  std::string json() const override { return "{}"; }

 private:
  LinearFit fit_;
};

// What a client of the light run would have saved.
std::string light_result(const CostSource& truth, std::vector<RawRequest> rows, const FrontEnd& front_end,
                         double host_request_us) {
  for (RawRequest& row : rows) row.arrived_at_s += 1e-3 * front_end.latency_ms;
  const Workload workload = make_workload("light", rows);
  const std::shared_ptr<const StepTimes> exact(truth.model, truth.model->steps());
  const CostModel noisy("noisy", std::make_shared<NoisySteps>(exact, 0.01, host_request_us));
  BenchClient client(workload, front_end);
  CappedReplica policy;
  Simulation simulation(Kernel::step);
  simulation.run(ClusterConfig::uniform(1, ReplicaKind(roomy_engine(), noisy)), workload, policy, 1, &client);
  return client.result();
}

// The greatest errors of predictions from a light run of 60 s.
struct Worst {
  double e2e = 0;     // mean, at 2, 4 and 6 times the load
  double tokens = 0;  // a second, with all requests at once
};

struct WorstOf {
  Worst fitted, linear;
};

WorstOf worst_of(const Light& light, double host_request_us, std::uint64_t seed) {
  const ScratchFolder folder;
  const CostSource truth = load_profile(light.profile);
  const FrontEnd front_end = {6, 22, 3.5};
  const BenchRun run = read_bench_run(
      folder.write("result.json", light_result(truth, requests(light.qps, 60, seed), front_end, host_request_us)));
  const RebuiltSteps rebuilt = rebuild_steps(run, 8192);
  CHECK(rebuilt.client_latency_ms == Approx(6).margin(1.5));
  CHECK(rebuilt.token_us == Approx(22).epsilon(0.15));
  const FittedModel shape{load_transformer(light.model), 2, 1, kHostMs};
  const StepFit fit = fit_steps("result.json", rebuilt.steps, shape);
  const CostModel fitted("fitted", std::make_shared<TiedRoofline>(fit.numbers));
  const CostModel linear("linear", std::make_shared<LinearSteps>(fit_linear(rebuilt.steps)));
  const std::shared_ptr<const StepTimes> steps(truth.model, truth.model->steps());
  const CostModel exact("exact", std::make_shared<NoisySteps>(steps, 0, host_request_us));
  WorstOf worst;
  std::string all = fmt::format("{}, {} us a request, seed {}:", light.profile, host_request_us, seed);
  const auto judge = [&](const std::vector<RawRequest>& rows, bool saturated) {
    const Outcome real = outcome_of(exact, rows), found = outcome_of(fitted, rows), plain = outcome_of(linear, rows);
    const auto error = [&](const Outcome& it) {
      return saturated ? it.tokens_per_s / real.tokens_per_s - 1 : it.mean_e2e_s / real.mean_e2e_s - 1;
    };
    all += fmt::format(" {:+.1f} (linear {:+.1f})", 100 * error(found), 100 * error(plain));
    for (auto& [it, at] : {std::pair{found, &worst.fitted}, std::pair{plain, &worst.linear}}) {
      double& most = saturated ? at->tokens : at->e2e;
      most = std::max(most, std::abs(error(it)));
    }
  };
  for (const double load : {2.0, 4.0, 6.0}) judge(requests(load * light.qps, 60, 7), false);
  judge(requests(10 * light.qps, 60, 99, true), true);
  UNSCOPED_INFO(all);
  if (std::getenv("SWITCHYARD_PRINT_FITS")) fmt::print("{}\n", all);
  return worst;
}

constexpr std::array<Light, 3> kLight = {Light{"h100-qwen3-14b", "qwen3-14b", 2},
                                         Light{"h100-llama3.1-8b", "llama3.1-8b", 3},
                                         Light{"h100-qwen3-32b", "qwen3-32b", 0.8}};

// What the host takes for each request of a step, as synchronous engines showed it.
constexpr double kHostRequestUs = 30;

TEST_CASE("real engines: a profile fitted to 60 s of light load predicts heavy load") {
  for (const Light& light : kLight) {
    const WorstOf worst = worst_of(light, kHostRequestUs, 1);
    CHECK(worst.fitted.e2e < 0.03);
    CHECK(worst.fitted.tokens < 0.03);
    CHECK(worst.linear.e2e > worst.fitted.e2e);
    CHECK(worst.linear.tokens > worst.fitted.tokens);
  }
}

TEST_CASE("real engines: fits of other minutes, and of a host that takes no time for a request") {
  for (const Light& light : kLight) {
    for (const std::uint64_t seed : {1, 2, 3}) {
      for (const double host_us : {0.0, kHostRequestUs}) {
        if (seed == 1 && host_us > 0) continue;
        const WorstOf worst = worst_of(light, host_us, seed);
        CHECK(worst.fitted.e2e < 0.12);
        CHECK(worst.fitted.tokens < 0.10);
      }
    }
  }
}

TEST_CASE("real engines: the recorded results of the documentation are what this engine gives") {
  struct Recorded {
    const char* file;
    double qps, seconds;
  };
  for (const Recorded& it :
       {Recorded{"cli/fixtures/vllm-bench.json", 1, 45}, Recorded{"docs/recorded/light.json", 2, 60},
        Recorded{"docs/recorded/heavy.json", 6, 30}}) {
    INFO(it.file);
    std::vector<RawRequest> rows = requests(it.qps, it.seconds, 3);
    for (RawRequest& row : rows) row.num_decode_tokens = row.num_decode_tokens / 2;
    const std::string found = light_result(load_profile("h100-qwen3-14b"), rows, {6, 22, 3.5}, 30);
    const auto file = std::filesystem::path(SWITCHYARD_SOURCE_DIR) / "tests" / it.file;
    if (std::getenv("SWITCHYARD_WRITE_RECORDED")) std::ofstream(file) << found;
    std::ifstream in(file);
    CHECK((std::string(std::istreambuf_iterator<char>(in), {}) == found));
  }
}

}  // namespace
}  // namespace switchyard
