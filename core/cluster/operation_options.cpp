#include "core/cluster/operation_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

std::string in_seconds(Time time) { return fmt::format("{} s", seconds_from_ticks(time)); }

class EventReader {
 public:
  EventReader(const std::string& text, std::string_view where) : text_(text), where_(where), words_(text) {}

  bool next(std::string& word) { return static_cast<bool>(words_ >> word); }
  std::string want(const char* what) {
    std::string word;
    if (!next(word)) refuse("it ends where " + std::string(what) + " is wanted");
    return word;
  }
  void want_word(const char* wanted) {
    const std::string word = want(wanted);
    if (word != wanted) refuse(fmt::format("'{}' stands where '{}' is wanted", word, wanted));
  }
  double seconds(const char* what) {
    const std::string word = want(what);
    double value = 0;
    std::size_t used = 0;
    try {
      value = std::stod(word, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used != word.size() || !(value >= 0 && value <= 4e6)) {
      refuse(fmt::format("'{}' is no time from 0 to 4000000 s", word));
    }
    return value;
  }
  std::int32_t replica() {
    const std::string word = want("the number of a replica");
    if (word.empty() || word.size() > 6 || word.find_first_not_of("0123456789") != std::string::npos) {
      refuse(fmt::format("'{}' is no number of a replica", word));
    }
    return std::stoi(word);
  }
  [[noreturn]] void refuse(const std::string& why) const {
    throw InputError(
        fmt::format("{}: '{}' is not allowed: {}; 'fail REPLICA at S for S, drain REPLICA at S, join "
                    "REPLICA at S' is wanted",
                    where_, text_, why));
  }

 private:
  const std::string& text_;
  std::string_view where_;
  std::istringstream words_;
};

}  // namespace

std::vector<ReplicaEvent> parse_replica_events(const std::string& text, std::string_view where) {
  std::string spaced;
  for (const char c : text) spaced += c == ',' ? std::string(" , ") : std::string(1, c);
  EventReader reader(spaced, where);
  std::vector<ReplicaEvent> events;
  std::string word;
  while (reader.next(word)) {
    if (!events.empty()) {
      if (word == "for" && events.back().kind == ReplicaEvent::Kind::fail && events.back().lasts == kNever) {
        events.back().lasts = ticks_from_seconds(reader.seconds("a time"));
        continue;
      }
      if (word != ",") reader.refuse(fmt::format("'{}' stands where a comma is wanted", word));
      word = reader.want("an event");
    }
    ReplicaEvent event;
    if (word == "drain") {
      event.kind = ReplicaEvent::Kind::drain;
    } else if (word == "join") {
      event.kind = ReplicaEvent::Kind::join;
    } else if (word != "fail") {
      throw unknown_name(where, "event", word, std::vector<std::string>{"fail", "drain", "join"});
    }
    event.replica = reader.replica();
    reader.want_word("at");
    event.at = ticks_from_seconds(reader.seconds("a time"));
    events.push_back(event);
  }
  return events;
}

std::string operations_text(const OperationOptions& operations) {
  if (operations.are_none()) return "";
  std::vector<std::string> parts;
  if (operations.initial_replicas > 0)
    parts.push_back(fmt::format("{} replicas at first", operations.initial_replicas));
  for (const ReplicaEvent& event : operations.events) {
    const char* kind = event.kind == ReplicaEvent::Kind::fail    ? "fails"
                       : event.kind == ReplicaEvent::Kind::drain ? "drains"
                                                                 : "joins";
    parts.push_back(fmt::format("replica {} {} at {}", event.replica, kind, in_seconds(event.at)));
    if (event.lasts != kNever) parts.back() += " for " + in_seconds(event.lasts);
  }
  if (operations.mean_time_to_failure > 0) {
    parts.push_back(fmt::format("each fails after {} in the mean, and is back after {}",
                                in_seconds(operations.mean_time_to_failure),
                                in_seconds(operations.mean_time_to_repair)));
  }
  if (operations.autoscales()) {
    parts.push_back(fmt::format("one more when more than {} wait for each for {}", operations.scale_above,
                                in_seconds(operations.scale_after)));
    if (operations.scale_idle > 0) parts.push_back("one fewer when idle for " + in_seconds(operations.scale_idle));
  }
  if (operations.detection > 0) parts.push_back("failures are noticed after " + in_seconds(operations.detection));
  if (operations.start_up > 0) parts.push_back("starting up takes " + in_seconds(operations.start_up));
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

}  // namespace switchyard
