#include "search/robust_ratio.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "search/student_t.hpp"

namespace switchyard {

namespace {

constexpr double kSameLog = 1e-12;  // logarithms this close are rounding

double sum_of(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

// The part of the logarithm of the geometric mean that scenarios of the same seeds make up, by the jackknife.
struct Part {
  double squared_error = 0;
  double degrees = 0;
};

Part jackknife(const BySeed& values, const BySeed& references, const std::vector<std::size_t>& scenarios) {
  const std::size_t n = values[scenarios[0]].size();
  std::vector<double> without;  // by the seed that is left out
  for (std::size_t i = 0; i < n; ++i) {
    double logs = 0;
    for (const std::size_t s : scenarios) {
      logs += std::log((sum_of(values[s]) - values[s][i]) / (sum_of(references[s]) - references[s][i]));
    }
    without.push_back(logs / static_cast<double>(values.size()));
  }
  const auto size = static_cast<double>(n);
  const double mean = sum_of(without) / size;
  double squares = 0;
  for (const double value : without) squares += (value - mean) * (value - mean);
  return {squares * (size - 1) / size, size - 1};
}

// Of exp(log): the geometric mean over several scenarios.
Interval geometric_mean(const BySeed& values, const BySeed& references, const SeedGroups& groups) {
  double log = 0;
  std::map<std::size_t, std::vector<std::size_t>> members;
  std::size_t fewest = values[0].size();
  for (std::size_t s = 0; s < values.size(); ++s) {
    log += std::log(sum_of(values[s]) / sum_of(references[s])) / static_cast<double>(values.size());
    members[groups[s]].push_back(s);
    fewest = std::min(fewest, values[s].size());
  }
  const double mean = std::exp(log);
  if (fewest < 2 || !std::isfinite(log)) return {mean};
  double squared_error = 0, shares = 0;
  for (const auto& [group, scenarios] : members) {
    const Part part = jackknife(values, references, scenarios);
    squared_error += part.squared_error;
    shares += part.squared_error * part.squared_error / part.degrees;
  }
  if (squared_error <= kSameLog * kSameLog) {  // one same factor on every seed: a spread that nothing is known of
    const bool known = std::abs(log) <= kSameLog || sign_test(fewest) <= kSignificance;
    return known ? Interval{mean, mean, mean} : Interval{mean};
  }
  if (!std::isfinite(squared_error)) return {mean, 0};
  const double degrees = squared_error * squared_error / shares;
  const double half = student_t_quantile(1 - kSignificance / 2, degrees) * std::sqrt(squared_error);
  return {mean, std::exp(log - half), std::exp(log + half)};
}

}  // namespace

RobustRatio robust_ratio(const BySeed& values, const BySeed& references, const SeedGroups& groups,
                         bool higher_is_better) {
  RobustRatio result;
  const double alpha = kSignificance / static_cast<double>(values.size());
  for (std::size_t s = 0; s < values.size(); ++s) {
    result.ratios.push_back(ratio_of_means(values[s], references[s], alpha));
  }
  const auto worst_of = [&](double Interval::*part) {
    const auto less = [part](const Interval& a, const Interval& b) { return a.*part < b.*part; };
    return higher_is_better ? std::min_element(result.ratios.begin(), result.ratios.end(), less)
                            : std::max_element(result.ratios.begin(), result.ratios.end(), less);
  };
  const auto worst = worst_of(&Interval::value);
  result.worst_scenario = static_cast<std::size_t>(worst - result.ratios.begin());
  result.worst = {worst->value, worst_of(&Interval::low)->low, worst_of(&Interval::high)->high};
  const bool known = std::all_of(result.ratios.begin(), result.ratios.end(),
                                 [](const Interval& ratio) { return ratio.has_interval(); });
  if (!known) result.worst = {worst->value};
  result.geometric_mean = values.size() == 1 ? result.ratios[0] : geometric_mean(values, references, groups);
  return result;
}

bool robustly_distinguishable(const BySeed& a, const BySeed& b, const SeedGroups& groups) {
  double least_p = 1;
  bool zero_in_a = false, zero_in_b = false;
  for (std::size_t s = 0; s < a.size(); ++s) {
    const bool a_is_zero = sum_of(a[s]) == 0, b_is_zero = sum_of(b[s]) == 0;
    zero_in_a = zero_in_a || a_is_zero;
    zero_in_b = zero_in_b || b_is_zero;
    if (a_is_zero != b_is_zero) least_p = std::min(least_p, paired_p_value(a[s], b[s]));
  }
  if (zero_in_a && zero_in_b) return false;  // both geometric means are 0
  if (zero_in_a || zero_in_b) return least_p * static_cast<double>(a.size()) <= kSignificance;
  if (a.size() == 1) return distinguishable(a[0], b[0]);
  return !geometric_mean(a, b, groups).holds(1);
}

}  // namespace switchyard
