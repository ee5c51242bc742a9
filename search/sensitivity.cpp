#include "search/sensitivity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/input/error.hpp"
#include "search/space.hpp"

namespace switchyard {

namespace {

// Other values of one parameter, rising.
std::vector<double> steps_of(const ParamSpec& param, double value) {
  std::vector<double> values;
  if (param.type == ParamType::choice) {
    for (int choice = 0; choice <= static_cast<int>(param.high); ++choice) values.push_back(choice);
  } else {
    for (const double side : {-1.0, 1.0}) {
      const double u = std::clamp(coordinate_of(param, value) + side * kStepShare, 0.0, 1.0);
      double stepped = value_on_axis(param, u);
      if (param.type == ParamType::integer && stepped == value) stepped = value + side;
      values.push_back(std::clamp(stepped, param.low, param.high));
    }
  }
  std::erase(values, value);
  return values;
}

}  // namespace

std::vector<ParameterStep> steps_from(const PolicySpec& policy) {
  const std::vector<ParamSpec>& params = policy.info->params;
  std::vector<ParameterStep> steps;
  for (std::size_t p = 0; p < params.size(); ++p) {
    if (!is_active(params, policy.values, p)) continue;
    for (const double value : steps_of(params[p], policy.values[p])) {
      steps.push_back({p, policy});
      ParameterStep& step = steps.back();
      step.policy.values[p] = value;
      settle(params, step.policy.values);
    }
  }
  return steps;
}

Sensitivity sensitivity_of(Ledger& ledger, const Goal& goal, const PolicySpec& policy) {
  const std::vector<ParameterStep> steps = steps_from(policy);
  if (steps.empty()) throw InputError(fmt::format("sensitivity: '{}' has no parameters", policy.text()));
  const Scenario& scenario = ledger.scenario();
  const std::vector<std::uint64_t> seeds = scenario.held_out_seeds.seeds();
  const std::size_t centre = ledger.trial(policy);
  std::vector<std::size_t> trials = {centre};
  for (const ParameterStep& step : steps) trials.push_back(ledger.trial(step.policy));
  ledger.run(trials, seeds);
  if (const std::string failure = ledger.failure(centre, seeds); !failure.empty()) {
    throw InputError(fmt::format("sensitivity: '{}' fails: {}", policy.text(), failure));
  }

  Sensitivity result;
  result.scenario = scenario.name;
  result.workload = ledger.subject().workload;
  result.cost = ledger.subject().cost;
  result.goal = goal;
  result.seeds = format_seed_range(scenario.held_out_seeds);
  result.policy = policy.text();
  result.infeasible = broken_constraints(goal, mean_of(ledger.summaries(centre, seeds)));
  result.by_seed = goal.objective.by_seed(ledger.summaries(centre, seeds));
  result.value = mean_interval(result.by_seed);
  std::map<std::string, double> largest;  // change, by parameter
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto& [p, stepped] = steps[i];
    const ParamSpec& param = policy.info->params[p];
    SensitivityStep& step = result.steps.emplace_back();
    step.parameter = param.name;
    step.from = format_value(param, policy.values[p]);
    step.to = format_value(param, stepped.values[p]);
    step.policy = stepped.text();
    step.failure = ledger.failure(trials[i + 1], seeds);
    double& change = largest[step.parameter];
    if (!step.failure.empty()) {
      change = std::numeric_limits<double>::infinity();
      continue;
    }
    step.infeasible = broken_constraints(goal, mean_of(ledger.summaries(trials[i + 1], seeds)));
    step.by_seed = goal.objective.by_seed(ledger.summaries(trials[i + 1], seeds));
    step.value = mean_interval(step.by_seed).value;
    step.change = relative_change(step.by_seed, result.by_seed);
    if (std::isfinite(step.change.value)) change = std::max(change, std::abs(step.change.value));
  }
  std::stable_sort(result.steps.begin(), result.steps.end(), [&](const SensitivityStep& a, const SensitivityStep& b) {
    return largest[a.parameter] > largest[b.parameter];
  });
  return result;
}

}  // namespace switchyard
