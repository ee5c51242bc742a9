#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/workload/timestamp.hpp"

namespace switchyard {

// Arrivals that a trace tells as dates.
class DatedArrivals {
 public:
  // Seconds from the date of the first row on. fail(message) makes the error about this row's.
  template <class Fail>
  double seconds(std::string_view date, Fail fail) {
    bool has_zone = false;
    const auto time = parse_timestamp(date, &has_zone);
    if (!time) throw fail("must be a time as 2023-11-16 18:17:03.9799600");
    if (!first_) {
      first_ = time;
      has_zone_ = has_zone;
    }
    if (has_zone != has_zone_) {
      throw fail(has_zone ? "has a time zone, and the first row has none: rows must not mix times with and without zone"
                          : "has no time zone, and the first row has one: rows must not mix times with and without "
                            "zone");
    }
    return static_cast<double>(*time - *first_) / kTimestampUnitsPerSecond;
  }

 private:
  std::optional<std::int64_t> first_;
  bool has_zone_ = false;
};

}  // namespace switchyard
