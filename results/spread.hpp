// A figure with its interval, as tables and files have it.
#pragma once

#include <cmath>
#include <limits>

namespace switchyard {

// An infinite end is one that the data do not bound; if both are, there is no interval: too few seeds for one. A value
// that is no number says that the figure does not exist (a change relative to 0).
struct Spread {
  double value = std::numeric_limits<double>::quiet_NaN();
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();

  bool has_interval() const { return std::isfinite(low) || std::isfinite(high); }
  bool holds(double figure) const { return low <= figure && figure <= high; }
};

}  // namespace switchyard
