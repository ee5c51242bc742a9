// What core/measured/README.md says of real engines: measured runs replayed,
// closed loops, and what stands for recordings.
#include <fmt/format.h>

#include <algorithm>
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
#include "core/measured/validation.hpp"
#include "tests/support/bench_client.hpp"
#include "tests/support/data.hpp"
#include "tests/support/light_run.hpp"

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

TEST_CASE("real engines: the recorded results of the documentation are what this engine gives") {
  struct Recorded {
    const char* file;
    double qps, seconds;
  };
  for (const Recorded& it :
       {Recorded{"cli/fixtures/vllm-bench.json", 1, 45}, Recorded{"docs/recorded/light.json", 2, 60},
        Recorded{"docs/recorded/heavy.json", 6, 30}}) {
    INFO(it.file);
    std::vector<RawRequest> rows = light_requests(it.qps, it.seconds, 3);
    for (RawRequest& row : rows) row.num_decode_tokens = row.num_decode_tokens / 2;
    const std::string found = client_result(steps_of(load_profile("h100-qwen3-14b")), rows, 30);
    const auto file = std::filesystem::path(SWITCHYARD_SOURCE_DIR) / "tests" / it.file;
    if (std::getenv("SWITCHYARD_WRITE_RECORDED")) std::ofstream(file) << found;
    std::ifstream in(file);
    CHECK((std::string(std::istreambuf_iterator<char>(in), {}) == found));
  }
}

}  // namespace
}  // namespace switchyard
