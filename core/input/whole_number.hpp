#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

namespace switchyard {

// The whole number that a number with a point or an exponent stands for, as 10.0 and 1e1 do for 10; nothing if it has a
// fraction, or is so large (from 2^53 on) that it may have lost its last digits.
inline std::optional<std::int64_t> whole_number(double value) {
  constexpr double kLargest = 9007199254740992.0;
  if (!(std::abs(value) < kLargest) || std::trunc(value) != value) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace switchyard
