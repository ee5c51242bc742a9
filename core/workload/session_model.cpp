#include "core/workload/session_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/input/error.hpp"
#include "core/input/json_text.hpp"
#include "core/workload/generators.hpp"
#include "core/workload/random.hpp"
#include "core/workload/trace_file.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

constexpr double kMostModelTokens = 1e8;
constexpr double kCopiesWithin_s = 60;  // of a session, of the one that was sampled

// The numbers of a model's lists, checked one by one.
class ModelNumbers {
 public:
  ModelNumbers(const JsonFile& file, std::string pointer, const Json& list, std::size_t size, std::string_view wanted)
      : file_(file), pointer_(std::move(pointer)), list_(list), wanted_(wanted) {
    if (!list.is_array() || list.size() != size) refuse();
  }

  double real(std::size_t i, double least, double most) const {
    const Json& value = list_[i];
    if (!value.is_number() || value.get<double>() < least || value.get<double>() > most) refuse();
    return value.get<double>();
  }
  std::int32_t whole(std::size_t i, double least, double most) const {
    const double value = real(i, least, most);
    if (value != std::floor(value)) refuse();
    return static_cast<std::int32_t>(value);
  }

 private:
  [[noreturn]] void refuse() const { throw file_.fail(pointer_, fmt::format("must be {}", wanted_)); }

  const JsonFile& file_;
  std::string pointer_;
  const Json& list_;
  std::string_view wanted_;
};

const Json& member(const JsonFile& file, const std::string& key, bool good_type(const Json&), std::string_view wanted) {
  const auto found = file.root().find(key);
  if (found == file.root().end() || !good_type(*found)) {
    throw InputError(fmt::format("{}: '{}' must be {}", file.where("/" + key), key, wanted));
  }
  return *found;
}

bool is_text(const Json& json) { return json.is_string(); }
bool is_bool(const Json& json) { return json.is_boolean(); }
bool is_list(const Json& json) { return json.is_array(); }
bool is_amount(const Json& json) { return json.is_number() && json.get<double>() >= 0 && json.get<double>() <= 1e9; }
bool is_block(const Json& json) {
  return json.is_number_unsigned() && json.get<std::uint64_t>() >= 1 && json.get<std::uint64_t>() <= 1'000'000;
}

constexpr std::string_view kNamedWords[] = {"prompt", "whole_blocks_of_prompt", "whole_blocks"};

// Makes the rows of a model.
class ModelRows {
 public:
  explicit ModelRows(const SessionModel& model)
      : model_(model), random_(0, WorkloadRandom::Purpose::sessions), block_(model.hash_id_tokens) {
    made_.content.hash_id_tokens = block_;
    for (const SessionModel::Prefix& prefix : model.prefixes) {
      Runs path = prefix.parent < 0 ? Runs() : paths_[static_cast<std::size_t>(prefix.parent)];
      append(path, new_names(static_cast<std::uint32_t>(prefix.blocks)));
      paths_.push_back(std::move(path));
    }
  }

  SessionModel::Rows make() && {
    if (!model_.singles.empty()) add_singles();
    for (const SessionModel::Session& session : model_.sessions) {
      for (std::int32_t copy = 0; copy < session.weight; ++copy) add(session, copy);
    }
    sort_by_arrival(made_.rows);
    return std::move(made_);
  }

 private:
  using Run = HashIds::Run;
  using Runs = std::vector<Run>;

  Run new_names(std::uint32_t count) {
    const Run run{next_name_, count};
    next_name_ += count;
    return run;
  }
  static void append(Runs& runs, Run run) {
    if (run.count == 0) return;
    if (!runs.empty() && runs.back().first + runs.back().count == run.first) {
      runs.back().count += run.count;
    } else {
      runs.push_back(run);
    }
  }
  static std::uint32_t length(const Runs& runs) {
    std::uint32_t all = 0;
    for (const Run& run : runs) all += run.count;
    return all;
  }
  static Runs first(const Runs& runs, std::uint32_t count) {
    Runs begin;
    for (const Run& run : runs) {
      if (count == 0) break;
      begin.push_back({run.first, std::min(run.count, count)});
      count -= begin.back().count;
    }
    return begin;
  }

  std::int32_t named_tokens(const RawRequest& row) const {
    const std::int32_t all = row.num_prefill_tokens + row.num_decode_tokens;
    switch (model_.named) {
      case SessionModel::Named::prompt:
        return row.num_prefill_tokens;
      case SessionModel::Named::whole_blocks_of_prompt:
        return row.num_prefill_tokens / block_ * block_;
      case SessionModel::Named::whole_blocks:
        break;
    }
    return all / block_ * block_;
  }

  // Names a row's tokens: those of `path`, as far as there are so many, and then new ones. Returns all of them.
  Runs name(RawRequest& row, const Runs& path) {
    const std::int32_t tokens = named_tokens(row);
    const auto blocks = static_cast<std::uint32_t>((tokens + block_ - 1) / block_);
    Runs runs = first(path, blocks);
    append(runs, new_names(blocks - length(runs)));
    row.num_hashed_tokens = tokens;
    row.content = blocks == 0 ? -1 : made_.content.ids.add_named(runs);
    return runs;
  }

  void add_singles() {
    const std::vector<RawRequest> rows = TraceModel(JsonFile(model_.derived_from, model_.singles)).rows();
    // Which prefix each begins with, in an order of no meaning; -1: with none.
    std::vector<std::int32_t> prefix_of;
    for (std::size_t i = 0; i < model_.prefixes.size(); ++i) {
      prefix_of.insert(prefix_of.end(), static_cast<std::size_t>(model_.prefixes[i].singles),
                       static_cast<std::int32_t>(i));
    }
    prefix_of.resize(rows.size(), -1);
    for (std::size_t i = prefix_of.size(); i > 1; --i) std::swap(prefix_of[i - 1], prefix_of[random_.below(i)]);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      RawRequest& row = made_.rows.emplace_back(rows[i]);
      const Runs path = prefix_of[i] < 0 ? Runs() : paths_[static_cast<std::size_t>(prefix_of[i])];
      row.num_prefill_tokens += static_cast<std::int32_t>(length(path)) * block_;
      name(row, path);
      if (model_.linked) row.session = num_sessions_++;
    }
  }

  void add(const SessionModel::Session& session, std::int32_t copy) {
    const std::vector<SessionModel::Turn>& turns = session.turns;
    std::vector<double> offsets;
    for (const SessionModel::Turn& turn : turns) {
      offsets.push_back(turn.waits_for < 0 ? 0 : offsets[static_cast<std::size_t>(turn.waits_for)] + turn.after_s);
    }
    double begin = session.begins_at_s;
    if (!model_.meaning.own_clocks) {
      if (copy > 0) begin += (2 * random_.uniform() - 1) * kCopiesWithin_s;
      const double last = model_.duration_s - *std::max_element(offsets.begin(), offsets.end());
      begin = std::clamp(begin, 0.0, std::max(0.0, last));
    }
    const auto first_row = static_cast<std::int32_t>(made_.rows.size());
    std::vector<Runs> paths;
    for (std::size_t i = 0; i < turns.size(); ++i) {
      const SessionModel::Turn& turn = turns[i];
      RawRequest& row = made_.rows.emplace_back();
      row.arrived_at_s = begin + offsets[i];
      row.num_prefill_tokens = turn.prompt;
      row.num_decode_tokens = turn.output;
      if (model_.linked) {
        row.session = num_sessions_;
        if (turn.waits_for >= 0) {
          row.parent = first_row + turn.waits_for;
          row.think_s = turn.after_s;
        }
      }
      Runs path;
      if (turn.goes_on_with >= 0) {
        path = first(paths[static_cast<std::size_t>(turn.goes_on_with)], static_cast<std::uint32_t>(turn.blocks));
      } else if (session.prefix >= 0) {
        path = paths_[static_cast<std::size_t>(session.prefix)];
      }
      paths.push_back(name(row, path));
    }
    ++num_sessions_;
  }

  const SessionModel& model_;
  WorkloadRandom random_;
  std::int32_t block_;
  std::uint32_t next_name_ = 0;
  std::int32_t num_sessions_ = 0;
  std::vector<Runs> paths_;  // by prefix
  SessionModel::Rows made_;
};

}  // namespace

bool SessionModel::is_model(const JsonFile& json) {
  return json.root().is_object() && json.root().value("format", Json()) == kFormat;
}

SessionModel::SessionModel(const JsonFile& file) {
  if (!is_model(file)) {
    throw InputError(fmt::format("{}: not a session model: its 'format' must be '{}'", file.where("/format"), kFormat));
  }
  derived_from = member(file, "derived_from", is_text, "text: the file that it is of").get<std::string>();
  hash_id_tokens = member(file, "hash_id_tokens", is_block, "a whole number from 1 to 1000000").get<std::int32_t>();
  const std::string words = member(file, "named", is_text, "text").get<std::string>();
  const auto* const known = std::find(std::begin(kNamedWords), std::end(kNamedWords), words);
  if (known == std::end(kNamedWords)) {
    throw file.fail("/named", fmt::format("must be one of {}", fmt::join(kNamedWords, ", ")));
  }
  named = static_cast<Named>(known - std::begin(kNamedWords));
  linked = member(file, "linked", is_bool, "true or false").get<bool>();
  meaning.says_thinks = member(file, "says_thinks", is_bool, "true or false").get<bool>();
  meaning.own_clocks = member(file, "own_clocks", is_bool, "true or false").get<bool>();
  duration_s = member(file, "duration_s", is_amount, "a number of seconds from 0 up").get<double>();
  const Json& all_prefixes = member(file, "prefixes", is_list, "a list");
  for (std::size_t i = 0; i < all_prefixes.size(); ++i) {
    const ModelNumbers numbers(file, fmt::format("/prefixes/{}", i), all_prefixes[i], 3,
                               "[number of an earlier prefix or -1, blocks from 1 up, single requests from 0 up]");
    prefixes.push_back({.parent = numbers.whole(0, -1, static_cast<double>(i) - 1),
                        .blocks = numbers.whole(1, 1, kMostModelTokens),
                        .singles = numbers.whole(2, 0, kMostModelTokens)});
  }
  if (file.root().contains("singles") && !file.root()["singles"].is_null()) {
    singles = member_text(file.text(), "singles");
    TraceModel(JsonFile(file.name(), singles));  // says what is wrong with it
  }
  const Json& all_sessions = member(file, "sessions", is_list, "a list");
  for (std::size_t i = 0; i < all_sessions.size(); ++i) {
    const std::string pointer = fmt::format("/sessions/{}", i);
    const ModelNumbers numbers(file, pointer, all_sessions[i], 4,
                               "[weight, when it begins, number of its prefix or -1, turns]");
    Session& session = sessions.emplace_back();
    session.weight = numbers.whole(0, 1, kMostModelTokens);
    session.begins_at_s = numbers.real(1, 0, kMaxTraceSeconds);
    session.prefix = numbers.whole(2, -1, static_cast<double>(prefixes.size()) - 1);
    const Json& turns = all_sessions[i][3];
    if (!turns.is_array() || turns.empty()) throw file.fail(pointer + "/3", "must be a list of turns");
    for (std::size_t k = 0; k < turns.size(); ++k) {
      const double earlier = static_cast<double>(k) - 1;
      if (turns[k].is_array() && turns[k].size() == 4) {  // it waits for the turn before it, and goes on with that
        const ModelNumbers turn(file, fmt::format("{}/3/{}", pointer, k), turns[k], 4,
                                "[s, blocks in common, prompt, output]");
        session.turns.push_back({.waits_for = static_cast<std::int32_t>(k) - 1,
                                 .after_s = turn.real(0, 0, kMaxTraceSeconds),
                                 .goes_on_with = static_cast<std::int32_t>(k) - 1,
                                 .blocks = turn.whole(1, 0, kMostModelTokens),
                                 .prompt = turn.whole(2, 1, kMostModelTokens),
                                 .output = turn.whole(3, 1, kMostModelTokens)});
        continue;
      }
      const ModelNumbers turn(
          file, fmt::format("{}/3/{}", pointer, k), turns[k], 6,
          "[earlier turn that it waits for or -1, s, earlier turn that it goes on with or -1, blocks "
          "in common, prompt, output]");
      session.turns.push_back({.waits_for = turn.whole(0, -1, earlier),
                               .after_s = turn.real(1, 0, kMaxTraceSeconds),
                               .goes_on_with = turn.whole(2, -1, earlier),
                               .blocks = turn.whole(3, 0, kMostModelTokens),
                               .prompt = turn.whole(4, 1, kMostModelTokens),
                               .output = turn.whole(5, 1, kMostModelTokens)});
    }
  }
  if (singles.empty() && sessions.empty()) throw file.fail("/sessions", "must hold something, or 'singles'");
}

std::string SessionModel::json() const {
  std::string text = fmt::format(
      "{{\n\"format\": \"{}\",\n\"derived_from\": {},\n\"hash_id_tokens\": {},\n\"named\": \"{}\",\n\"linked\": {},\n"
      "\"says_thinks\": {},\n\"own_clocks\": {},\n\"duration_s\": {},\n\"prefixes\": [",
      kFormat, json_quoted(derived_from), hash_id_tokens, kNamedWords[static_cast<std::size_t>(named)], linked,
      meaning.says_thinks, meaning.own_clocks, duration_s);
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    const Prefix& prefix = prefixes[i];
    text += fmt::format("{}[{},{},{}]",
                        i == 0        ? ""
                        : i % 10 == 0 ? ",\n  "
                                      : ",",
                        prefix.parent, prefix.blocks, prefix.singles);
  }
  text += fmt::format("],\n\"singles\": {},\n\"sessions\": [", singles.empty() ? "null" : singles);
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    const Session& session = sessions[i];
    text += fmt::format("{}\n[{},{},{},[", i == 0 ? "" : ",", session.weight, session.begins_at_s, session.prefix);
    for (std::size_t k = 0; k < session.turns.size(); ++k) {
      const Turn& turn = session.turns[k];
      text += k == 0 ? "" : k % 8 == 0 ? ",\n  " : ",";
      const auto before = static_cast<std::int32_t>(k) - 1;
      if (turn.waits_for == before && turn.goes_on_with == before) {
        text += fmt::format("[{},{},{},{}]", turn.after_s, turn.blocks, turn.prompt, turn.output);
      } else {
        text += fmt::format("[{},{},{},{},{},{}]", turn.waits_for, turn.after_s, turn.goes_on_with, turn.blocks,
                            turn.prompt, turn.output);
      }
    }
    text += "]]";
  }
  return text + "]\n}\n";
}

SessionModel::Rows SessionModel::rows() const { return ModelRows(*this).make(); }

}  // namespace switchyard
