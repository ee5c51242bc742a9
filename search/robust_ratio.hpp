// What several scenarios say together of the ratio of one policy's figures to another's.
#pragma once

#include <vector>

#include "search/statistics.hpp"

namespace switchyard {

// By scenario and seed: [scenario][seed], at least 0. All policies ran on the same seeds of a scenario.
using BySeed = std::vector<std::vector<double>>;

// Which scenarios have the same seeds: their numbers, by scenario. What these have in common (a trace redrawn by the
// same random numbers) makes their figures hang together.
using SeedGroups = std::vector<std::size_t>;

struct RobustRatio {
  std::vector<Interval> ratios;  // of means, by scenario; they all hold together with 95% (Bonferroni)
  // Of the ratios. The largest, or smallest where higher is better, is somewhere between the largest lower and the
  // largest upper end of the ratios' intervals (smallest, where higher is better).
  Interval worst;
  std::size_t worst_scenario = 0;
  // Of the ratios; with one scenario, its ratio. The interval is of the logarithm's jackknife over seeds (Tukey 1958,
  // Miller 1974) with Student's t: a seed is left out of all scenarios of its group at once, and the errors of groups
  // add up (degrees of freedom by Welch and Satterthwaite). 0 without an interval if a mean is 0 in some scenario.
  Interval geometric_mean;
};
RobustRatio robust_ratio(const BySeed& values, const BySeed& references, const SeedGroups& groups,
                         bool higher_is_better = false);

// Whether the geometric mean of a's ratios to b is told from 1. Where only one of them has a figure of 0 in a scenario:
// whether the paired t tests there, as many as there are scenarios, tell them apart.
bool robustly_distinguishable(const BySeed& a, const BySeed& b, const SeedGroups& groups);

}  // namespace switchyard
