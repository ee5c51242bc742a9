// Every interval and verdict about policies that faced the same seeds is made here, in robust_ratio.hpp (several
// scenarios) or in bend.hpp. All of them rest on Student's t over seeds, which keeps its level from three seeds on;
// what that means is measured by bench/levels. One seed gives no interval and no verdict.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "results/spread.hpp"

namespace switchyard {

using Interval = Spread;

inline constexpr double kSignificance = 0.05;  // of a verdict, and what an interval of 95% leaves out

double mean_of(std::span<const double> values);

// Mean with Student's t interval. `alpha` is what the interval leaves out, here and below.
Interval mean_interval(std::span<const double> values, double alpha = kSignificance);

// Two-sided p-value of the paired t test (Student 1908) that the means of `a` and `b` are the same. 1 for fewer than
// two seeds. Where all differences are one same amount, they have no spread that a t test could go by: then that of the
// sign test, 1 if they are 0.
double paired_p_value(std::span<const double> a, std::span<const double> b);

// Two-sided p-value of the sign test if n seeds all differ to one side.
double sign_test(std::size_t n);

// Whether the means differ: the p-value is at most kSignificance.
bool distinguishable(std::span<const double> a, std::span<const double> b);

// Mean of a - b. The interval leaves out 0 where paired_p_value is at most `alpha`, and only there.
Interval mean_difference(std::span<const double> a, std::span<const double> b, double alpha = kSignificance);

// Mean of `values` / mean of `reference`; all are at least 0. The interval (Fieller 1954) is of all ratios r for which
// the paired t test does not tell `values` from r * `reference`, so it leaves out 1 where paired_p_value is at most
// `alpha`, and only there. Where the mean of the reference is itself not told from 0, such ratios have no bound to one
// side, or to both: the end is then infinite, or 0. No value if the mean of the reference is 0, unless both are the
// same on every seed: that is a ratio of 1.
Interval ratio_of_means(std::span<const double> values, std::span<const double> reference,
                        double alpha = kSignificance);

// The same less 1.
Interval relative_change(std::span<const double> values, std::span<const double> reference,
                         double alpha = kSignificance);

// The same for several policies at once: intervals that all hold together with 95%, by Bonferroni's inequality over the
// policies that are not the same as the reference on every seed.
std::vector<Interval> simultaneous_changes(const std::vector<std::vector<double>>& policies,
                                           std::span<const double> reference);

// Relative change on held-out seeds less that on training seeds: how much of a tuned setting's gain was luck on the
// seeds that it was chosen by. The interval is made of both changes' own ones (Zou, Donner 2008), as the two sets of
// seeds are independent, with the degrees of freedom of Welch and Satterthwaite.
Interval optimism(std::span<const double> training, std::span<const double> training_reference,
                  std::span<const double> held_out, std::span<const double> held_out_reference);

// The share of the gap from `reference` to `bound` that `values` close: 0 at the reference, 1 at the bound. The
// interval is Fieller's. No value if there is no gap.
Interval gap_closed(std::span<const double> values, std::span<const double> reference, std::span<const double> bound);

// p-values adjusted by the step-down method of Holm (1979), in the order given: what is at most 0.05 after it is real
// with less than a 5% chance that any one of them is not. Each at most 1.
std::vector<double> holm_adjusted(std::span<const double> p_values);

// For reports: how intervals over this many seeds are made (", ..." adds to it), and what is wrong with them if there
// are too few.
std::string interval_method(std::size_t num_seeds, const std::string& others = "");
// "" from three seeds on; a sentence without its full stop before.
std::string few_seeds_warning(std::size_t num_seeds);

}  // namespace switchyard
