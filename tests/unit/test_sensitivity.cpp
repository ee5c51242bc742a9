#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "core/input/error.hpp"
#include "search/sensitivity_files.hpp"

using namespace switchyard;
using Catch::Contains;

namespace {

// The values that each parameter is moved to, as specs write them.
std::map<std::string, std::vector<std::string>> steps_by_name(const char* spec) {
  const PolicySpec policy = parse_policy(spec, "test");
  std::map<std::string, std::vector<std::string>> steps;
  for (const ParameterStep& step : steps_from(policy)) {
    const ParamSpec& param = policy.info->params[step.parameter];
    steps[param.name].push_back(format_value(param, step.policy.values[step.parameter]));
  }
  return steps;
}

}  // namespace

TEST_CASE("sensitivity: numbers step by a tenth of their range, cut at its ends", "[sensitivity]") {
  // decode_ratio from 0 to 4, safety from 0 to 0.5.
  const auto steps = steps_by_name("hra(decode_ratio=1,safety=0.02)");
  CHECK(steps.at("decode_ratio") == std::vector<std::string>{"0.6", "1.4"});
  CHECK(steps.at("safety") == std::vector<std::string>{"0", "0.07"});
  CHECK(steps_by_name("hra(safety=0.5)").at("safety") == std::vector<std::string>{"0.45"});
}

TEST_CASE("sensitivity: logarithmic steps are factors, whole numbers move by one at least", "[sensitivity]") {
  // exchange from 0.1 to 10000: a tenth of it is a factor of sqrt(10).
  const auto steps = steps_by_name("compose(order=age,exchange=100,admit=start,start_outstanding=1)");
  CHECK(steps.at("exchange") == std::vector<std::string>{"31.62", "316.2"});
  CHECK(steps.at("start_outstanding") == std::vector<std::string>{"2"});
}

TEST_CASE("sensitivity: a choice steps to each other one, and what does not matter is left alone", "[sensitivity]") {
  const auto steps = steps_by_name("compose(order=age,exchange=100)");
  CHECK(steps.at("order") == std::vector<std::string>{"arrival", "prompt", "longest", "work", "slack"});
  CHECK(steps.count("start_outstanding") == 0);
  const PolicySpec policy = parse_policy("compose(order=age,exchange=100)", "test");
  for (const ParameterStep& step : steps_from(policy)) {
    if (policy.info->params[step.parameter].name != "order") continue;
    CHECK_THAT(step.policy.text(), !Contains("exchange=100"));  // it matters no more
  }
}

namespace {

Scenario tight() {
  Scenario scenario;
  scenario.name = "tight";
  scenario.replica_scheduler = EngineKind::vllm_v0;
  scenario.num_blocks = 120;
  scenario.workload.arrivals = ArrivalKind::poisson;
  scenario.workload.qps = 15;
  scenario.workload.lengths = LengthKind::uniform;
  scenario.workload.num_requests = 150;
  scenario.workload.prompt_min = 20;
  scenario.workload.prompt_max = 500;
  scenario.workload.output_min = 2;
  scenario.workload.output_max = 300;
  scenario.held_out_seeds = parse_seed_range("101-104", "test");
  return scenario;
}

Sensitivity around(const char* spec, const std::string& objective = "mean_e2e_s") {
  const Goal goal{parse_objective(objective, "test"), {}};
  const Experiment experiment(tight());
  ThreadEvaluator evaluator(experiment, goal.objective.limits, 1);
  Ledger ledger(experiment, goal.objective.limits, evaluator);
  return sensitivity_of(ledger, goal, parse_policy(spec, "test"));
}

}  // namespace

TEST_CASE("sensitivity: changes are those of replays on held-out seeds, the largest first", "[sensitivity]") {
  const Sensitivity sensitivity = around("hra(decode_ratio=0.5,safety=0.1)");
  const Experiment experiment(tight());
  ThreadEvaluator evaluator({}, 1);
  const std::string key = evaluator.add(experiment);
  REQUIRE(sensitivity.steps.size() == 4);
  std::map<std::string, double> largest;
  for (const SensitivityStep& step : sensitivity.steps) {
    REQUIRE(step.by_seed.size() == 4);
    const PolicySpec policy = parse_policy(step.policy, "test");
    for (std::size_t i = 0; i < 4; ++i) {
      const Job job{key, policy.text(), 101 + i};
      CHECK(step.by_seed[i] == evaluator.run(std::span(&job, 1))[0].summary.mean_e2e_s);
    }
    CHECK(step.change.value == relative_change(step.by_seed, sensitivity.by_seed).value);
    CHECK(step.change.low <= step.change.value);
    CHECK(step.change.value <= step.change.high);
    largest[step.parameter] = std::max(largest[step.parameter], std::abs(step.change.value));
  }
  CHECK(largest.at(sensitivity.steps.front().parameter) > largest.at(sensitivity.steps.back().parameter));
  CHECK(sensitivity.steps[0].parameter == sensitivity.steps[1].parameter);
}

TEST_CASE("sensitivity: what does not come into play changes nothing, a step that fails comes first", "[sensitivity]") {
  // Of 120 blocks 66 may be used, 1056 tokens: a prompt of 500 fits with decode_ratio=0.8, which makes it 900, and
  // never with 1.2. A cap of 1024 is never reached.
  const Sensitivity sensitivity = around(
      "compose(admit=growth,also=cap,max_outstanding=1024,safety=0.45,idle=as_others,decode_ratio=0.8,horizon=0)");
  CHECK(sensitivity.steps[0].parameter == "decode_ratio");
  CHECK(sensitivity.steps[0].failure.empty());
  CHECK(sensitivity.steps[1].to == "1.2");
  CHECK_THAT(sensitivity.steps[1].failure, Contains("stalled"));
  const auto cap = std::find_if(sensitivity.steps.begin(), sensitivity.steps.end(),
                                [](const SensitivityStep& step) { return step.parameter == "max_outstanding"; });
  REQUIRE(cap != sensitivity.steps.end());
  CHECK(cap->change.value == 0);
  CHECK(cap->change.low == 0);
  CHECK(cap->change.high == 0);
  CHECK_THAT(render(sensitivity, TableFormat::table), Contains("failed"));
  CHECK_THROWS_WITH(around("llq"), Contains("'llq' has no parameters"));
}
