#include <catch2/catch.hpp>
#include <fstream>

#include "core/input/error.hpp"
#include "search/suite_scenarios.hpp"
#include "search/suite_study.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;
using Catch::Contains;

namespace {

Scenario small_scenario(const char* name, double qps) {
  Scenario scenario = load_scenario("azure-conv");
  scenario.name = name;
  scenario.workload.duration_s = 20;
  scenario.workload.qps = qps;
  scenario.train_seeds = parse_seed_range("1-4", "");
  scenario.validation_seeds = parse_seed_range("51-54", "");
  scenario.held_out_seeds = parse_seed_range("101-102", "");
  return scenario;
}

}  // namespace

TEST_CASE("training seeds are dealt out over the combinations of axes", "[suite]") {
  const auto axes = parse_training_axes("load=1,1.5;replicas=2,4", "--train-over");
  REQUIRE(axes.size() == 2);
  CHECK(format_training_axes(axes) == "load=1,1.5;replicas=2,4");
  const Scenario base = small_scenario("a", 2);
  const auto variants = training_variants(base, axes, "--train-over");
  REQUIRE(variants.size() == 4);
  CHECK(variants[1].name == "a (load=1.5,replicas=2)");
  CHECK(variants[1].workload.qps == 3);
  CHECK(variants[2].workload.qps == 2);
  CHECK(variants[2].replicas == 4);
  CHECK(format_seed_range(variants[1].train_seeds) == "2");
  CHECK(format_seed_range(variants[1].validation_seeds) == "52");
  CHECK(format_seed_range(variants[3].train_seeds) == "4");
  CHECK(variants[3].held_out_seeds.seeds() == base.held_out_seeds.seeds());
  CHECK(training_variants(base, {}, "")[0].train_seeds.seeds() == base.train_seeds.seeds());
}

TEST_CASE("axes that cannot be are refused", "[suite]") {
  const auto refused = [](const char* text) {
    return error_of(
        [&] { training_variants(small_scenario("a", 2), parse_training_axes(text, "--train-over"), "--train-over"); });
  };
  CHECK_THAT(refused("load"), Contains("axes as load=1,1.2 are wanted"));
  CHECK_THAT(refused("load=1,,2"), Contains("axes as load=1,1.2 are wanted"));
  CHECK_THAT(refused("load=1;load=2"), Contains("load is there twice"));
  CHECK_THAT(refused("load=0"), Contains("a factor above 0"));
  CHECK_THAT(refused("loads=1"), Contains("did you mean 'load'"));
  CHECK_THAT(refused("replicas=1,2,3,4,5"), Contains("5 combinations, but a has 4 training seeds"));
  CHECK_THAT(refused("replicas=none"), Contains("replicas"));
  CHECK_THAT(refused("max-num-seqs=8"), Contains("max-num-seqs"));  // not an option of this engine
}

TEST_CASE("a suite's file has scenarios, variants of them, and says where it is wrong", "[suite]") {
  const ScratchFolder scratch;
  const auto load = [&](const std::string& text) {
    const auto file = scratch.path() / "suite.json";
    std::ofstream(file) << text;
    return load_suite_scenarios(file.string(), "--suite");
  };
  const auto scenarios = load(
      R"({"scenarios": ["azure-conv", {"scenario": "azure-conv", "name": "eight", "cluster": {"replicas": 8}},
          {"name": "own", "workload": {"qps": 3}}]})");
  REQUIRE(scenarios.size() == 3);
  CHECK(scenarios[1].replicas == 8);
  CHECK(scenarios[1].workload.trace == scenarios[0].workload.trace);
  CHECK(scenarios[2].workload.qps == 3);
  CHECK_THAT(error_of([&] { load(R"({"scenarios": []})"); }), Contains("a list of \"scenarios\""));
  CHECK_THAT(error_of([&] { load(R"({"scenarios": ["azure-conv", "azure-conv"]})"); }),
             Contains("two are named 'azure-conv'"));
  CHECK_THAT(error_of([&] { load(R"({"scenarios": [{"scenario": "azure-conv", "clustre": {}}]})"); }),
             Contains("suite.json:1:") && Contains("did you mean 'cluster'"));
  CHECK_THAT(error_of([&] { load(R"({"scenarios": ["azure-conv"], "scenario": 1})"); }), Contains("key of a suite"));
  // Written out in full, it is read back the same.
  std::ofstream(scratch.path() / "again.json") << suite_scenarios_json(scenarios, scratch.path());
  const auto again = load_suite_scenarios((scratch.path() / "again.json").string(), "");
  REQUIRE(again.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(scenario_json(again[i]) == scenario_json(scenarios[i]));
}

TEST_CASE("a suite search weighs scenarios alike, whatever their scale, and the worst by the reference", "[suite]") {
  SuiteStudyOptions options;
  options.study.policies = {&find_policy("hra", "")};
  options.study.goal.objective = parse_objective("mean_e2e_s", "");
  options.study.method = "random";
  options.study.replays = 60;
  const std::vector<Scenario> scenarios = {small_scenario("light", 1), small_scenario("heavy", 3),
                                           small_scenario("x", 2)};
  const auto evaluator = make_evaluator({}, 1);
  const auto figure = [&](const Grid& grid, const char* policy, std::size_t place) {
    std::vector<Summary> all;
    const std::size_t trial = Grid(grid).trial(parse_policy(policy, ""));
    for (const Cell& cell : grid.training_cells()) {
      if (cell.place == place) all.push_back(grid.result(trial, cell).summary);
    }
    return mean_of(all).mean_e2e_s;
  };
  SuiteStudy study(scenarios, options, *evaluator);
  const SuiteStudy::Result result = study.run(nullptr, {});
  const Grid& grid = study.grid();
  const auto scores = ranked_trials(grid, options.study, *options.study.policies[0]);
  REQUIRE(scores.size() > 3);
  double product = 1, worst = 0;
  for (std::size_t place = 0; place < 3; ++place) {
    const double ratio = figure(grid, grid.policy(scores[1].trial).text().c_str(), place) / figure(grid, "llq", place);
    product *= ratio;
    worst = std::max(worst, ratio);
  }
  CHECK(scores[1].value == Approx(std::cbrt(product)));
  CHECK(result.left_out.size() == 3);
  CHECK(result.suite.scenarios.size() == 3);
  CHECK(result.training_replays <= 60);

  // The order of racing has every scenario in each turn, the hardest seeds first.
  const auto order = racing_order(grid, options.study.goal, 0);
  REQUIRE(order.size() == 12);
  for (std::size_t i = 0; i < 12; ++i) CHECK(order[i].place == i % 3);
  CHECK(grid.result(0, order[0]).summary.mean_e2e_s >= grid.result(0, order[3]).summary.mean_e2e_s);

  StudyOptions by_worst = options.study;
  by_worst.aggregate = Aggregate::worst;
  for (const TrialScore& score : ranked_trials(grid, by_worst, *by_worst.policies[0])) {
    if (score.trial == scores[1].trial) CHECK(score.value == Approx(worst));
  }
}
