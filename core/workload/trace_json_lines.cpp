#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "core/input/whole_number.hpp"
#include "core/workload/dated_arrivals.hpp"
#include "core/workload/time_unit.hpp"
#include "core/workload/trace_records.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

enum class Kind : std::uint8_t { number, whole, text, list, ranges, names };

struct Key {
  std::string_view name;
  Kind kind;
  std::int64_t least;  // of a whole number, or of those in a list
};

// The first ones by TraceRecords::Field. All else in a line is ignored.
constexpr std::array<Key, 19> kKeys = {{{"timestamp", Kind::number, 0},
                                        {"input_length", Kind::whole, 0},
                                        {"output_length", Kind::whole, 0},
                                        {"hash_ids", Kind::list, 0},
                                        {"num_hashed_tokens", Kind::whole, 0},
                                        {"parent_chat_id", Kind::whole, -1},
                                        {"session_id", Kind::text, 0},
                                        {"delay", Kind::number, 0},
                                        {"chat_id", Kind::whole, 0},
                                        {"turn", Kind::whole, 0},
                                        {"type", Kind::text, 0},
                                        {"id_ranges", Kind::ranges, 0},
                                        {"block_size", Kind::whole, 1},
                                        {"api_time", Kind::number, 0},
                                        {"tool_tokens", Kind::whole, 0},
                                        {"system_tokens", Kind::whole, 0},
                                        {"request_id", Kind::text, 0},
                                        {"wait_for", Kind::names, 0},
                                        {"tool_wait_ms", Kind::number, 0}}};
constexpr std::size_t kArrival = 0, kHashes = 3, kHashed = 4, kParent = 5, kSession = 6, kDelay = 7, kChat = 8,
                      kRanges = 11, kBlockSize = 12, kService = 13, kTools = 14, kSystem = 15, kRequest = 16,
                      kWaitFor = 17, kToolWait = 18;
constexpr std::array<std::size_t, 3> kLengthsAndTimes = {0, 1, 2};
constexpr std::array<std::size_t, 5> kBailian = {0, 1, 2, kChat, kParent};
constexpr std::array<std::size_t, 4> kAgentic = {0, 1, 2, kRequest};
constexpr std::array<std::size_t, 6> kAgents = {0, 1, 2, kSession, kRanges, kBlockSize};

// What the first three are called in lines that are prepared for replay.
constexpr std::array<std::string_view, 3> kVidurNames = {"arrived_at", "num_prefill_tokens", "num_decode_tokens"};

// What they are called in the sessions of agents; all else as in kKeys.
constexpr std::array<std::pair<std::size_t, std::string_view>, 5> kAgentNames = {
    {{0, "t"}, {1, "in"}, {2, "out"}, {kSession, "session"}, {kDelay, "think_time"}}};

// Other names that Dynamo's tools take for Mooncake's.
constexpr std::array<std::pair<std::size_t, std::string_view>, 4> kAliases = {
    {{0, "created_time"}, {1, "input_tokens"}, {2, "output_tokens"}, {kDelay, "delay_ms"}}};

using Names = std::array<std::string_view, kKeys.size()>;  // what a file calls them

std::string_view wanted(const Key& key) {
  switch (key.kind) {
    case Kind::number:
      return "must be a number from 0 up";
    case Kind::whole:
      return key.least < 0 ? "must be a whole number from -1 up" : "must be a whole number from 0 up";
    case Kind::text:
      return "must be text";
    case Kind::ranges:
      return "must be a list of pairs [first id, number of ids], whole numbers from 0 up";
    case Kind::names:
      return "must be a list of text";
    case Kind::list:
      break;
  }
  return "must be a list of whole numbers from 0 up";
}

// Takes what we need of one line from nlohmann's parser, without a tree of it.
class LineHandler : public nlohmann::json_sax<Json> {
 public:
  struct Value {
    bool seen = false;
    double number = 0;
    std::int64_t whole = 0;
  };
  struct Fault {
    std::optional<std::size_t> key;  // of kKeys; none: the line as a whole
    std::size_t byte = 1;
    std::string message;
    std::string found;
  };

  explicit LineHandler(const Names& names) : names_(names) {}

  const std::array<Value, kKeys.size()>& values() const { return values_; }
  const std::vector<std::int64_t>& list() const { return list_; }      // of the key that is one
  const std::vector<std::int64_t>& ranges() const { return ranges_; }  // first, number, first, number, ...
  const std::string& session() const { return session_; }
  const std::string& request() const { return request_; }
  const std::vector<std::string>& waits_for() const { return waits_for_; }
  const std::string& date() const { return date_; }  // of arrival; "": a number
  void take_aliases() { aliases_ = true; }
  void take_dates() { dates_ = true; }
  const Fault& fault() const { return fault_; }

  void start() {
    values_ = {};
    list_.clear();
    ranges_.clear();
    session_.clear();
    request_.clear();
    date_.clear();
    waits_for_.clear();
    depth_ = 0;
    key_.reset();
  }

  bool null() override { return scalar("null"); }
  bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return whole(value, fmt::format("{}", value)); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > INT64_MAX) return scalar(fmt::format("{}", value));
    return whole(static_cast<std::int64_t>(value), "");
  }
  bool number_float(number_float_t value, const string_t& text) override {
    if (here(Kind::number)) return value < 0 ? wrong(text) : take({true, value, 0});
    const auto number = whole_number(value);
    return number && (here(Kind::whole) || in_list() || in_pair()) ? whole(*number, text) : scalar(text);
  }
  bool string(string_t& value) override {
    if (in_names()) {
      waits_for_.push_back(value);
      return true;
    }
    if (dates_ && depth_ == 1 && key_ == kArrival && parse_timestamp(value)) {
      date_ = value;
      return take({true, 0, 0});
    }
    if (!here(Kind::text)) return scalar(value);
    if (key_ == kSession) session_ = value;
    if (key_ == kRequest) request_ = value;
    return take({true, 0, 0});
  }
  bool binary(binary_t&) override { return scalar("binary"); }
  bool start_object(std::size_t) override {
    const bool good = depth_ == 0 || scalar("an object");
    ++depth_;
    return good;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    const bool pair = depth_ == 2 && key_ && kKeys[*key_].kind == Kind::ranges;
    const bool good =
        here(Kind::list) || here(Kind::ranges) || here(Kind::names) ? take({true, 0, 0}) : pair || scalar("a list");
    ++depth_;
    return good;
  }
  bool end_array() override {
    const bool pair = in_pair();
    --depth_;
    return !pair || ranges_.size() % 2 == 0 || wrong("one number");
  }
  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    const auto known = std::find(names_.begin(), names_.end(), name);
    key_.reset();
    if (known != names_.end()) key_ = static_cast<std::size_t>(known - names_.begin());
    if (!key_ && aliases_) key_ = aliased(name);
    if (!key_) return true;
    if (!values_[*key_].seen) return true;
    fault_ = {key_, 1, "is there twice", name};
    return false;
  }
  bool parse_error(std::size_t byte, const std::string& token, const Json::exception& error) override {
    if (dynamic_cast<const Json::out_of_range*>(&error)) {  // the one way a parser has of that
      const bool ours = key_ && (depth_ == 1 || in_list());
      fault_ = {ours ? key_ : std::nullopt, std::max<std::size_t>(byte, 1), "is beyond what a double holds", token};
      return false;
    }
    std::string reason = error.what();  // "[json.exception...] parse error at line 1, column 2: what went wrong"
    if (const std::size_t colon = reason.find(": "); colon != std::string::npos) reason.erase(0, colon + 2);
    fault_ = {std::nullopt, std::max<std::size_t>(byte, 1), "not JSON: " + reason, ""};
    return false;
  }

 private:
  // Whether the parser is at the value of a key of this kind.
  bool here(Kind kind) const { return depth_ == 1 && key_ && kKeys[*key_].kind == kind; }
  bool in_list() const { return depth_ == 2 && key_ && kKeys[*key_].kind == Kind::list; }
  bool in_pair() const { return depth_ == 3 && key_ && kKeys[*key_].kind == Kind::ranges; }

  bool in_names() const { return depth_ == 2 && key_ && kKeys[*key_].kind == Kind::names; }
  static std::optional<std::size_t> aliased(std::string_view name) {
    for (const auto& [key, alias] : kAliases) {
      if (alias == name) return key;
    }
    return std::nullopt;
  }

  bool take(Value value) {
    values_[*key_] = value;
    return true;
  }
  bool wrong(std::string found) {
    fault_ = {key_, 1, std::string(wanted(kKeys[*key_])), std::move(found)};
    return false;
  }
  bool whole(std::int64_t value, const std::string& text) {
    if (here(Kind::number) && value >= 0) return take({true, static_cast<double>(value), value});
    if (here(Kind::whole) && value >= kKeys[*key_].least) return take({true, static_cast<double>(value), value});
    if (in_list() && value >= 0) {
      list_.push_back(value);
      return true;
    }
    if (in_pair() && value >= 0) {
      ranges_.push_back(value);
      return true;
    }
    if (here(Kind::text) && key_ == kSession) {  // a session's name may be a number
      session_ = text.empty() ? fmt::format("{}", value) : text;
      return take({true, 0, 0});
    }
    return scalar(text.empty() ? fmt::format("{}", value) : text);
  }
  // A value that no key of ours takes: fine elsewhere.
  bool scalar(std::string_view found) {
    if (depth_ == 0) {
      fault_ = {std::nullopt, 1, "must be a JSON object", std::string(found)};
      return false;
    }
    const bool in_ranges = depth_ == 2 && key_ && kKeys[*key_].kind == Kind::ranges;
    return key_ && (depth_ == 1 || in_list() || in_pair() || in_ranges || in_names()) ? wrong(std::string(found))
                                                                                      : true;
  }

  const Names& names_;
  std::array<Value, kKeys.size()> values_;
  std::vector<std::int64_t> list_, ranges_;
  std::string session_, request_, date_;
  std::vector<std::string> waits_for_;
  bool aliases_ = false, dates_ = false;
  std::optional<std::size_t> key_;  // that the value belongs to, if it is one of ours
  int depth_ = 0;
  Fault fault_;
};

class JsonLinesTrace final : public TraceRecords {
 public:
  JsonLinesTrace(LineReader lines, const TraceReading& reading) : lines_(std::move(lines)), reading_(reading) {
    for (std::size_t i = 0; i < kKeys.size(); ++i) names_[i] = kKeys[i].name;
    if (reading.mapped()) {
      std::copy(reading_.columns.begin(), reading_.columns.end(), names_.begin());  // views of the copy
      format_ = TraceFormat::mapped;
      handler_.take_dates();
    } else if (first_line_has(kVidurNames[0])) {
      std::copy(kVidurNames.begin(), kVidurNames.end(), names_.begin());
      format_ = TraceFormat::vidur;
    } else if (first_line_has("id_ranges")) {
      for (const auto& [key, name] : kAgentNames) names_[key] = name;
      format_ = TraceFormat::agents;
    } else {
      if (first_line_has("request_id")) format_ = TraceFormat::agentic_mooncake;
      handler_.take_aliases();
    }
    pending_ = read();  // the first line says which format it is
    if (pending_ && value(kChat).seen && format_ == TraceFormat::mooncake) format_ = TraceFormat::bailian;
  }

  bool next(TraceRecord& record) override {
    if (!(pending_ || read())) {
      if (times_) times_->check(lines_.file());
      return false;
    }
    pending_ = false;
    const bool agentic = format_ == TraceFormat::agentic_mooncake;
    const bool after_think =
        agentic ? !handler_.waits_for().empty() : !value(0).seen && value(kSession).seen && value(kDelay).seen;
    for (const std::size_t i : needed()) {
      if (!value(i).seen && (i != 0 || (reading_.arrivals && !after_think))) throw missing(i);
    }
    record = {.arrived_at_s = reading_.arrivals && !after_think ? arrival() : 0,
              .num_prefill_tokens = value(1).whole,
              .num_decode_tokens = value(2).whole,
              .hash_ids = handler_.list()};
    if (value(kHashed).seen) record.num_hashed_tokens = value(kHashed).whole;
    record.arrives_after_think = after_think;
    read_session(record);
    if (format_ == TraceFormat::agents) read_ranges(record);
    return true;
  }

  InputError fail(Field field, std::string_view message) const override {
    const auto i = static_cast<std::size_t>(field);
    if (i == kHashes) {
      const bool ranges = format_ == TraceFormat::agents;
      return about(ranges ? kRanges : i, message,
                   fmt::format("{} ids", ranges ? num_ids_ : std::ssize(handler_.list())));
    }
    const bool agentic = format_ == TraceFormat::agentic_mooncake;
    if (i == kSession) return about(agentic ? kRequest : i, message, agentic ? handler_.request() : handler_.session());
    if (i == kParent && agentic) {
      return about(kWaitFor, message, fmt::format("{} names", handler_.waits_for().size()));
    }
    if (i == kArrival && !handler_.date().empty()) return about(i, message, handler_.date());
    if (i == kDelay) return about(i, message, fmt::format("{}", value(i).number));
    return about(i, message, i == 0 ? fmt::format("{}", value(i).number) : fmt::format("{}", value(i).whole));
  }
  TraceFormat format() const override { return format_; }
  std::int32_t hash_id_tokens() const override { return static_cast<std::int32_t>(block_size_); }
  std::string place() const final { return fmt::format("{}:{}", lines_.file(), lines_.number()); }

 private:
  const LineHandler::Value& value(std::size_t key) const { return handler_.values()[key]; }

  // The keys that each line must have.
  std::span<const std::size_t> needed() const {
    if (format_ == TraceFormat::bailian) return kBailian;
    if (format_ == TraceFormat::agentic_mooncake) return kAgentic;
    if (format_ == TraceFormat::agents) return kAgents;
    return kLengthsAndTimes;
  }

  bool first_line_has(std::string_view key) const {
    const std::string_view text = lines_.beginning();
    const std::size_t begin = std::min(text.find('{'), text.size());
    return text.substr(begin, text.find('\n', begin) - begin).find(fmt::format("\"{}\"", key)) !=
           std::string_view::npos;
  }

  // Times are milliseconds, as the format has it. Which session a row is of follows from what it waits for.
  void read_agentic(TraceRecord& record) const {
    if (handler_.request().empty()) throw about(kRequest, "must name the request", "");
    record.request = handler_.request();
    record.waits_for = handler_.waits_for();
    if (record.waits_for.empty()) return;
    record.think_s = in_seconds(value(kDelay).number + value(kToolWait).number, milliseconds_by_format());
  }
  TimeUnit milliseconds_by_format() const {
    return reading_.time_unit == TimeUnit::by_format ? TimeUnit::milliseconds : reading_.time_unit;
  }

  void read_session(TraceRecord& record) const {
    if (format_ == TraceFormat::agentic_mooncake) return read_agentic(record);
    if (value(kSession).seen) record.session = handler_.session();
    if (value(kDelay).seen) {
      TimeUnit unit = reading_.time_unit;
      if (unit == TimeUnit::by_format && format_ == TraceFormat::mooncake) unit = TimeUnit::milliseconds;
      record.think_s = in_seconds(value(kDelay).number, unit);
    }
    if (value(kService).seen) record.service_s = value(kService).number;
    if (value(kChat).seen && value(kParent).seen) {
      record.chat = value(kChat).whole;
      record.parent = value(kParent).whole;
    }
  }

  // Ids are numbers of a session's own, from 1 up.
  void read_ranges(TraceRecord& record) {
    constexpr std::int64_t kMostIds = 10'000'000;
    ids_.clear();
    num_ids_ = 0;
    const std::vector<std::int64_t>& ranges = handler_.ranges();
    for (std::size_t i = 0; i + 1 < ranges.size(); i += 2) {
      if (ranges[i] > UINT32_MAX || ranges[i + 1] > kMostIds - num_ids_) {
        throw about(kRanges, fmt::format("must be ids up to {}, at most {} in a row", UINT32_MAX, kMostIds),
                    fmt::format("[{},{}]", ranges[i], ranges[i + 1]));
      }
      if (ranges[i + 1] > 0) ids_.push_back({ranges[i], ranges[i + 1]});
      num_ids_ += ranges[i + 1];
    }
    record.hash_ids = {};
    record.id_runs = ids_;
    const std::int64_t block = value(kBlockSize).whole;
    if (block_size_ == 0) block_size_ = block;
    if (block != block_size_) throw about(kBlockSize, "must be the same in all rows", fmt::format("{}", block));
    const std::int64_t shared = value(kTools).whole + value(kSystem).whole;
    record.num_shared_ids = static_cast<std::int32_t>(std::min<std::int64_t>(shared / block, num_ids_));
    record.shared_by = value(kTools).whole * (std::int64_t{1} << 30) + value(kSystem).whole;
  }

  // Seconds: in lines that are prepared for replay as they are, else from the first line on.
  double arrival() {
    const std::string& date = handler_.date();
    if (!dated_) {  // as the first row is, all are
      dated_ = !date.empty();
      if (*dated_) no_time_unit(reading_, lines_.file(), "its times are dates");
    }
    const double time = value(0).number;
    if (*dated_) {
      return dates_.seconds(date, [&](std::string_view message) {
        return about(kArrival, message, date.empty() ? fmt::format("{}", time) : date);
      });
    }
    if (!date.empty()) throw about(kArrival, wanted(kKeys[kArrival]), date);
    TimeUnit unit = format_ == TraceFormat::agentic_mooncake ? milliseconds_by_format() : reading_.time_unit;
    if (unit == TimeUnit::by_format && format_ == TraceFormat::mooncake) {
      if (!first_) times_.emplace(value(kHashes).seen);
      times_->add(time);
      unit = TimeUnit::milliseconds;
    }
    const double seconds = in_seconds(time, unit);
    if (format_ == TraceFormat::vidur || format_ == TraceFormat::agents) return seconds;
    if (!first_) first_ = seconds;
    return seconds - *first_;
  }

  InputError missing(std::size_t key) const {
    std::string wanted;
    for (const std::size_t i : needed()) wanted += fmt::format("{}{}", i == 0 ? "" : ", ", names_[i]);
    return InputError(fmt::format("{}: the key '{}' is missing; lines of a {} trace have {}{}", place(), names_[key],
                                  trace_format_name(format_), wanted,
                                  key == 0 && value(1).seen && value(2).seen ? fmt::format("; {}", kLengthsOnly) : ""));
  }

  InputError about(std::size_t key, std::string_view message, std::string_view found) const {
    const std::size_t at = lines_.line().find(fmt::format("\"{}\"", names_[key]));
    return InputError(fmt::format("{}:{} '{}': {} (found {})", place(), at == std::string_view::npos ? 1 : at + 1,
                                  names_[key], message, in_quotes(found)));
  }

  bool read() {
    do {
      if (!lines_.next()) return false;
    } while (lines_.line().find_first_not_of(" \t\r") == std::string_view::npos);
    handler_.start();
    const std::string_view line = lines_.line();
    if (Json::sax_parse(line.begin(), line.end(), &handler_)) return true;
    const LineHandler::Fault& fault = handler_.fault();
    if (fault.key) throw about(*fault.key, fault.message, fault.found);
    throw InputError(fmt::format("{}:{}: {}{}; each line of a JSON trace is an object with {}, {} and {}", place(),
                                 fault.byte, fault.message,
                                 fault.found.empty() ? "" : fmt::format(" (found {})", in_quotes(fault.found)),
                                 names_[0], names_[1], names_[2]));
  }

  LineReader lines_;
  TraceReading reading_;
  Names names_;
  LineHandler handler_{names_};
  bool pending_ = false;
  TraceFormat format_ = TraceFormat::mooncake;
  std::optional<double> first_;
  std::optional<bool> dated_;
  DatedArrivals dates_;
  std::optional<TimesWithoutUnit> times_;
  std::vector<HashIds::IdRun> ids_;  // of ranges
  std::int64_t num_ids_ = 0;         // in all of them
  std::int64_t block_size_ = 0;
};

}  // namespace

std::unique_ptr<TraceRecords> json_lines_trace(LineReader lines, const TraceReading& reading) {
  return std::make_unique<JsonLinesTrace>(std::move(lines), reading);
}

}  // namespace switchyard
