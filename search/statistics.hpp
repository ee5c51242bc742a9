// Intervals for means over seeds, and for paired differences between policies that faced the same seeds.
#pragma once

#include <span>
#include <string>

namespace switchyard {

struct Interval {
  double value = 0;
  double low = 0;  // 95%
  double high = 0;
};

// Mean with Student's t interval over seeds (of no width for a single seed).
Interval mean_interval(std::span<const double> values);

// Mean of `values` relative to that of `reference`, less 1, seed by seed paired: percentile bootstrap over seeds with
// 2000 resamples (Efron, Tibshirani 1993), whose random numbers are fixed.
Interval relative_change(std::span<const double> values, std::span<const double> reference);

// Whether the means differ: the paired interval excludes 0.
bool distinguishable(std::span<const double> values, std::span<const double> reference);

// How the intervals are made, for reports.
std::string interval_method();

}  // namespace switchyard
