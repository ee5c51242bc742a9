#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/input/csv.hpp"
#include "core/workload/dated_arrivals.hpp"
#include "core/workload/trace_lab.hpp"
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
    throw InputError(
        fmt::format("{}:{}: the header has none of the columns of a trace ({}), but {}; --trace-columns "
                    "arrived_at=NAME,num_prefill_tokens=NAME,num_decode_tokens=NAME reads others",
                    csv.file(), csv.line(), known, in_quotes(csv.header()[0])));
  }
  return *best;
}

class CsvTrace : public TraceRecords {
 public:
  CsvTrace(CsvReader csv, const TraceReading& reading) : csv_(std::move(csv)), reading_(reading) {
    if (reading.mapped()) {
      std::copy(reading_.columns.begin(), reading_.columns.end(), names_.begin());  // views of the copy
      format_ = TraceFormat::mapped;
    } else {
      const Columns& columns = closest(csv_);
      names_ = columns.names;
      format_ = columns.format;
    }
    for (std::size_t i = reading.arrivals ? 0 : 1; i < indices_.size(); ++i) indices_[i] = find(i);
    if (format_ == TraceFormat::azure) no_time_unit(reading_, csv_.file(), "its times are dates");
  }

  bool next(TraceRecord& record) override {
    if (!csv_.next()) return false;
    record = {reading_.arrivals ? arrival() : 0, csv_.integer(index(Field::prompt)),
              csv_.integer(index(Field::output))};
    return true;
  }

  InputError fail(Field field, std::string_view message) const override { return csv_.fail(index(field), message); }
  TraceFormat format() const override { return format_; }
  std::string place() const override { return fmt::format("{}:{}", csv_.file(), csv_.line()); }

 private:
  std::size_t index(Field field) const { return indices_[static_cast<std::size_t>(field)]; }

  // The column of a field. What is missing may be there under another name, or not needed.
  std::size_t find(std::size_t field) const {
    try {
      return csv_.column(names_[field]);
    } catch (const InputError& error) {
      const bool lengths = csv_.has_column(names_[1]) && csv_.has_column(names_[2]);
      throw InputError(fmt::format("{}; {}", error.what(),
                                   field == 0 && lengths ? std::string(kLengthsOnly)
                                                         : "--trace-columns arrived_at=NAME,num_prefill_tokens=NAME,"
                                                           "num_decode_tokens=NAME reads columns of other names"));
    }
  }

  double arrival() {
    const std::size_t column = index(Field::arrival);
    if (format_ == TraceFormat::azure) return dated_arrival(column);
    if (format_ == TraceFormat::mapped) {
      if (!dated_) {  // as the first row is, all are
        dated_ = parse_timestamp(csv_.text(column)).has_value();
        if (*dated_) no_time_unit(reading_, csv_.file(), "its times are dates");
      }
      if (*dated_) return dated_arrival(column);
    }
    const double seconds = in_seconds(csv_.number(column), reading_.time_unit);
    if (format_ == TraceFormat::vidur) return seconds;
    if (seconds < 0) throw csv_.fail(column, "must be a time from 0 up");
    if (!first_seconds_) first_seconds_ = seconds;
    return seconds - *first_seconds_;
  }

  double dated_arrival(std::size_t column) {
    return dates_.seconds(csv_.text(column), [&](std::string_view message) { return csv_.fail(column, message); });
  }

  CsvReader csv_;
  TraceReading reading_;
  TraceFormat format_ = TraceFormat::vidur;
  std::array<std::string_view, 3> names_;  // by Field
  std::array<std::size_t, 3> indices_{};
  std::optional<bool> dated_;  // of mapped columns
  DatedArrivals dates_;
  std::optional<double> first_seconds_;
};

}  // namespace

std::unique_ptr<TraceRecords> csv_trace(LineReader lines, const TraceReading& reading) {
  CsvReader csv(std::move(lines));
  if (!reading.mapped() && is_trace_lab_csv(csv)) return trace_lab_csv(std::move(csv), reading);
  return std::make_unique<CsvTrace>(std::move(csv), reading);
}

}  // namespace switchyard
