// Which of several policies differ, every pair tested, and the tests corrected for how many there are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/leaderboard.hpp"

namespace switchyard {

struct PairedDifference {
  std::string policy, other;  // canonical specs
  std::size_t num_seeds = 0;
  // Mean of policy's objective less other's, paired by seed, and the same relative to other's. The intervals are of the
  // paired t test at 0.05 times p-value / adjusted p-value: they are of 95% or more, and leave out 0 if, and only if,
  // the difference is real.
  Spread difference, relative_change;
  std::optional<double> p_value;  // adjusted by Holm's method; none: one seed shows nothing
  std::optional<bool> real;       // p_value is at most kSignificance
};

// Every pair of these rows of the leaderboard, the better ranked one first; those that failed are left out.
std::vector<PairedDifference> paired_differences(const Leaderboard& leaderboard,
                                                 const std::vector<std::string>& policies);

// Has the leaderboard's marks of what cannot be told apart follow the verdicts on these pairs.
void mark_ties(Leaderboard& leaderboard, const std::vector<PairedDifference>& pairs);

// The leaderboard and, below it, the pairs. CSV holds the leaderboard alone: it is one table.
std::string render(const Leaderboard& leaderboard, const std::vector<PairedDifference>& pairs, TableFormat format,
                   const TableStyle& style = {}, const MoreColumns& more = {});

std::string comparison_schema();  // of the JSON

}  // namespace switchyard
