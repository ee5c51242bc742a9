#include "core/workload/workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

// Gives requests the names of their blocks, and copies new ones where the original has them to itself. What is copied
// is a session with all of its turns, or a row of none.
class ContentMaker {
 public:
  ContentMaker(const TraceContent& trace, const std::vector<RawRequest>& rows)
      : ids_(trace.ids), content_(trace.hash_id_tokens), next_name_(trace.ids.num_names()), group_of_(ids_.num_rows()) {
    content_.reserve(rows.size());
    std::iota(group_of_.begin(), group_of_.end(), 0);
    std::unordered_map<std::int32_t, std::size_t> group_of_session;  // looked up, never gone through
    for (const RawRequest& row : rows) {
      if (row.content < 0 || row.session < 0) continue;
      std::size_t& own = group_of_[static_cast<std::size_t>(row.content)];
      own = group_of_session.try_emplace(row.session, own).first->second;
    }
    first_user_.assign(ids_.num_rows(), kNobody);
  }

  void add(const RawRequest& row) {
    if (row.content < 0) {
      content_.add({}, 0);
      return;
    }
    const std::size_t group = group_of_[static_cast<std::size_t>(row.content)];
    // Each row without a session is a copy of its own.
    const std::int64_t user = row.session >= 0 ? row.session : -2 - num_single_++;
    if (first_user_[group] == kNobody) first_user_[group] = user;
    if (first_user_[group] == user) {
      content_.add(ids_.runs(row.content), row.num_hashed_tokens);
    } else {
      content_.add(renamed(row.content, group, user), row.num_hashed_tokens);
    }
  }

  Content take() && { return std::move(content_); }

 private:
  static constexpr std::int64_t kNobody = -1;

  // Consecutive names that only one group has, and where they begin among all that it has to itself.
  struct Own {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    std::uint32_t offset = 0;
  };

  std::span<const Content::StoredRun> renamed(std::int32_t row, std::size_t group, std::int64_t user) {
    if (group_with_.empty()) find_groups();
    const std::vector<Own>& own = own_names(group);
    const auto [base, is_new] = bases_.try_emplace({group, user}, static_cast<std::uint32_t>(next_name_));
    if (is_new && !own.empty()) {
      next_name_ += own.back().offset + own.back().count;
      if (next_name_ > UINT32_MAX) throw InputError("the workload has more than 4294967295 different blocks");
    }
    runs_.clear();
    for (const Content::StoredRun& run : ids_.runs(row)) {
      for (std::uint32_t done = 0; done < run.count;) {
        const std::uint32_t name = run.first + done;
        const std::uint32_t same = length_of_part(name, run.count - done);
        std::uint32_t first = name;
        if (group_with_[name] == group + 1) {
          const auto part = std::prev(std::upper_bound(own.begin(), own.end(), name,
                                                       [](std::uint32_t n, const Own& o) { return n < o.first; }));
          first = base->second + part->offset + (name - part->first);
        }
        runs_.push_back({first, same});
        done += same;
      }
    }
    return runs_;
  }

  // How many names from this one on, at most `most`, belong to the same group, or to several.
  std::uint32_t length_of_part(std::uint32_t name, std::uint32_t most) const {
    std::uint32_t length = 1;
    while (length < most && group_with_[name + length] == group_with_[name]) ++length;
    return length;
  }

  void find_groups() {
    group_with_.resize(static_cast<std::size_t>(ids_.num_names()));
    for (std::size_t row = 0; row < ids_.num_rows(); ++row) {
      rows_of_group_[group_of_[row]].push_back(static_cast<std::int32_t>(row));
      for (const Content::StoredRun& run : ids_.runs(static_cast<std::int32_t>(row))) {
        for (std::size_t name = run.first; name < std::size_t{run.first} + run.count; ++name) {
          std::uint64_t& group = group_with_[name];
          group = group == 0 || group == group_of_[row] + 1 ? group_of_[row] + 1 : kSeveral;
        }
      }
    }
  }

  const std::vector<Own>& own_names(std::size_t group) {
    const auto [entry, is_new] = own_of_group_.try_emplace(group);
    std::vector<Own>& own = entry->second;
    if (!is_new) return own;
    for (const std::int32_t row : rows_of_group_[group]) {
      for (const Content::StoredRun& run : ids_.runs(row)) {
        for (std::uint32_t done = 0; done < run.count;) {
          const std::uint32_t same = length_of_part(run.first + done, run.count - done);
          if (group_with_[run.first + done] == group + 1) own.push_back({run.first + done, same, 0});
          done += same;
        }
      }
    }
    std::sort(own.begin(), own.end(), [](const Own& a, const Own& b) { return a.first < b.first; });
    std::size_t kept = 0;
    for (const Own& part : own) {  // turns of a session have most of them in common
      if (kept > 0 && part.first <= own[kept - 1].first + own[kept - 1].count) {
        Own& last = own[kept - 1];
        last.count = std::max(last.first + last.count, part.first + part.count) - last.first;
      } else {
        own[kept++] = part;
      }
    }
    own.resize(kept);
    for (std::size_t i = 1; i < kept; ++i) own[i].offset = own[i - 1].offset + own[i - 1].count;
    return own;
  }

  static constexpr std::uint64_t kSeveral = UINT64_MAX;

  const HashIds& ids_;
  Content content_;
  std::uint64_t next_name_;
  std::vector<std::size_t> group_of_;     // by row of the trace: the first row of its session
  std::vector<std::int64_t> first_user_;  // by group: whose names are the trace's
  std::int64_t num_single_ = 0;
  std::vector<std::uint64_t> group_with_;  // by name: 1 + the group that has it, or kSeveral; 0: none
  std::map<std::size_t, std::vector<std::int32_t>> rows_of_group_;
  std::map<std::size_t, std::vector<Own>> own_of_group_;
  std::map<std::pair<std::size_t, std::int64_t>, std::uint32_t> bases_;  // of a copy's own names
  std::vector<Content::StoredRun> runs_;
};

// Sessions as policies are told them: numbers in order of first arrival, which say nothing of how many there are.
void number_sessions(const std::vector<RawRequest>& rows, std::vector<QueuedRequest>& requests) {
  std::unordered_map<std::int32_t, std::int32_t> numbers;  // looked up, never gone through
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].session < 0) continue;
    requests[i].session = numbers.try_emplace(rows[i].session, static_cast<std::int32_t>(numbers.size())).first->second;
  }
}

void close_loop(const std::vector<RawRequest>& rows, std::int32_t concurrency, Workload& workload) {
  const bool waits = std::any_of(rows.begin(), rows.end(), [](const RawRequest& row) { return row.parent >= 0; });
  if (!waits && concurrency == 0) return;
  std::vector<std::int32_t> parents;
  std::vector<Time> thinks;
  for (const RawRequest& row : rows) {
    parents.push_back(row.parent);
    thinks.push_back(row.parent < 0 ? 0 : ticks_from_seconds(row.think_s));
  }
  workload.loop = ClosedLoop(parents, thinks, concurrency);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    QueuedRequest& request = workload.requests[i];
    if (concurrency > 0) request.arrived_at = 0;
    if (workload.loop.is_later(i)) request.arrived_at = kNever;
  }
}

}  // namespace

void set_lengths(RawRequest& row, std::int32_t num_prefill_tokens, std::int32_t num_decode_tokens) {
  const bool same_prompt = num_prefill_tokens == row.num_prefill_tokens;
  const std::int64_t same_tokens = same_prompt ? std::int64_t{num_prefill_tokens} + num_decode_tokens
                                               : std::min(num_prefill_tokens, row.num_prefill_tokens);
  row.num_hashed_tokens = static_cast<std::int32_t>(std::min<std::int64_t>(row.num_hashed_tokens, same_tokens));
  row.num_prefill_tokens = num_prefill_tokens;
  row.num_decode_tokens = num_decode_tokens;
}

Workload make_workload(std::string source, const std::vector<RawRequest>& rows, const TraceContent& content,
                       std::int32_t concurrency) {
  Workload workload;
  workload.source = std::move(source);
  workload.requests.reserve(rows.size());
  workload.hidden.num_decode_tokens.reserve(rows.size());
  for (const RawRequest& row : rows) {
    workload.requests.push_back({.arrived_at = ticks_from_seconds(row.arrived_at_s),
                                 .id = static_cast<RequestId>(workload.requests.size()),
                                 .num_prefill_tokens = row.num_prefill_tokens});
    workload.hidden.num_decode_tokens.push_back(row.num_decode_tokens);
  }
  if (std::any_of(rows.begin(), rows.end(), [](const RawRequest& row) { return !row.counted; })) {
    for (const RawRequest& row : rows) workload.counted.push_back(row.counted);
  }
  number_sessions(rows, workload.requests);
  close_loop(rows, concurrency, workload);
  if (content.ids.num_rows() > 0) {
    ContentMaker maker(content, rows);
    for (const RawRequest& row : rows) maker.add(row);
    workload.content = std::move(maker).take();
  }
  return workload;
}

std::string workload_title(const std::string& source, std::size_t num_cut, std::size_t num_dropped,
                           std::size_t num_requests, std::int32_t max_tokens) {
  std::string title = source;
  if (num_cut > 0) title += fmt::format("; {} of {} requests cut to {} tokens", num_cut, num_requests, max_tokens);
  if (num_dropped > 0) {
    title += fmt::format("; {} of {} requests dropped, longer than {} tokens", num_dropped, num_dropped + num_requests,
                         max_tokens);
  }
  return title;
}

std::string workload_title(const Workload& workload, std::int32_t max_tokens) {
  return workload_title(workload.source, workload.num_cut, workload.num_dropped, workload.size(), max_tokens);
}

std::int64_t longest_request(const ReplicaLimits& limits) {
  std::int64_t most = std::int64_t{limits.num_blocks - limits.watermark_blocks} * limits.block_size;
  if (limits.engine == EngineKind::vllm_v1) ++most;  // which never computes the last output token
  if (limits.engine == EngineKind::vllm_v0) most = std::min<std::int64_t>(most, limits.batch_tokens);
  return std::min<std::int64_t>(most, limits.max_tokens);
}

void check_fits(const Workload& workload, const ReplicaLimits& limits) {
  const std::int64_t usable = std::int64_t{limits.num_blocks - limits.watermark_blocks} * limits.block_size;
  const bool v1 = limits.engine == EngineKind::vllm_v1;
  for (std::size_t i = 0; i < workload.size(); ++i) {
    const std::int64_t prompt = workload.requests[i].num_prefill_tokens;
    const std::int64_t total = prompt + workload.hidden.num_decode_tokens[i];
    auto refuse = [&](std::string_view what, std::int64_t limit) {
      return InputError(fmt::format("{}: request {} (row {}) has {} prompt + {} output tokens; {} allows {}",
                                    workload.source, i, i + 1, prompt, total - prompt, what, limit));
    };
    if (total > limits.max_tokens) {
      throw refuse(v1 ? "the context (--max-model-len)" : "the context (--max-tokens)", limits.max_tokens);
    }
    if (v1) {  // which never computes the last output token
      if (total - 1 > usable) throw refuse("a replica's KV memory (--num-gpu-blocks less block 0)", usable + 1);
      continue;
    }
    if (total > usable) throw refuse("a replica's usable KV memory (--num-blocks less the watermark)", usable);
    if (limits.engine == EngineKind::vllm_v0 && total > limits.batch_tokens) {
      throw refuse("a vllm_v0 prefill batch (--max-tokens-in-batch)", limits.batch_tokens);
    }
  }
}

}  // namespace switchyard
