#include "core/workload/trace_file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <optional>

#include "core/input/csv.hpp"

namespace switchyard {

namespace {

constexpr std::int64_t kMostTokens = 100'000'000;

std::int32_t tokens(const CsvReader& csv, std::size_t column) {
  const std::int64_t value = csv.integer(column);
  if (value < 1 || value > kMostTokens) {
    throw csv.fail(column, fmt::format("must be from 1 to {} tokens", kMostTokens));
  }
  return static_cast<std::int32_t>(value);
}

// "2023-11-16 18:17:03.9799600", in units of 100 ns since 1970; nothing if it is not of this form.
std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  auto number = [&](std::size_t begin, std::size_t length) -> std::optional<int> {
    if (begin + length > text.size()) return std::nullopt;
    int value = 0;
    const char* end = text.data() + begin + length;
    const auto [at, fault] = std::from_chars(text.data() + begin, end, value);
    if (fault != std::errc() || at != end || value < 0) return std::nullopt;
    return value;
  };
  auto is = [&](std::size_t at, char a, char b) { return at < text.size() && (text[at] == a || text[at] == b); };
  const auto year = number(0, 4), month = number(5, 2), day = number(8, 2);
  const auto hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (!is(4, '-', '/') || !is(7, '-', '/') || !is(10, ' ', 'T') || !is(13, ':', ':') || !is(16, ':', ':')) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  std::int64_t fraction = 0;
  std::size_t at = 19;
  if (at < text.size() && text[at] == '.') {
    std::int64_t unit = 1'000'000;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
      fraction += (text[at] - '0') * unit;
    }
  }
  if (at < text.size() && text[at] == 'Z') ++at;
  if (at != text.size() && text.substr(at) != "+00:00") return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (((days * 24 + *hour) * 60 + *minute) * 60 + *second) * 10'000'000 + fraction;
}

}  // namespace

std::vector<RawRequest> read_trace(const std::filesystem::path& file) {
  CsvReader csv(file);
  const bool azure = csv.has_column("TIMESTAMP");
  const std::size_t arrival = csv.column(azure ? "TIMESTAMP" : "arrived_at");
  const std::size_t prompt = csv.column(azure ? "ContextTokens" : "num_prefill_tokens");
  const std::size_t output = csv.column(azure ? "GeneratedTokens" : "num_decode_tokens");
  std::vector<RawRequest> rows;
  std::optional<std::int64_t> first;
  while (csv.next()) {
    RawRequest row;
    if (azure) {
      const auto time = parse_timestamp(csv.text(arrival));
      if (!time) throw csv.fail(arrival, "must be a time as 2023-11-16 18:17:03.9799600");
      if (!first) first = time;
      row.arrived_at_s = static_cast<double>(*time - *first) / 1e7;
    } else {
      row.arrived_at_s = csv.number(arrival);
    }
    if (!rows.empty() && row.arrived_at_s < rows.back().arrived_at_s) {
      throw csv.fail(arrival, "must not be before the row above it: rows are sorted by arrival");
    }
    if (row.arrived_at_s < 0 || row.arrived_at_s > kMaxArrivalSeconds) {
      throw csv.fail(arrival, fmt::format("must be from 0 to {:.0f} s", kMaxArrivalSeconds));
    }
    row.num_prefill_tokens = tokens(csv, prompt);
    row.num_decode_tokens = tokens(csv, output);
    rows.push_back(row);
  }
  if (rows.empty()) throw InputError(fmt::format("{}:{}: the trace has a header but no rows", csv.file(), csv.line()));
  return rows;
}

}  // namespace switchyard
