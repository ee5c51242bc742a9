#include "search/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "search/student_t.hpp"

namespace switchyard {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSame = 1e-12;  // differences this small beside the figures are rounding

bool same(std::span<const double> a, std::span<const double> b) { return std::equal(a.begin(), a.end(), b.begin()); }

std::vector<double> differences(std::span<const double> a, std::span<const double> b) {
  std::vector<double> values;
  for (std::size_t i = 0; i < a.size(); ++i) values.push_back(a[i] - b[i]);
  return values;
}

double largest(std::span<const double> values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

// Of the mean's, squared.
double squared_error(std::span<const double> a, std::span<const double> b) {
  const double mean_a = mean_of(a), mean_b = mean_of(b);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  const auto n = static_cast<double>(a.size());
  return sum / (n - 1) / n;
}

double t_factor(std::size_t n, double alpha) { return student_t_quantile(1 - alpha / 2, static_cast<double>(n) - 1); }

// All a - b are the same, but for rounding.
bool one_same_amount(std::span<const double> a, std::span<const double> b) {
  const std::vector<double> values = differences(a, b);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return *most - *least <= kSame * std::max(largest(a), largest(b));
}

// Where a t test has no spread to go by and the sign test is not enough, there is no interval.
bool spread_is_unknown(std::span<const double> a, std::span<const double> b, double alpha) {
  return a.size() < 2 || (!same(a, b) && one_same_amount(a, b) && paired_p_value(a, b) > alpha);
}

// What is left of `a` at each seed beyond its share of `b`.
std::vector<double> residuals(std::span<const double> a, std::span<const double> b) {
  const double ratio = mean_of(a) / mean_of(b);
  std::vector<double> rest;
  for (std::size_t i = 0; i < a.size(); ++i) rest.push_back(a[i] - ratio * b[i]);
  return rest;
}

// Fieller's interval of mean(a) / mean(b), the latter above 0: all ratio + u such that the paired t statistic of a and
// (ratio + u) * b is at most `t`, which is a quadratic inequality. Its solutions lie to both sides of 0 if mean(b) is
// told from 0; otherwise they go on to infinity on one side or on both. (Those that begin again beyond the ones near 0
// belong to a mean of b below 0.)
Interval fieller(std::span<const double> a, std::span<const double> b, double t) {
  const double mean_b = mean_of(b), ratio = mean_of(a) / mean_b;
  const double squared = t * t;
  const std::vector<double> rest = residuals(a, b);
  const double of_b = squared * squared_error(b, b);
  const double both = squared * squared_error(rest, b);
  const double of_rest = squared * squared_error(rest, rest);
  const double leading = mean_b * mean_b - of_b;  // leading * u^2 + 2 * both * u - of_rest <= 0
  const double discriminant = both * both + leading * of_rest;
  if (leading <= 0 && discriminant <= 0) return {ratio};
  const double sum = std::sqrt(std::max(0.0, discriminant)) + std::abs(both);  // not a difference: nothing cancels
  const double near = sum > 0 ? of_rest / sum : 0, far = leading > 0 ? sum / leading : kInfinity;
  return both > 0 ? Interval{ratio, ratio - far, ratio + near} : Interval{ratio, ratio - near, ratio + far};
}

}  // namespace

Interval mean_interval(std::span<const double> values, double alpha) {
  const double mean = mean_of(values);
  if (values.size() < 2) return {mean};
  const double half = t_factor(values.size(), alpha) * std::sqrt(squared_error(values, values));
  return {mean, mean - half, mean + half};
}

double paired_p_value(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 2 || same(a, b)) return 1;
  const std::vector<double> values = differences(a, b);
  const double mean = mean_of(values);
  if (one_same_amount(a, b)) {
    return std::abs(mean) <= kSame * std::max(largest(a), largest(b)) ? 1 : sign_test(a.size());
  }
  return student_t_two_sided(mean / std::sqrt(squared_error(values, values)), static_cast<double>(a.size()) - 1);
}

double sign_test(std::size_t n) { return std::min(1.0, std::ldexp(2.0, -static_cast<int>(n))); }

bool distinguishable(std::span<const double> a, std::span<const double> b) {
  return paired_p_value(a, b) <= kSignificance;
}

Interval mean_difference(std::span<const double> a, std::span<const double> b, double alpha) {
  const std::vector<double> values = differences(a, b);
  if (spread_is_unknown(a, b, alpha)) return {mean_of(values)};
  return mean_interval(values, alpha);
}

Interval ratio_of_means(std::span<const double> values, std::span<const double> reference, double alpha) {
  const bool equal = same(values, reference);
  const double ratio = equal ? 1 : mean_of(values) / mean_of(reference);
  if (!std::isfinite(ratio)) return {};
  if (spread_is_unknown(values, reference, alpha)) return {ratio};
  if (equal) return {1, 1, 1};
  Interval interval = fieller(values, reference, t_factor(values.size(), alpha));
  // A branch of the solutions that the estimate is not on may hold 1: then the test at 1 shows nothing.
  const bool told_apart = paired_p_value(values, reference) <= alpha;
  if (!told_apart && !interval.holds(1)) interval = {ratio};
  interval.low = std::max(0.0, interval.low);
  return interval;
}

Interval relative_change(std::span<const double> values, std::span<const double> reference, double alpha) {
  const Interval ratio = ratio_of_means(values, reference, alpha);
  return {ratio.value - 1, ratio.low - 1, ratio.high - 1};
}

std::vector<Interval> simultaneous_changes(const std::vector<std::vector<double>>& policies,
                                           std::span<const double> reference) {
  const auto others = std::count_if(policies.begin(), policies.end(),
                                    [&](const std::vector<double>& values) { return !same(values, reference); });
  std::vector<Interval> intervals;
  for (const std::vector<double>& values : policies) {
    intervals.push_back(
        relative_change(values, reference, kSignificance / static_cast<double>(std::max<long>(1, others))));
  }
  return intervals;
}

Interval optimism(std::span<const double> training, std::span<const double> training_reference,
                  std::span<const double> held_out, std::span<const double> held_out_reference) {
  const double before = mean_of(training) / mean_of(training_reference);
  const double after = mean_of(held_out) / mean_of(held_out_reference);
  const double value = after - before;
  if (!std::isfinite(value)) return {};
  const bool known = !spread_is_unknown(training, training_reference, kSignificance) &&
                     !spread_is_unknown(held_out, held_out_reference, kSignificance);
  if (!known) return {value};
  const auto squared = [](std::span<const double> a, std::span<const double> b) {
    const std::vector<double> rest = residuals(a, b);
    return squared_error(rest, rest) / (mean_of(b) * mean_of(b));
  };
  const double of_before = squared(training, training_reference), of_after = squared(held_out, held_out_reference);
  const double both = of_before + of_after;
  if (both == 0) return {value, value, value};
  const double degrees = both * both /
                         (of_before * of_before / (static_cast<double>(training.size()) - 1) +
                          of_after * of_after / (static_cast<double>(held_out.size()) - 1));
  const double t = student_t_quantile(1 - kSignificance / 2, degrees);
  const Interval b = fieller(training, training_reference, t), a = fieller(held_out, held_out_reference, t);
  return {value, value - std::hypot(a.value - a.low, b.high - b.value),
          value + std::hypot(a.high - a.value, b.value - b.low)};
}

Interval gap_closed(std::span<const double> values, std::span<const double> reference, std::span<const double> bound) {
  const std::vector<double> closed = differences(reference, values), gap = differences(reference, bound);
  const double share = mean_of(closed) / mean_of(gap);
  if (!(mean_of(gap) > 0)) return {};
  if (values.size() < 2) return {share};
  if (same(values, reference)) return {0, 0, 0};
  return fieller(closed, gap, t_factor(values.size(), kSignificance));
}

std::vector<double> holm_adjusted(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double largest_yet = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    largest_yet = std::max(largest_yet, std::min(1.0, static_cast<double>(order.size() - i) * p_values[order[i]]));
    adjusted[order[i]] = largest_yet;
  }
  return adjusted;
}

std::string few_seeds_warning(std::size_t num_seeds) {
  if (num_seeds == 1) return "One seed shows no spread: no intervals, and no verdicts (-); three seeds are the fewest";
  if (num_seeds == 2) return "Warning: two seeds tell almost nothing, and verdicts are only reliable from three on";
  return "";
}

std::string interval_method(std::size_t num_seeds, const std::string& others) {
  const std::string warning = few_seeds_warning(num_seeds);
  return "95%: means by Student's t over seeds, changes by the paired t test (Fieller)" + others +
         (warning.empty() ? "" : ". " + warning);
}

}  // namespace switchyard
