#include "search/importance.hpp"

#include <algorithm>
#include <cmath>

#include "policies/registry.hpp"
#include "search/forest.hpp"
#include "search/space.hpp"
#include "search/statistics.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kFewestTrials = 10;
constexpr int kSettings = 128;  // at which the space is sampled
constexpr int kPoints = 16;     // along a numeric axis

double variance_of(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(values.size());
}

// Mean predictions where parameter `p` stands at each of equally likely points, whatever the others do.
std::vector<double> marginals(const Forest& forest, const std::vector<ParamSpec>& params, std::size_t p,
                              const std::vector<ParamValues>& settings) {
  const ParamSpec& param = params[p];
  const int points = param.type == ParamType::choice ? static_cast<int>(param.choices.size()) : kPoints;
  std::vector<double> means;
  for (int point = 0; point < points; ++point) {
    // Read off unsettled, so that a parameter which matters only sometimes moves along its axis all the same.
    std::vector<ParamSpec> alone = {param};
    alone[0].active_if.clear();
    const double value = values_at(alone, std::vector<double>{(point + 0.5) / points})[0];
    std::vector<double> predictions;
    for (ParamValues setting : settings) {
      setting[p] = value;
      settle(params, setting);
      predictions.push_back(forest.predict(setting).mean);
    }
    means.push_back(mean_of(predictions));
  }
  return means;
}

}  // namespace

std::vector<std::pair<std::string, double>> parameter_importance(const std::vector<std::string>& specs,
                                                                 const std::vector<double>& values) {
  std::vector<std::pair<std::string, double>> importance;
  if (specs.size() < kFewestTrials) return importance;
  const PolicyInfo& info = *parse_policy(specs[0], "trial").info;
  if (info.params.size() < 2) return importance;
  std::vector<ParamValues> trials;
  std::vector<double> targets;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!(values[i] > 0)) return importance;
    trials.push_back(parse_policy(specs[i], "trial").values);
    settle(info.params, trials.back());
    targets.push_back(std::log(values[i]));
  }
  const Forest forest(info.params, trials, targets);
  RandomStream random(1, "importance of " + info.name);
  std::vector<ParamValues> settings;
  std::vector<double> predictions;
  for (int i = 0; i < kSettings; ++i) {
    settings.push_back(random_values(info.params, random));
    predictions.push_back(forest.predict(settings.back()).mean);
  }
  const double whole = variance_of(predictions);
  for (std::size_t p = 0; p < info.params.size(); ++p) {
    const double own = whole > 0 ? variance_of(marginals(forest, info.params, p, settings)) / whole : 0;
    importance.emplace_back(info.params[p].name, std::min(1.0, own));
  }
  return importance;
}

}  // namespace switchyard
