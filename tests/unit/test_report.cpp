// What goes into a report page. How the page looks and behaves is tested in a browser: tests/report.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/input/write_file.hpp"
#include "policies/registry.hpp"
#include "results/leaderboard.hpp"
#include "results/quantile_sketch.hpp"
#include "results/report/report.hpp"
#include "results/run_folder.hpp"
#include "results/state_history.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

void write_run(const fs::path& folder, const std::string& policy_spec, std::int32_t replicas,
               Summary* summary = nullptr) {
  Scenario scenario = load_scenario("azure-conv");
  scenario.name = "small";
  scenario.replicas = replicas;
  scenario.workload.duration_s = 60;
  const Experiment experiment(scenario);
  const auto workload = experiment.workload(5);
  const PolicySpec policy = parse_policy(policy_spec, "");
  Simulation simulation;
  StateHistory states(replicas);
  const Replay& replay = simulation.run(experiment.cluster(), *workload, *policy.make(), 5, nullptr, &states);
  const Summary found = summarize(replay, *workload, experiment.cluster());
  if (summary) *summary = found;
  ResultFolder result(folder, ResultFolder::Earlier::replace, "");
  write_run_folder(result, experiment, *workload, replay, found,
                   {policy.text(), "leap", states.json(experiment.cluster().kinds.front().limits())});
}

Json data_of(std::vector<fs::path> folders) {
  return Json::parse(report_data(
      {.folders = std::move(folders), .program = "test", .policies = registered_policies(), .importance = {}}));
}

// The text of the page's data element.
std::string data_element(const std::string& page) {
  const std::string opening = "<script type=\"application/json\" id=\"data\">";
  const std::size_t begin = page.find(opening) + opening.size();
  return page.substr(begin, page.find("</script>", begin) - begin);
}

}  // namespace

TEST_CASE("quantile sketch: nearest ranks", "[report]") {
  std::vector<double> values;
  for (int i = 1000; i >= 1; --i) values.push_back(i);
  const std::vector<double> quantiles = sketch(values);
  const std::vector<double>& levels = sketch_levels();
  REQUIRE(quantiles.size() == levels.size());
  CHECK(levels.front() == 0);
  CHECK(levels.back() == 1);
  for (std::size_t i = 0; i < levels.size(); ++i) CHECK(quantiles[i] == Approx(std::max(1.0, 1000 * levels[i])));
  CHECK(sketch({}).empty());
  CHECK(sketch({1.0 / 3}) == std::vector<double>(levels.size(), 0.33333));
}

TEST_CASE("report: a run's figures", "[report]") {
  const ScratchFolder scratch;
  Summary summary;
  write_run(scratch.path() / "runs/a", "llq", 3, &summary);
  write_run(scratch.path() / "runs/b", "hra", 3);
  const Json data = data_of({scratch.path() / "runs"});
  REQUIRE(data["runs"].size() == 2);
  const Json& run = data["runs"][0];
  CHECK(run["policy"] == "llq");
  CHECK(run["scenario"] == "small");
  CHECK(run["summary"]["mean_e2e_s"] == summary.mean_e2e_s);
  const auto at = [&](double level) {
    const auto& levels = sketch_levels();
    return static_cast<std::size_t>(std::find(levels.begin(), levels.end(), level) - levels.begin());
  };
  CHECK(run["distribution"]["e2e_s"][at(0.5)].get<double>() == Approx(summary.p50_e2e_s).epsilon(1e-4));
  CHECK(run["distribution"]["ttft_s"][at(0.99)].get<double>() == Approx(summary.p99_ttft_s).epsilon(1e-4));
  CHECK(run["distribution"]["tpot_s"][at(0.99)].get<double>() == Approx(summary.p99_tpot_s).epsilon(1e-4));
  CHECK(run["states"]["replicas"].size() == 3);
}

TEST_CASE("report: text from users cannot leave its element", "[report]") {
  const std::string evil = "</script><script>alert(1)</script><!-- & \" ' \\ {{script}} {{d3}} \xe2\x80\xa8";
  const Json data = {{"name", evil}};
  const std::string page = report_page(data.dump());
  CHECK(page.find("alert(1)</script>") == std::string::npos);
  const std::string element = data_element(page);
  CHECK(element.find('<') == std::string::npos);
  CHECK(Json::parse(element) == data);
  CHECK(page.find("Redistribution") != std::string::npos);  // the licence of the plotting library
  CHECK(page.find("{{page}}") == std::string::npos);
}

TEST_CASE("report: stays below 2 MB, whatever it is about", "[report]") {
  const ScratchFolder scratch;
  write_run(scratch.path() / "wide", "llq", 64);
  fs::create_directories(scratch.path() / "search");
  scratch.write("search/leaderboard.json", render(Leaderboard{.scenario = "s"}, TableFormat::json));
  Json trials = Json::array();
  for (int i = 0; i < 30'000; ++i) {
    const double value = 1 + std::abs(i - 20'000) / 1000.0;
    trials.push_back({{"trial", i},
                      {"policy", "unknown_policy"},
                      {"params", {{"first_parameter", 0.123456789 * i}, {"second", i % 2 ? "yes" : "no"}}},
                      {"num_seeds", 2},
                      {"value", value},
                      {"relative", value / 21.0}});
  }
  const Json study = {{"version", 1},
                      {"config", {{"method", "random"}}},
                      {"higher_is_better", false},
                      {"num_training_seeds", 2},
                      {"policies", {{{"policy", "unknown_policy"}, {"trials", trials}}}}};
  scratch.write("search/study.json", study.dump());
  const std::string text = report_data({.folders = {scratch.path() / "wide", scratch.path() / "search"},
                                        .program = "test",
                                        .policies = {},
                                        .importance = {}});
  CHECK(report_page(text).size() < 2'000'000);
  const Json data = Json::parse(text);
  const Json& policy = data["searches"][0]["search"]["policies"][0];
  CHECK(policy["num_trials"] == 30'000);
  CHECK(policy["trials"].size() <= 12'001);
  const bool best_is_there = std::any_of(policy["trials"].begin(), policy["trials"].end(),
                                         [](const Json& trial) { return trial[0] == 20'000; });
  CHECK(best_is_there);
  CHECK(data["runs"][0]["states"]["replicas"].size() == 64);
}

TEST_CASE("report: a run of very many replicas shows the first of them", "[report]") {
  const ScratchFolder scratch;
  fs::create_directories(scratch.path() / "run");
  write_run(scratch.path() / "run", "llq", 1);
  Json states = Json::parse(std::ifstream(scratch.path() / "run/states.json"));
  const auto series = [](std::size_t bins) { return std::vector<double>(bins, 0.125); };
  const Json replica = {{"prefill", series(50)},   {"decode", series(50)},  {"mixed", series(50)},
                        {"kv_blocks", series(50)}, {"waiting", series(50)}, {"running", series(50)}};
  states["queued"] = series(50);
  states["replicas"] = std::vector<Json>(10'000, replica);
  scratch.write("run/states.json", states.dump());
  const Json shown = data_of({scratch.path() / "run"})["runs"][0]["states"];
  CHECK(shown["queued"].size() == 25);  // of more than 40 bins, before replicas go
  CHECK(shown["num_replicas"] == 10'000);
  CHECK(shown["replicas"].size() > 500);
  CHECK(shown["replicas"].size() < 1250);
  CHECK(shown.dump().size() <= 700'000);
  CHECK(shown["replicas"][0]["running"].size() == 25);
}

TEST_CASE("report: what is no run and no search is refused", "[report]") {
  const ScratchFolder scratch;
  CHECK_THROWS_WITH(data_of({scratch.path() / "nowhere"}), Catch::Contains("is not a folder"));
  CHECK_THROWS_WITH(data_of({scratch.path()}), Catch::Contains("holds neither a run"));
  fs::create_directories(scratch.path() / "run");
  write_run(scratch.path() / "run", "llq", 1);
  scratch.write("run/config.json", "{}");
  CHECK_THROWS_WITH(data_of({scratch.path()}), Catch::Contains("config.json: not a file of this tool"));
  scratch.write("run/config.json", "{");
  CHECK_THROWS_WITH(data_of({scratch.path()}), Catch::Contains("config.json:1:"));
  // Elsewhere: nothing is written over what a report has read.
  const fs::path other = scratch.path() / "other";
  fs::create_directories(other);
  write_run(other, "llq", 1);
  scratch.write("other/request_metrics.csv", "Request Id,request_e2e_time\n0,1\n");
  CHECK_THROWS_WITH(data_of({other}), Catch::Contains("prefill_e2e_time"));
  fs::remove(other / "request_metrics.csv");
  CHECK_THROWS_WITH(data_of({other}), Catch::Contains("request_metrics.csv"));
}
