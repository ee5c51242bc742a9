#include "core/workload/trace_lab.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/input/whole_number.hpp"
#include "core/workload/timestamp.hpp"

namespace switchyard {

namespace {

using RoundJson = nlohmann::json;

constexpr std::int64_t kMostRoundTokens = 100'000'000;

// id or session_id, input_len, output_len, round_idx, tool_wait_after_ms, prefix_len; arrival_time, ms, of the session,
// may be missing.
class TraceLabCsv final : public TraceRecords {
 public:
  TraceLabCsv(CsvReader csv, const TraceReading& reading) : csv_(std::move(csv)) {
    session_ = csv_.column(csv_.has_column("id") ? "id" : "session_id");
    input_ = csv_.column("input_len");
    output_ = csv_.column("output_len");
    round_ = csv_.column("round_idx");
    wait_ = csv_.column("tool_wait_after_ms");
    prefix_ = csv_.column("prefix_len");
    has_arrivals_ = reading.arrivals && csv_.has_column("arrival_time");
    arrival_ = has_arrivals_ ? csv_.column("arrival_time") : round_;
    no_time_unit(reading, csv_.file(), "its times are milliseconds");
  }

  bool next(TraceRecord& record) override {
    if (!csv_.next()) return false;
    const std::string_view name = csv_.text(session_);
    if (name.empty()) throw csv_.fail(session_, "must name the session");
    Session& session = sessions_[std::string(name)];
    const std::int64_t rounds = session.context.num_rounds();
    if (csv_.integer(round_) != rounds) {
      throw csv_.fail(round_, fmt::format("must be {}: the rounds of a session come in order, from 0 on", rounds));
    }
    const std::int64_t kept = count(prefix_), input = count(input_), output = count(output_);
    const double wait_ms = csv_.number(wait_);
    if (wait_ms < 0) throw csv_.fail(wait_, "must be a time from 0 up");
    record = {.num_prefill_tokens = kept + input, .num_decode_tokens = output};
    record.session = name;
    if (rounds > 0) {
      record.arrives_after_think = true;
      record.think_s = session.wait_s;
    } else if (has_arrivals_) {
      record.arrived_at_s = in_seconds(csv_.number(arrival_), TimeUnit::milliseconds);
    }
    record.num_hashed_tokens = kept + input + output;
    record.id_runs = session.context.go_on(kept, kept + input, output);
    session.wait_s = in_seconds(wait_ms, TimeUnit::milliseconds);
    return true;
  }

  InputError fail(Field field, std::string_view message) const override {
    switch (field) {
      case Field::arrival:
        return csv_.fail(arrival_, message);
      case Field::prompt:
        return csv_.fail(input_, message);
      case Field::output:
        return csv_.fail(output_, message);
      case Field::hash_ids:
      case Field::num_hashed_tokens:
        return csv_.fail(prefix_, message);
      case Field::think:
        return csv_.fail(wait_, message);
      case Field::parent:
      case Field::session:
        break;
    }
    return csv_.fail(session_, message);
  }
  TraceFormat format() const override { return TraceFormat::trace_lab_csv; }
  std::int32_t hash_id_tokens() const override { return kTraceLabBlock; }
  std::string place() const override { return fmt::format("{}:{}", csv_.file(), csv_.line()); }

 private:
  struct Session {
    SessionContext context;
    double wait_s = 0;  // after the round before
  };

  std::int64_t count(std::size_t column) const {
    const std::int64_t value = csv_.integer(column);
    if (value < 0 || value > kMostRoundTokens) {
      throw csv_.fail(column, fmt::format("must be from 0 to {} tokens", kMostRoundTokens));
    }
    return value;
  }

  CsvReader csv_;
  std::size_t session_, input_, output_, round_, wait_, prefix_, arrival_;
  bool has_arrivals_ = false;
  std::unordered_map<std::string, Session> sessions_;  // looked up, never gone through
};

// session_id, prefix_tokens, newly_append_tokens, output_tokens, timing_events; input_tokens_total is checked.
class TraceLabJson final : public TraceRecords {
 public:
  TraceLabJson(LineReader lines, const TraceReading& reading) : lines_(std::move(lines)) {
    no_time_unit(reading, lines_.file(), "its times are dates");
  }

  bool next(TraceRecord& record) override {
    do {
      if (!lines_.next()) return false;
    } while (lines_.line().find_first_not_of(" \t\r") == std::string_view::npos);
    parse();
    const std::int64_t kept = count("prefix_tokens"), input = count("newly_append_tokens");
    const std::int64_t output = count("output_tokens");
    if (round_.contains("input_tokens_total") && count("input_tokens_total") != kept + input) {
      throw about("input_tokens_total", fmt::format("must be prefix_tokens + newly_append_tokens, {}", kept + input));
    }
    if (!value("session_id").is_string()) throw about("session_id", "must be text");
    name_ = value("session_id").get<std::string>();
    if (name_.empty()) throw about("session_id", "must name the session");
    Session& session = sessions_[name_];
    const Times times = read_times();
    record = {.num_prefill_tokens = kept + input, .num_decode_tokens = output};
    record.session = name_;
    if (session.context.num_rounds() > 0) {
      record.arrives_after_think = true;
      record.think_s =
          static_cast<double>(std::max<std::int64_t>(0, times.ready - session.answered)) / kTimestampUnitsPerSecond;
    }
    record.num_hashed_tokens = kept + input + output;
    record.id_runs = session.context.go_on(kept, kept + input, output);
    session.answered = times.answered;
    return true;
  }

  InputError fail(Field field, std::string_view message) const override {
    switch (field) {
      case Field::arrival:
      case Field::think:
        return about("timing_events", message);
      case Field::prompt:
        return about("newly_append_tokens", message);
      case Field::output:
        return about("output_tokens", message);
      case Field::hash_ids:
      case Field::num_hashed_tokens:
        return about("prefix_tokens", message);
      case Field::parent:
      case Field::session:
        break;
    }
    return about("session_id", message);
  }
  TraceFormat format() const override { return TraceFormat::trace_lab; }
  std::int32_t hash_id_tokens() const override { return kTraceLabBlock; }
  std::string place() const override { return fmt::format("{}:{}", lines_.file(), lines_.number()); }

 private:
  struct Session {
    SessionContext context;
    std::int64_t answered = 0;  // when the round before was
  };
  struct Times {
    std::int64_t ready = 0;     // its input was complete
    std::int64_t answered = 0;  // the last that was seen of its answer
  };

  void parse() {
    const std::string_view line = lines_.line();
    try {
      round_ = RoundJson::parse(line.begin(), line.end());
    } catch (const RoundJson::exception& error) {
      std::string reason = error.what();  // "[json.exception...] parse error at line 1, column 2: what went wrong"
      if (const std::size_t colon = reason.find(": "); colon != std::string::npos) reason.erase(0, colon + 2);
      throw InputError(fmt::format("{}: not JSON: {}", place(), reason));
    }
    if (!round_.is_object()) throw InputError(fmt::format("{}: must be a JSON object", place()));
  }

  const RoundJson& value(const char* key) const {
    const auto found = round_.find(key);
    if (found != round_.end()) return *found;
    throw InputError(
        fmt::format("{}: the key '{}' is missing; lines of a TraceLab trace have session_id, prefix_tokens, "
                    "newly_append_tokens, output_tokens, timing_events",
                    place(), key));
  }

  std::int64_t count(const char* key) const {
    const RoundJson& found = value(key);
    std::optional<std::int64_t> whole;
    if (found.is_number()) whole = whole_number(found.get<double>());
    if (!whole || *whole < 0 || *whole > kMostRoundTokens) {
      throw about(key, fmt::format("must be a whole number from 0 to {}", kMostRoundTokens));
    }
    return *whole;
  }

  Times read_times() const {
    const RoundJson& events = value("timing_events");
    constexpr std::string_view kWanted = "must be a list of events with event_type and timestamp, at least one";
    if (!events.is_array() || events.empty()) throw about("timing_events", kWanted);
    std::optional<std::int64_t> first, ready, answered;
    for (const RoundJson& event : events) {
      if (!event.is_object()) throw about("timing_events", kWanted);
      const auto type = event.find("event_type"), at = event.find("timestamp");
      if (type == event.end() || !type->is_string() || at == event.end() || !at->is_string()) {
        throw about("timing_events", kWanted);
      }
      const auto time = parse_timestamp(at->get_ref<const std::string&>());
      if (!time) throw about("timing_events", "must have timestamps as 2026-06-01T05:40:20.151Z");
      if (!first) first = time;
      const std::string& what = type->get_ref<const std::string&>();
      if (what == "user_message" || what == "tool_result") {
        if (!answered) ready = std::max(ready.value_or(*time), *time);
      } else if (what == "reasoning" || what == "text" || what == "tool_call") {
        answered = std::max(answered.value_or(*time), *time);
      }
    }
    const std::int64_t begin = ready.value_or(*first);
    return {.ready = begin, .answered = std::max(begin, answered.value_or(begin))};
  }

  InputError about(const char* key, std::string_view message) const {
    const std::size_t at = lines_.line().find(fmt::format("\"{}\"", key));
    std::string found = round_.contains(key) ? round_.at(key).dump() : "nothing";
    if (found.size() > 40) found = found.substr(0, 40) + "...";
    return InputError(fmt::format("{}:{} '{}': {} (found {})", place(), at == std::string_view::npos ? 1 : at + 1, key,
                                  message, in_quotes(found)));
  }

  LineReader lines_;
  RoundJson round_;
  std::string name_;
  std::unordered_map<std::string, Session> sessions_;  // looked up, never gone through
};

}  // namespace

std::span<const HashIds::IdRun> SessionContext::go_on(std::int64_t kept, std::int64_t prompt, std::int64_t output) {
  ++num_rounds_;
  std::int64_t blocks = std::min({kept, prompt, num_tokens_}) / kTraceLabBlock;  // a block in part is another one
  std::size_t runs = 0;
  std::int64_t left = blocks;
  for (; left > 0; ++runs) {
    ids_[runs].count = std::min(ids_[runs].count, left);
    left -= ids_[runs].count;
  }
  ids_.resize(runs);
  num_tokens_ = prompt + output;
  const std::int64_t more = (num_tokens_ + kTraceLabBlock - 1) / kTraceLabBlock - blocks;
  if (more > 0) ids_.push_back({next_id_, more});
  next_id_ += more;
  return ids_;
}

bool is_trace_lab_json(std::string_view beginning) {
  const std::string_view line = beginning.substr(0, beginning.find('\n', beginning.find('{')));
  return line.find("\"newly_append_tokens\"") != std::string_view::npos;
}

bool is_trace_lab_csv(const CsvReader& csv) {
  constexpr std::array<std::string_view, 3> kTelling = {"prefix_len", "round_idx", "tool_wait_after_ms"};
  return std::any_of(kTelling.begin(), kTelling.end(), [&](std::string_view name) { return csv.has_column(name); });
}

std::unique_ptr<TraceRecords> trace_lab_json(LineReader lines, const TraceReading& reading) {
  return std::make_unique<TraceLabJson>(std::move(lines), reading);
}

std::unique_ptr<TraceRecords> trace_lab_csv(CsvReader csv, const TraceReading& reading) {
  return std::make_unique<TraceLabCsv>(std::move(csv), reading);
}

}  // namespace switchyard
