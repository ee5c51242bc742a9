// What a trace file does not say about itself.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard {

enum class TimeUnit : std::uint8_t { by_format, seconds, milliseconds, microseconds };

// A time of this unit (by_format: seconds) in seconds.
double in_seconds(double time, TimeUnit unit);

struct TraceReading {
  TimeUnit time_unit = TimeUnit::by_format;
  // What the file calls Vidur's arrived_at, num_prefill_tokens and num_decode_tokens. All empty: told by the format.
  std::array<std::string, 3> columns;
  bool arrivals = true;             // false: only lengths are wanted; arrivals may be missing, and are 0 in any case
  std::int32_t hash_id_tokens = 0;  // how many tokens a hash id stands for; 0: told by the format

  bool mapped() const { return !columns[0].empty(); }
  auto operator<=>(const TraceReading&) const = default;
};

// "arrived_at=ts,num_prefill_tokens=in": the columns of a TraceReading. Those that it does not map keep their names; ""
// maps none. Throws InputError that starts with `where`.
std::array<std::string, 3> parse_trace_columns(std::string_view text, std::string_view where);

}  // namespace switchyard
