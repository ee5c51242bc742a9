#include "search/bend.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "search/statistics.hpp"
#include "search/student_t.hpp"

namespace switchyard {

namespace {

constexpr int kSteps = 100;  // of a search between two loads

// How far the curve is beyond its bend, by load and seed: it bends where the mean first reaches 0.
std::vector<std::vector<double>> beyond(std::span<const double> loads, const std::vector<std::vector<double>>& by_seed,
                                        bool higher_is_better) {
  std::vector<std::vector<double>> excess = by_seed;
  for (std::size_t l = 0; l < loads.size(); ++l) {
    for (std::size_t i = 0; i < excess[l].size(); ++i) {
      excess[l][i] = higher_is_better ? by_seed[0][i] / loads[0] / kBendFactor - by_seed[l][i] / loads[l]
                                      : by_seed[l][i] - kBendFactor * by_seed[0][i];
    }
  }
  return excess;
}

double covariance(const std::vector<double>& a, const std::vector<double>& b) {  // of the means
  if (a.size() < 2) return 0;
  const double mean_a = mean_of(a), mean_b = mean_of(b);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  const auto n = static_cast<double>(a.size());
  return sum / (n - 1) / n;
}

// Between two loads the mean plus `factor` times its error: the share of the way at which it rises from below 0 to 0;
// none if it does not.
std::optional<double> crossing(const std::vector<double>& from, const std::vector<double>& to, double factor) {
  const double m0 = mean_of(from), m1 = mean_of(to) - m0;
  const double v00 = covariance(from, from), v01 = covariance(from, to) - v00;
  const double v11 = covariance(to, to) - 2 * v01 - v00;
  const auto at = [&](double share) {
    return m0 + share * m1 + factor * std::sqrt(std::max(0.0, v00 + share * (2 * v01 + share * v11)));
  };
  if (at(0) >= 0) return 0;
  if (factor == 0) return m0 + m1 >= 0 ? std::optional(-m0 / m1) : std::nullopt;
  double below = 0, above = 1;
  if (factor < 0 && at(1) < 0) {  // concave: its highest point may lie between
    double left = 0, right = 1;
    for (int i = 0; i < kSteps; ++i) {
      const double third = (right - left) / 3;
      if (at(left + third) < at(right - third)) {
        left += third;
      } else {
        right -= third;
      }
    }
    above = right;
  }
  if (at(above) < 0) return std::nullopt;
  for (int i = 0; i < kSteps; ++i) {
    const double middle = (below + above) / 2;
    (at(middle) < 0 ? below : above) = middle;
  }
  return above;
}

double first_crossing(std::span<const double> loads, const std::vector<std::vector<double>>& excess, double factor) {
  for (std::size_t l = 1; l < loads.size(); ++l) {
    if (const auto share = crossing(excess[l - 1], excess[l], factor)) {
      return loads[l - 1] + *share * (loads[l] - loads[l - 1]);
    }
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace

Interval bend_of(std::span<const double> loads, const std::vector<std::vector<double>>& by_seed,
                 bool higher_is_better) {
  Interval bend = {std::numeric_limits<double>::infinity()};
  const std::size_t n = by_seed[0].size();
  if (mean_of(by_seed[0]) > 0) {
    const std::vector<std::vector<double>> excess = beyond(loads, by_seed, higher_is_better);
    if (n >= 2) {
      const double factor = student_t_quantile(1 - kSignificance / 2, static_cast<double>(n) - 1);
      bend.low = first_crossing(loads, excess, factor);
      bend.high = first_crossing(loads, excess, -factor);
    }
    bend.value = first_crossing(loads, excess, 0);
  }
  return bend;
}

}  // namespace switchyard
