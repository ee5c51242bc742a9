#include "core/workload/time_unit.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/input/error.hpp"

namespace switchyard {

void TimesWithoutUnit::add(double time) {
  if (count_++ == 0) first_ = time;
  last_ = time;
  whole_ = whole_ && std::trunc(time) == time;
}

void TimesWithoutUnit::check(const std::string& file) const {
  constexpr double kShortestMeanGap = 1;         // ms
  constexpr double kLongestMeanGap = 10 * 60.0;  // s
  if (count_ < 2 || last_ == first_) return;
  const double mean_gap = (last_ - first_) / static_cast<double>(count_ - 1);
  if (has_hashes_ ? mean_gap > kShortestMeanGap : whole_ && mean_gap > kLongestMeanGap) return;
  throw InputError(fmt::format(
      "{}: the unit of its times is not clear: as milliseconds, its {} requests arrive within {:.6g} s{}; say which it "
      "is: --time-unit s, ms or us",
      file, count_, (last_ - first_) / 1000, whole_ ? "" : ", some at fractions of a millisecond"));
}

}  // namespace switchyard
