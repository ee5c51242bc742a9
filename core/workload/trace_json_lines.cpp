#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "core/input/whole_number.hpp"
#include "core/workload/time_unit.hpp"
#include "core/workload/trace_records.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

enum class Kind : std::uint8_t { number, whole, text, list };

struct Key {
  std::string_view name;
  Kind kind;
  std::int64_t least;  // of a whole number, or of those in a list
};

// The first five by TraceRecords::Field. All else in a line is ignored.
constexpr std::array<Key, 9> kKeys = {{{"timestamp", Kind::number, 0},
                                       {"input_length", Kind::whole, 0},
                                       {"output_length", Kind::whole, 0},
                                       {"hash_ids", Kind::list, 0},
                                       {"num_hashed_tokens", Kind::whole, 0},
                                       {"chat_id", Kind::whole, 0},
                                       {"parent_chat_id", Kind::whole, -1},
                                       {"turn", Kind::whole, 0},
                                       {"type", Kind::text, 0}}};
constexpr std::size_t kHashes = 3, kHashed = 4, kChat = 5, kParent = 6;
constexpr std::array<std::size_t, 3> kLengthsAndTimes = {0, 1, 2};
constexpr std::array<std::size_t, 5> kBailian = {0, 1, 2, kChat, kParent};

// What the first three are called in lines that are prepared for replay.
constexpr std::array<std::string_view, 3> kVidurNames = {"arrived_at", "num_prefill_tokens", "num_decode_tokens"};

using Names = std::array<std::string_view, kKeys.size()>;  // what a file calls them

std::string_view wanted(const Key& key) {
  switch (key.kind) {
    case Kind::number:
      return "must be a number from 0 up";
    case Kind::whole:
      return key.least < 0 ? "must be a whole number from -1 up" : "must be a whole number from 0 up";
    case Kind::text:
      return "must be text";
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
  const std::vector<std::int64_t>& list() const { return list_; }  // of the key that is one
  const Fault& fault() const { return fault_; }

  void start() {
    values_ = {};
    list_.clear();
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
    return number && (here(Kind::whole) || in_list()) ? whole(*number, text) : scalar(text);
  }
  bool string(string_t& value) override { return here(Kind::text) ? take({true, 0, 0}) : scalar(value); }
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
    const bool good = here(Kind::list) ? take({true, 0, 0}) : scalar("a list");
    ++depth_;
    return good;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    const auto known = std::find(names_.begin(), names_.end(), name);
    key_.reset();
    if (known == names_.end()) return true;
    key_ = static_cast<std::size_t>(known - names_.begin());
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
    return scalar(text.empty() ? fmt::format("{}", value) : text);
  }
  // A value that no key of ours takes: fine elsewhere.
  bool scalar(std::string_view found) {
    if (depth_ == 0) {
      fault_ = {std::nullopt, 1, "must be a JSON object", std::string(found)};
      return false;
    }
    return key_ && (depth_ == 1 || in_list()) ? wrong(std::string(found)) : true;
  }

  const Names& names_;
  std::array<Value, kKeys.size()> values_;
  std::vector<std::int64_t> list_;
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
    } else if (first_line_has(kVidurNames[0])) {
      std::copy(kVidurNames.begin(), kVidurNames.end(), names_.begin());
      format_ = TraceFormat::vidur;
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
    for (const std::size_t i : needed()) {
      if (!value(i).seen && (i != 0 || reading_.arrivals)) throw missing(i);
    }
    record = {.arrived_at_s = reading_.arrivals ? arrival() : 0,
              .num_prefill_tokens = value(1).whole,
              .num_decode_tokens = value(2).whole,
              .hash_ids = handler_.list()};
    if (value(kHashed).seen) record.num_hashed_tokens = value(kHashed).whole;
    return true;
  }

  InputError fail(Field field, std::string_view message) const override {
    const auto i = static_cast<std::size_t>(field);
    if (i == kHashes) return about(i, message, fmt::format("{} ids", handler_.list().size()));
    return about(i, message, i == 0 ? fmt::format("{}", value(i).number) : fmt::format("{}", value(i).whole));
  }
  TraceFormat format() const override { return format_; }
  std::string place() const final { return fmt::format("{}:{}", lines_.file(), lines_.number()); }

 private:
  const LineHandler::Value& value(std::size_t key) const { return handler_.values()[key]; }

  // The keys that each line must have.
  std::span<const std::size_t> needed() const {
    if (format_ == TraceFormat::bailian) return kBailian;
    return kLengthsAndTimes;
  }

  bool first_line_has(std::string_view key) const {
    const std::string_view text = lines_.beginning();
    const std::size_t begin = std::min(text.find('{'), text.size());
    return text.substr(begin, text.find('\n', begin) - begin).find(fmt::format("\"{}\"", key)) !=
           std::string_view::npos;
  }

  // Seconds: in lines that are prepared for replay as they are, else from the first line on.
  double arrival() {
    const double time = value(0).number;
    TimeUnit unit = reading_.time_unit;
    if (unit == TimeUnit::by_format && format_ == TraceFormat::mooncake) {
      if (!first_) times_.emplace(value(kHashes).seen);
      times_->add(time);
      unit = TimeUnit::milliseconds;
    }
    const double seconds = in_seconds(time, unit);
    if (format_ == TraceFormat::vidur) return seconds;
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
  std::optional<TimesWithoutUnit> times_;
};

}  // namespace

std::unique_ptr<TraceRecords> json_lines_trace(LineReader lines, const TraceReading& reading) {
  return std::make_unique<JsonLinesTrace>(std::move(lines), reading);
}

}  // namespace switchyard
