// Where a curve over the load bends.
#pragma once

#include <span>
#include <vector>

#include "search/statistics.hpp"

namespace switchyard {

// A curve bends where its value reaches this many times that at the lowest load. Figures of which more is better are
// rates, which grow with the load as long as all is well: their curve bends where the value per unit of load has fallen
// by this factor.
inline constexpr double kBendFactor = 2;

// The load at which a curve of means over seeds first bends, between swept loads by linear interpolation; infinity if
// it does not within them, or begins at 0. `loads` rise, from above 0; values are by load and seed, the same seeds at
// all loads. The interval begins at the first load at which a paired t test, of values there and at the lowest load,
// does not tell the curve from one that has bent, and ends at the first at which it tells that it has: infinity if
// there is none.
Interval bend_of(std::span<const double> loads, const std::vector<std::vector<double>>& by_seed,
                 bool higher_is_better = false);

}  // namespace switchyard
