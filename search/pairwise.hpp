// Which of several policies differ, every pair tested, and the tests corrected for how many there are.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "results/leaderboard.hpp"

namespace switchyard {

// Two-sided p-value of the paired t-test (Student 1908) that the means of `a` and `b` are the same. 1 for fewer than
// two seeds, which show nothing, and where all pairs are equal; 0 where all differ by one same amount.
double paired_p_value(std::span<const double> a, std::span<const double> b);

// p-values adjusted by the step-down method of Holm (1979), in the order given: what is at most 0.05 after it is real
// with less than a 5% chance that any one of them is not. Each at most 1.
std::vector<double> holm_adjusted(std::span<const double> p_values);

inline constexpr double kSignificance = 0.05;

struct PairedDifference {
  std::string policy, other;  // canonical specs
  Spread difference;          // mean of policy's objective less other's, paired by seed; 95% by Student's t
  Spread relative_change;     // of the same, by paired bootstrap
  double p_value = 1;         // adjusted
  bool real = false;          // p_value is at most kSignificance
};

// Every pair of these rows of the leaderboard, the better ranked one first; those that failed are left out.
std::vector<PairedDifference> paired_differences(const Leaderboard& leaderboard,
                                                 const std::vector<std::string>& policies);

// The leaderboard and, below it, the pairs. CSV holds the leaderboard alone: it is one table.
std::string render(const Leaderboard& leaderboard, const std::vector<PairedDifference>& pairs, TableFormat format,
                   const TableStyle& style = {}, bool wide = false);

std::string comparison_schema();  // of the JSON

}  // namespace switchyard
