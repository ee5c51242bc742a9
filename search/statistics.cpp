#include "search/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "policies/random_stream.hpp"

namespace switchyard {

namespace {

constexpr int kResamples = 2000;

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

Interval mean_interval(std::span<const double> values) {
  const double mean = mean_of(values);
  const auto n = static_cast<double>(values.size());
  if (values.size() < 2) return {mean, mean, mean};
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double error = std::sqrt(squares / (n - 1) / n);
  const double t = boost::math::quantile(boost::math::students_t(n - 1), 0.975);
  return {mean, mean - t * error, mean + t * error};
}

Interval relative_change(std::span<const double> values, std::span<const double> reference) {
  const double change = mean_of(values) / mean_of(reference) - 1;
  if (values.size() < 2) return {change, change, change};
  RandomStream random(values.size(), "bootstrap");
  std::vector<double> changes;
  for (int i = 0; i < kResamples; ++i) {
    double sum = 0, reference_sum = 0;
    for (std::size_t k = 0; k < values.size(); ++k) {
      const auto at = static_cast<std::size_t>(random.below(static_cast<std::int32_t>(values.size())));
      sum += values[at];
      reference_sum += reference[at];
    }
    changes.push_back(sum / reference_sum - 1);
  }
  std::sort(changes.begin(), changes.end());
  return {change, changes[kResamples * 25 / 1000], changes[kResamples * 975 / 1000 - 1]};
}

bool distinguishable(std::span<const double> values, std::span<const double> reference) {
  const Interval change = relative_change(values, reference);
  return change.low > 0 || change.high < 0;
}

std::string interval_method() {
  return "95%: means by Student's t over seeds; changes by paired percentile bootstrap over seeds, 2000 resamples";
}

}  // namespace switchyard
