#include <catch2/catch.hpp>
#include <cmath>

#include "core/input/csv.hpp"
#include "core/input/json_file.hpp"
#include "policies/registry.hpp"
#include "results/run_folder.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;

TEST_CASE("run_folder: times in ticks print exactly", "[run_folder]") {
  CHECK(exact_seconds(0) == "0.0");
  CHECK(exact_seconds(1) == "0.000000000001");
  CHECK(exact_seconds(kTicksPerSecond) == "1.0");
  CHECK(exact_seconds(12 * kTicksPerSecond + 345'000'000'000) == "12.345");
  CHECK(exact_seconds(999'999'999'999) == "0.999999999999");
}

TEST_CASE("run_folder: rows hold together, and the configuration names what was run", "[run_folder]") {
  Scenario scenario;
  scenario.name = "small";
  scenario.replica_scheduler = EngineKind::vllm_v0;
  scenario.replicas = 2;
  scenario.num_blocks = 60;  // tight: some requests restart
  scenario.workload.arrivals = ArrivalKind::fixed;
  scenario.workload.qps = 20;
  scenario.workload.lengths = LengthKind::uniform;
  scenario.workload.num_requests = 60;
  scenario.workload.prompt_min = 20;
  scenario.workload.prompt_max = 300;
  scenario.workload.output_min = 2;
  scenario.workload.output_max = 300;
  const Experiment experiment(scenario);
  const auto workload = experiment.workload(5);
  const PolicySpec policy = parse_policy("llq", "test");
  Simulation simulation;
  const Replay& replay = simulation.run(experiment.cluster(), *workload, *policy.make(), 5);
  const Summary summary = summarize(replay, *workload, experiment.cluster());
  REQUIRE(summary.num_restarts > 0);

  const ScratchFolder scratch;
  const auto folder = scratch.path() / "run";
  ResultFolder result(folder, ResultFolder::Earlier::refuse, "");
  write_run_folder(result, experiment, *workload, replay, summary, {policy.text(), "leap", "{}"});

  CsvReader csv(folder / "request_metrics.csv");
  const auto number = [&csv](const char* column) { return csv.number(csv.column(column)); };
  std::int64_t rows = 0, restarts = 0;
  double e2e = 0;
  while (csv.next()) {
    CHECK(csv.integer(csv.column("Request Id")) == rows++);
    const double active = number("request_execution_plus_preemption_time");
    CHECK(number("request_e2e_time") == Approx(number("completed_at") - number("arrived_at")).epsilon(1e-12));
    CHECK(number("request_e2e_time") == Approx(number("request_scheduling_delay") + active).epsilon(1e-12));
    CHECK(active == Approx(number("request_execution_time") + number("request_preemption_time")).epsilon(1e-12));
    CHECK(number("prefill_e2e_time") <= number("request_e2e_time"));
    CHECK(number("request_num_tokens") == number("request_num_prefill_tokens") + number("request_num_decode_tokens"));
    CHECK(number("request_e2e_time_normalized") ==
          Approx(number("request_e2e_time") / number("request_num_decode_tokens")).epsilon(1e-12));
    if (rows > 1) CHECK(number("request_inter_arrival_delay") == Approx(0.05).epsilon(1e-9));
    CHECK((number("replica_id") == 0 || number("replica_id") == 1));
    e2e += number("request_e2e_time");
    restarts += csv.integer(csv.column("request_num_restarts"));
  }
  CHECK(rows == summary.num_requests);
  CHECK(restarts == summary.num_restarts);
  CHECK(e2e / static_cast<double>(rows) == Approx(summary.mean_e2e_s).epsilon(1e-12));

  const JsonFile config(folder / "config.json");
  CHECK(config.root()["policy"] == "llq");
  CHECK(config.root()["resolved"]["num_blocks"] == 60);
  CHECK(config.root()["resolved"]["digest"] == experiment.digest().text());
  CHECK(scenario_json(parse_scenario(config, "/scenario")) == scenario_json(scenario));
  const JsonFile written(folder / "summary.json");
  for (const SummaryField& field : summary_fields()) {
    const double value = field.get(summary);
    CHECK((std::isnan(value) ? written.root()[field.name].is_null() : written.root()[field.name] == value));
  }
}

TEST_CASE("run_folder: a folder that cannot be written is refused", "[run_folder]") {
  const ScratchFolder scratch;
  const auto file = scratch.write("file", "text");
  constexpr auto kRefuse = ResultFolder::Earlier::refuse;
  CHECK_THROWS_WITH(ResultFolder(file, kRefuse, ""), Catch::StartsWith("--out: "));
  CHECK_THROWS_WITH(ResultFolder(file / "below", kRefuse, ""), Catch::StartsWith("--out: "));
}
