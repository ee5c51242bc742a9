// Integer simulation time. One tick is a picosecond: every batch time of the reference tables is a whole number of
// them, so n equal batches take exactly n * dt, and the order of events never depends on rounding.
#pragma once

#include <cstdint>

namespace switchyard {

using Time = std::int64_t;  // ticks since the start of the run

inline constexpr Time kTicksPerSecond = 1'000'000'000'000;
inline constexpr Time kNever = INT64_MAX;

// The latest arrival that a workload may hold, in seconds (46 days). Runs may last about twice as long.
inline constexpr double kMaxArrivalSeconds = 4e6;

// Nearest tick. The caller has checked that 0 <= seconds <= kMaxArrivalSeconds.
constexpr Time ticks_from_seconds(double seconds) {
  return static_cast<Time>(seconds * static_cast<double>(kTicksPerSecond) + 0.5);
}

constexpr double seconds_from_ticks(Time ticks) {
  return static_cast<double>(ticks) / static_cast<double>(kTicksPerSecond);
}

}  // namespace switchyard
