#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace switchyard {

inline constexpr double kTimestampUnitsPerSecond = 1e7;

// A date and time, in units of 100 ns since 1970 in UTC: "2023-11-16 18:17:03.9799600", "2024-05-12T00:00:00+00:00".
// The fraction may have any number of digits, or be missing; an offset ("Z", "+02:00") too, which then is none. Nothing
// if the text is not of this form. `has_zone` is set to whether there was an offset.
std::optional<std::int64_t> parse_timestamp(std::string_view text, bool* has_zone = nullptr);

}  // namespace switchyard
