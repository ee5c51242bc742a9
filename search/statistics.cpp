#include "search/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstdint>

#include "policies/random_stream.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kResamples = 2000;

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double sum_at(std::span<const double> values, std::span<const std::size_t> at) {
  double sum = 0;
  for (const std::size_t i : at) sum += values[i];
  return sum;
}

double change(double value, double reference) { return reference == 0 ? 0 : value / reference - 1; }

// The resamples of n seeds, one after another.
class Resamples {
 public:
  explicit Resamples(std::size_t n, std::string_view stream = "bootstrap") : at_(n), random_(n, stream) {}
  std::span<const std::size_t> next() {
    for (std::size_t& i : at_) i = static_cast<std::size_t>(random_.below(static_cast<std::int32_t>(at_.size())));
    return at_;
  }

 private:
  std::vector<std::size_t> at_;
  RandomStream random_;
};

Interval percentiles(double value, std::vector<double>& resampled) {
  std::sort(resampled.begin(), resampled.end());
  return {value, resampled[kResamples * 25 / 1000], resampled[kResamples * 975 / 1000 - 1]};
}

std::vector<std::size_t> all_of(std::size_t n) {
  std::vector<std::size_t> at(n);
  for (std::size_t i = 0; i < n; ++i) at[i] = i;
  return at;
}

using ResampledSeeds = std::vector<std::span<const std::size_t>>;  // by scenario

// Figures of several scenarios with their intervals: seeds are resampled within each scenario, the same ones for all
// that have as many. Of no width if a scenario has a single seed.
std::vector<Interval> bootstrap_scenarios(const BySeed& like,
                                          const std::function<std::vector<double>(const ResampledSeeds&)>& figures_at) {
  std::vector<std::vector<std::size_t>> all;
  std::vector<Resamples> resamples;
  bool single = false;
  for (std::size_t s = 0; s < like.size(); ++s) {
    all.push_back(all_of(like[s].size()));
    resamples.emplace_back(like[s].size(), "scenario " + std::to_string(s));
    single = single || like[s].size() < 2;
  }
  std::vector<Interval> figures;
  for (const double value : figures_at({all.begin(), all.end()})) figures.push_back({value, value, value});
  if (single) return figures;
  std::vector<std::vector<double>> resampled(figures.size());
  ResampledSeeds at(like.size());
  for (std::size_t i = 0; i < kResamples; ++i) {
    for (std::size_t s = 0; s < like.size(); ++s) at[s] = resamples[s].next();
    const std::vector<double> values = figures_at(at);
    for (std::size_t f = 0; f < values.size(); ++f) resampled[f].push_back(values[f]);
  }
  for (std::size_t f = 0; f < figures.size(); ++f) figures[f] = percentiles(figures[f].value, resampled[f]);
  return figures;
}

std::vector<double> ratios_at(const BySeed& values, const BySeed& references, const ResampledSeeds& at) {
  std::vector<double> ratios;
  for (std::size_t s = 0; s < values.size(); ++s) {
    ratios.push_back(1 + change(sum_at(values[s], at[s]), sum_at(references[s], at[s])));
  }
  return ratios;
}

double geometric_mean(const std::vector<double>& values) {
  double logs = 0;
  for (const double value : values) logs += std::log(value);  // of 0: -infinity, and the mean is 0
  return std::exp(logs / static_cast<double>(values.size()));
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

Interval bootstrap(std::size_t n, const std::function<double(std::span<const std::size_t>)>& statistic) {
  const double value = statistic(all_of(n));
  if (n < 2) return {value, value, value};
  Resamples resamples(n);
  std::vector<double> resampled;
  for (std::size_t i = 0; i < kResamples; ++i) resampled.push_back(statistic(resamples.next()));
  return percentiles(value, resampled);
}

Interval relative_change(std::span<const double> values, std::span<const double> reference) {
  return bootstrap(values.size(), [&](auto at) { return change(sum_at(values, at), sum_at(reference, at)); });
}

std::vector<Interval> simultaneous_changes(const std::vector<std::vector<double>>& policies,
                                           std::span<const double> reference) {
  const std::size_t n = reference.size();
  std::vector<Interval> intervals;
  for (const std::vector<double>& values : policies) {
    const double value = change(mean_of(values), mean_of(reference));
    intervals.push_back({value, value, value});
  }
  if (n < 2) return intervals;
  std::vector<std::vector<double>> resampled(policies.size());
  Resamples resamples(n);
  for (std::size_t i = 0; i < kResamples; ++i) {
    const auto at = resamples.next();
    const double reference_sum = sum_at(reference, at);
    for (std::size_t p = 0; p < policies.size(); ++p) {
      resampled[p].push_back(change(sum_at(policies[p], at), reference_sum));
    }
  }
  std::vector<double> errors(policies.size(), 0), largest(kResamples, 0);
  for (std::size_t p = 0; p < policies.size(); ++p) {
    double squares = 0;
    for (const double value : resampled[p]) squares += (value - intervals[p].value) * (value - intervals[p].value);
    errors[p] = std::sqrt(squares / kResamples);
    if (errors[p] == 0) continue;
    for (std::size_t i = 0; i < kResamples; ++i) {
      largest[i] = std::max(largest[i], std::abs(resampled[p][i] - intervals[p].value) / errors[p]);
    }
  }
  std::sort(largest.begin(), largest.end());
  const double width = largest[kResamples * 95 / 100 - 1];
  for (std::size_t p = 0; p < policies.size(); ++p) {
    intervals[p].low = intervals[p].value - width * errors[p];
    intervals[p].high = intervals[p].value + width * errors[p];
  }
  return intervals;
}

Interval optimism(std::span<const double> training, std::span<const double> training_reference,
                  std::span<const double> held_out, std::span<const double> held_out_reference) {
  const double value =
      change(mean_of(held_out), mean_of(held_out_reference)) - change(mean_of(training), mean_of(training_reference));
  if (training.size() < 2 || held_out.size() < 2) return {value, value, value};
  Resamples of_training(training.size(), "training"), of_held_out(held_out.size());
  std::vector<double> resampled;
  for (std::size_t i = 0; i < kResamples; ++i) {
    const auto t = of_training.next();
    const auto h = of_held_out.next();
    resampled.push_back(change(sum_at(held_out, h), sum_at(held_out_reference, h)) -
                        change(sum_at(training, t), sum_at(training_reference, t)));
  }
  return percentiles(value, resampled);
}

Interval gap_closed(std::span<const double> values, std::span<const double> reference, std::span<const double> bound) {
  return bootstrap(values.size(), [&](auto at) {
    const double from = sum_at(reference, at);
    const double gap = from - sum_at(bound, at);
    return gap == 0 ? 0 : (from - sum_at(values, at)) / gap;
  });
}

Robustness robust_ratio(const BySeed& values, const BySeed& references, bool higher_is_better) {
  const std::vector<Interval> figures = bootstrap_scenarios(references, [&](const ResampledSeeds& at) {
    const std::vector<double> ratios = ratios_at(values, references, at);
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    return std::vector{geometric_mean(ratios), higher_is_better ? *least : *most};
  });
  return {figures[0], figures[1]};
}

bool robustly_distinguishable(const BySeed& a, const BySeed& b, const BySeed& references) {
  const std::vector<Interval> difference = bootstrap_scenarios(references, [&](const ResampledSeeds& at) {
    return std::vector{geometric_mean(ratios_at(a, references, at)) - geometric_mean(ratios_at(b, references, at))};
  });
  return difference[0].low > 0 || difference[0].high < 0;
}

bool distinguishable(std::span<const double> values, std::span<const double> reference) {
  const Interval interval = relative_change(values, reference);
  return interval.low > 0 || interval.high < 0;
}

std::string interval_method() {
  return "95%: means by Student's t over seeds; changes by paired percentile bootstrap over seeds, 2000 resamples";
}

}  // namespace switchyard
