#include <fmt/format.h>

#include <array>
#include <optional>

#include "core/input/csv.hpp"
#include "core/workload/timestamp.hpp"
#include "core/workload/trace_records.hpp"

namespace switchyard {

namespace {

struct Columns {
  TraceFormat format;
  std::array<std::string_view, 3> names;  // by TraceRecords::Field
};

constexpr std::array<Columns, 3> kFormats = {{
    {TraceFormat::vidur, {"arrived_at", "num_prefill_tokens", "num_decode_tokens"}},
    {TraceFormat::azure, {"TIMESTAMP", "ContextTokens", "GeneratedTokens"}},
    {TraceFormat::burstgpt, {"Timestamp", "Request tokens", "Response tokens"}},
}};

// The format with most of its columns in the header; Vidur's if there is none of any.
const Columns& closest(const CsvReader& csv) {
  const auto present = [&csv](const Columns& columns) {
    int count = 0;
    for (const std::string_view name : columns.names) count += csv.has_column(name);
    return count;
  };
  const Columns* best = &kFormats[0];
  for (const Columns& columns : kFormats) {
    if (present(columns) > present(*best)) best = &columns;
  }
  if (present(*best) == 0) {
    std::string known;
    for (const Columns& columns : kFormats) {
      known +=
          fmt::format("{}{},{},{}", known.empty() ? "" : "; ", columns.names[0], columns.names[1], columns.names[2]);
    }
    throw InputError(fmt::format("{}:{}: the header has none of the columns of a trace ({}), but {}", csv.file(),
                                 csv.line(), known, in_quotes(fmt::format("{}", csv.header()[0]))));
  }
  return *best;
}

class CsvTrace : public TraceRecords {
 public:
  explicit CsvTrace(LineReader lines) : csv_(std::move(lines)), columns_(closest(csv_)) {
    for (std::size_t i = 0; i < indices_.size(); ++i) indices_[i] = csv_.column(columns_.names[i]);
  }

  bool next(TraceRecord& record) override {
    if (!csv_.next()) return false;
    record = {arrival(), csv_.integer(index(Field::prompt)), csv_.integer(index(Field::output))};
    return true;
  }

  InputError fail(Field field, std::string_view message) const override { return csv_.fail(index(field), message); }
  TraceFormat format() const override { return columns_.format; }
  std::string place() const override { return fmt::format("{}:{}", csv_.file(), csv_.line()); }

 private:
  std::size_t index(Field field) const { return indices_[static_cast<std::size_t>(field)]; }

  double arrival() {
    const std::size_t column = index(Field::arrival);
    if (columns_.format == TraceFormat::azure) {
      const auto time = parse_timestamp(csv_.text(column));
      if (!time) throw csv_.fail(column, "must be a time as 2023-11-16 18:17:03.9799600");
      if (!first_timestamp_) first_timestamp_ = time;
      return static_cast<double>(*time - *first_timestamp_) / kTimestampUnitsPerSecond;
    }
    const double seconds = csv_.number(column);
    if (columns_.format == TraceFormat::vidur) return seconds;
    if (seconds < 0) throw csv_.fail(column, "must be seconds from 0 up");
    if (!first_seconds_) first_seconds_ = seconds;
    return seconds - *first_seconds_;
  }

  CsvReader csv_;
  const Columns& columns_;
  std::array<std::size_t, 3> indices_{};
  std::optional<std::int64_t> first_timestamp_;
  std::optional<double> first_seconds_;
};

}  // namespace

std::unique_ptr<TraceRecords> csv_trace(LineReader lines) { return std::make_unique<CsvTrace>(std::move(lines)); }

}  // namespace switchyard
