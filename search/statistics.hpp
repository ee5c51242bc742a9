// Intervals for means over seeds, and for paired differences between policies that faced the same seeds.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "results/leaderboard.hpp"

namespace switchyard {

using Interval = Spread;  // value, low and high: 95%

// Mean with Student's t interval over seeds (of no width for a single seed).
Interval mean_interval(std::span<const double> values);

// Percentile bootstrap over n seeds (Efron, Tibshirani 1993): 2000 resamples whose random numbers depend on n alone, so
// that figures of the same seeds are resampled together. `statistic` gets the seeds' indices, some of them repeated. Of
// no width for n = 1.
Interval bootstrap(std::size_t n, const std::function<double(std::span<const std::size_t>)>& statistic);

// Mean of `values` relative to that of `reference`, less 1, seed by seed paired. 0 if the mean of the reference is 0.
Interval relative_change(std::span<const double> values, std::span<const double> reference);

// The same for several policies at once: intervals that all hold together with 95% (the largest studentised deviation
// over the policies, bootstrapped; Romano, Wolf 2005). Policies equal to the reference on every seed get no width.
std::vector<Interval> simultaneous_changes(const std::vector<std::vector<double>>& policies,
                                           std::span<const double> reference);

// Relative change on held-out seeds less that on training seeds: how much of a tuned setting's gain was luck on the
// seeds that it was chosen by. The two sets of seeds are resampled independently.
Interval optimism(std::span<const double> training, std::span<const double> training_reference,
                  std::span<const double> held_out, std::span<const double> held_out_reference);

// The share of the gap from `reference` to `bound` that `values` close, seed by seed paired: 0 at the reference, 1 at
// the bound. 0 if there is no gap.
Interval gap_closed(std::span<const double> values, std::span<const double> reference, std::span<const double> bound);

// By scenario and seed: [scenario][seed].
using BySeed = std::vector<std::vector<double>>;

// Geometric mean over scenarios of (mean of values / mean of reference); seeds are resampled within each scenario.
// References are above 0, values may be 0: so is their geometric mean then.
struct Robustness {
  Interval geometric_mean;
  Interval worst;  // of the ratios: the largest, or the smallest where higher is better
};
Robustness robust_ratio(const BySeed& values, const BySeed& references, bool higher_is_better = false);

// Whether the geometric means of a's and b's ratios to the references differ: the paired interval of their difference
// excludes 0.
bool robustly_distinguishable(const BySeed& a, const BySeed& b, const BySeed& references);

// Whether the means differ: the paired interval excludes 0.
bool distinguishable(std::span<const double> values, std::span<const double> reference);

// How the intervals are made, for reports.
std::string interval_method();

}  // namespace switchyard
