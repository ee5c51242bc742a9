#include "core/workload/trace_reading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/input/error.hpp"

namespace switchyard {

double in_seconds(double time, TimeUnit unit) {
  switch (unit) {
    case TimeUnit::milliseconds:
      return time / 1e3;
    case TimeUnit::microseconds:
      return time / 1e6;
    case TimeUnit::by_format:
    case TimeUnit::seconds:
      break;
  }
  return time;
}

std::array<std::string, 3> parse_trace_columns(std::string_view text, std::string_view where) {
  if (text.empty()) return {};
  const std::vector<std::string> ours = {"arrived_at", "num_prefill_tokens", "num_decode_tokens"};
  std::array<std::string, 3> columns;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view part = text.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals + 1 == part.size()) {
      throw InputError(
          fmt::format("{}: {} is not allowed; columns are written arrived_at=NAME,num_prefill_tokens=NAME,"
                      "num_decode_tokens=NAME, with the file's names",
                      where, in_quotes(part)));
    }
    const std::string name(part.substr(0, equals));
    const auto found = std::find(ours.begin(), ours.end(), name);
    if (found == ours.end()) throw unknown_name(where, "column", name, ours);
    std::string& column = columns[static_cast<std::size_t>(found - ours.begin())];
    if (!column.empty()) throw InputError(fmt::format("{}: {} is given twice", where, in_quotes(name)));
    column = part.substr(equals + 1);
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].empty()) columns[i] = ours[i];
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    for (std::size_t other = i + 1; other < columns.size(); ++other) {
      if (columns[i] != columns[other]) continue;
      throw InputError(
          fmt::format("{}: column {} cannot be both {} and {}", where, in_quotes(columns[i]), ours[i], ours[other]));
    }
  }
  return columns;
}

}  // namespace switchyard
