#include "core/workload/fit_sessions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <unordered_map>

#include "core/input/error.hpp"
#include "core/workload/fit.hpp"
#include "core/workload/reuse.hpp"
#include "core/workload/session_draw.hpp"

namespace switchyard {

namespace {

constexpr std::int64_t kMostTurns = 1600;     // of a sample, about
constexpr std::int64_t kLeastSessions = 100;  // if there are so many
constexpr std::int64_t kMostSessions = 300;
constexpr std::int32_t kLeastSharing = 8;    // sessions that begin with a prefix for it to be one ...
constexpr double kLeastSharingShare = 0.01;  // ... and share of all
constexpr std::size_t kFewestSingles = 16;   // fewer are sessions like others

double to_milliseconds(double seconds) { return std::round(seconds * 1000) / 1000; }

class SessionFit {
 public:
  explicit SessionFit(const TraceRows& trace) : trace_(trace), rows_(trace.rows), block_(trace.content.hash_id_tokens) {
    for (const RawRequest& row : rows_) {
      names_.emplace_back();
      if (row.content < 0) continue;
      std::int64_t left = (row.num_hashed_tokens + block_ - 1) / block_;
      for (const HashIds::Run& run : trace.content.ids.runs(row.content)) {
        for (std::uint32_t k = 0; k < run.count && left > 0; ++k, --left) names_.back().push_back(run.first + k);
      }
    }
    linked_ = std::any_of(rows_.begin(), rows_.end(), [](const RawRequest& row) { return row.parent >= 0; });
  }

  SessionModel fit(const std::string& name) && {
    find_groups();
    find_prefixes();
    link();
    gather();
    SessionModel model;
    model.derived_from = name;
    model.hash_id_tokens = block_;
    model.named = named();
    model.meaning = trace_.sessions;
    model.linked = linked_;
    model.duration_s = to_milliseconds(rows_.back().arrived_at_s);
    sample(model);
    add_singles(model);
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
      model.prefixes.push_back({prefixes_[i].parent, prefixes_[i].blocks, prefixes_[i].singles});
    }
    return model;
  }

 private:
  struct Link {
    std::int32_t waits_for = -1;
    double after_s = 0;
    std::int32_t goes_on_with = -1;
    std::int32_t blocks = 0;
  };
  struct FoundPrefix {
    std::uint32_t last_name = 0;
    std::int32_t depth = 0;
    std::int32_t parent = -1;
    std::int32_t blocks = 0;
    std::int32_t singles = 0;
  };

  // Sessions as the trace links them; where it does not, each row is one to begin with.
  void find_groups() {
    group_.resize(rows_.size());
    const auto sessions = linked_ ? sessions_of(rows_) : std::vector<std::vector<std::int32_t>>();
    for (std::size_t i = 0; i < rows_.size(); ++i) group_[i] = i;
    for (const auto& session : sessions) {
      for (const std::int32_t row : session)
        group_[static_cast<std::size_t>(row)] = static_cast<std::size_t>(session[0]);
    }
  }

  // Blocks that many sessions begin with. In order of depth, so that parents come first.
  void find_prefixes() {
    std::unordered_map<std::uint32_t, std::pair<std::int64_t, std::size_t>>
        uses;  // by name: sessions, and the last one
    std::size_t num_groups = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      num_groups += group_[i] == i;
      for (const std::uint32_t name : names_[i]) {
        auto& [count, last] = uses.try_emplace(name, 0, SIZE_MAX).first->second;
        if (last != group_[i]) ++count;
        last = group_[i];
      }
    }
    const double least = std::max<double>(kLeastSharing, kLeastSharingShare * static_cast<double>(num_groups));
    popular_.resize(rows_.size());
    std::map<std::pair<std::int32_t, std::uint32_t>, std::size_t> ends;  // by depth and last name: a row that has it
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      for (const std::uint32_t name : names_[i]) {
        if (static_cast<double>(uses.at(name).first) < least) break;
        ++popular_[i];
      }
      if (popular_[i] > 0)
        ends.emplace(std::pair(popular_[i], names_[i][static_cast<std::size_t>(popular_[i]) - 1]), i);
    }
    std::map<std::uint32_t, std::int32_t> number_of;  // by last name
    for (const auto& [end, row] : ends) {
      FoundPrefix prefix{.last_name = end.second, .depth = end.first, .blocks = end.first};
      for (std::int32_t depth = end.first - 1; depth > 0; --depth) {
        const auto above = number_of.find(names_[row][static_cast<std::size_t>(depth) - 1]);
        if (above == number_of.end()) continue;
        prefix.parent = above->second;
        prefix.blocks -= depth;
        break;
      }
      number_of[end.second] = static_cast<std::int32_t>(prefixes_.size());
      prefixes_.push_back(prefix);
    }
    prefix_of_.resize(rows_.size(), -1);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (popular_[i] > 0) prefix_of_[i] = number_of.at(names_[i][static_cast<std::size_t>(popular_[i]) - 1]);
    }
  }

  // What each row goes on with: the last earlier one, of its own session if those are known, that has the most of its
  // blocks, more than the prefix that many have.
  void link() {
    links_.resize(rows_.size());
    std::unordered_map<std::uint64_t, std::size_t> last;  // by session (if known) and name: the last row that has it
    const auto key = [&](std::size_t row, std::uint32_t name) {
      return (linked_ ? static_cast<std::uint64_t>(group_[row]) : 0) << 32 | name;
    };
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      Link& link = links_[i];
      std::int32_t depth = 0;
      std::size_t with = 0;
      for (const std::uint32_t name : names_[i]) {
        const auto found = last.find(key(i, name));
        if (found == last.end()) break;
        with = found->second;
        ++depth;
      }
      if (depth > popular_[i]) {
        link.goes_on_with = static_cast<std::int32_t>(with);
        link.blocks = depth;
      }
      if (linked_) {
        link.waits_for = rows_[i].parent;
        link.after_s = rows_[i].parent >= 0 ? rows_[i].think_s : 0;
      } else if (link.goes_on_with >= 0) {
        link.waits_for = link.goes_on_with;
        link.after_s = rows_[i].arrived_at_s - rows_[with].arrived_at_s;
        group_[i] = group_[with];
      }
      for (const std::uint32_t name : names_[i]) last[key(i, name)] = i;
    }
  }

  void gather() {
    std::map<std::size_t, std::vector<std::size_t>> members;
    for (std::size_t i = 0; i < rows_.size(); ++i) members[group_[i]].push_back(i);
    for (auto& [first, rows] : members) {
      if (rows.size() == 1) {
        singles_.push_back(first);
      } else {
        several_.push_back(std::move(rows));
      }
    }
    if (singles_.size() >= kFewestSingles) return;
    for (const std::size_t row : singles_) several_.push_back({row});
    singles_.clear();
  }

  std::int64_t found_blocks(const std::vector<std::size_t>& session) const {
    std::int64_t blocks = 0;
    for (const std::size_t row : session) blocks += links_[row].blocks;
    return blocks;
  }

  // Sessions in order of what they find of themselves, in parts that find about as much each; of each part the middle
  // one stands for all. So few of the long ones stand for each other, and many of the short.
  void sample(SessionModel& model) const {
    std::vector<std::size_t> order(several_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return found_blocks(several_[a]) < found_blocks(several_[b]);
    });
    std::int64_t turns = 0;
    double all_blocks = 0;
    for (const auto& session : several_) {
      turns += std::ssize(session);
      all_blocks += static_cast<double>(found_blocks(session));
    }
    const auto all = static_cast<std::int64_t>(several_.size());
    if (all == 0) return;
    const std::int64_t parts = std::min(all, std::clamp(all * kMostTurns / turns, kLeastSessions, kMostSessions));
    // Half of a part's share is of sessions, so that those that find little are there, too.
    const double share = 2.0 / static_cast<double>(parts);
    double weight = 0;
    std::size_t begin = 0;
    for (std::size_t end = 1; end <= order.size(); ++end) {
      weight += 1 / static_cast<double>(all) +
                static_cast<double>(found_blocks(several_[order[end - 1]])) / std::max(1.0, all_blocks);
      if (weight < share && end < order.size()) continue;
      model.sessions.push_back(
          session_of(several_[order[(begin + end - 1) / 2]], static_cast<std::int32_t>(end - begin)));
      begin = end;
      weight = 0;
    }
  }

  SessionModel::Session session_of(const std::vector<std::size_t>& rows, std::int32_t weight) const {
    SessionModel::Session session{
        .weight = weight, .begins_at_s = to_milliseconds(rows_[rows[0]].arrived_at_s), .prefix = prefix_of_[rows[0]]};
    std::map<std::int32_t, std::int32_t> places = {{-1, -1}};
    for (const std::size_t row : rows) {
      places[static_cast<std::int32_t>(row)] = static_cast<std::int32_t>(session.turns.size());
      const Link& link = links_[row];
      session.turns.push_back({.waits_for = places.at(link.waits_for),
                               .after_s = to_milliseconds(link.after_s),
                               .goes_on_with = places.at(link.goes_on_with),
                               .blocks = link.blocks,
                               .prompt = rows_[row].num_prefill_tokens,
                               .output = rows_[row].num_decode_tokens});
    }
    return session;
  }

  void add_singles(SessionModel& model) {
    if (singles_.empty()) return;
    std::vector<RawRequest> rows;
    for (const std::size_t row : singles_) {
      rows.push_back(rows_[row]);
      if (prefix_of_[row] < 0) continue;
      FoundPrefix& prefix = prefixes_[static_cast<std::size_t>(prefix_of_[row])];
      ++prefix.singles;
      // What a request has beyond its prefix says as much of one tenant's as of another's.
      rows.back().num_prefill_tokens = std::max(1, rows.back().num_prefill_tokens - prefix.depth * block_);
    }
    model.singles = fit_trace_model(model.derived_from, rows);
    while (model.singles.ends_with('\n')) model.singles.pop_back();
  }

  SessionModel::Named named() const {
    bool whole = true, outputs = false;
    for (const RawRequest& row : rows_) {
      if (row.content < 0) continue;
      whole = whole && row.num_hashed_tokens % block_ == 0;
      outputs = outputs || row.num_hashed_tokens > row.num_prefill_tokens;
    }
    if (outputs) return SessionModel::Named::whole_blocks;
    return whole ? SessionModel::Named::whole_blocks_of_prompt : SessionModel::Named::prompt;
  }

  const TraceRows& trace_;
  const std::vector<RawRequest>& rows_;
  std::int32_t block_;
  bool linked_ = false;
  std::vector<std::vector<std::uint32_t>> names_;  // by row: of its blocks
  std::vector<std::size_t> group_;                 // by row: the first row of its session
  std::vector<std::int32_t> popular_;              // by row: blocks of the prefix that it begins with
  std::vector<std::int32_t> prefix_of_;            // by row; -1: none
  std::vector<FoundPrefix> prefixes_;
  std::vector<Link> links_;
  std::vector<std::size_t> singles_;
  std::vector<std::vector<std::size_t>> several_;
};

double hit_rate_at(const ReuseFigures& reuse, std::int64_t cache_tokens) {
  for (const CachedShare& share : reuse.by_cache_size) {
    if (share.cache_tokens >= cache_tokens) return share.hit_rate;
  }
  return reuse.hit_rate;
}

}  // namespace

SessionModel fit_sessions(const std::string& name, const TraceRows& trace) {
  if (trace.rows.size() < 2) throw InputError(fmt::format("{}: holds 1 request; a model needs at least 2", name));
  return SessionFit(trace).fit(name);
}

std::array<HitRates, 5> compare_hit_rates(const TraceRows& trace, const SessionModel& model) {
  const SessionModel::Rows made = model.rows();
  const auto reuse_of = [](const std::vector<RawRequest>& rows, const TraceContent& content) {
    return inspect_reuse(rows, make_workload("", rows, content).content);
  };
  const ReuseFigures real = reuse_of(trace.rows, trace.content), modelled = reuse_of(made.rows, made.content);
  std::array<HitRates, 5> rates;
  // Halved from the size at which the trace finds all that it ever will.
  std::int64_t tokens = real.by_cache_size.empty() ? real.block_tokens : real.by_cache_size.back().cache_tokens;
  for (auto rate = rates.rbegin(); rate != rates.rend(); ++rate, tokens = std::max<std::int64_t>(1, tokens / 2)) {
    *rate = {tokens, hit_rate_at(real, tokens), hit_rate_at(modelled, tokens)};
  }
  return rates;
}

std::string hit_rate_lines(const std::array<HitRates, 5>& rates) {
  std::string text = "share of prompt tokens found in one cache for all, by its size: trace, model\n";
  for (const HitRates& rate : rates) {
    text += fmt::format("{:>12} tokens  {:6.3f}  {:6.3f}\n", rate.cache_tokens, rate.trace, rate.model);
  }
  return text;
}

}  // namespace switchyard
