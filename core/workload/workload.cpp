#include "core/workload/workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

// Gives requests the names of their blocks, and copies of a row new ones where the row has them to itself.
class ContentMaker {
 public:
  explicit ContentMaker(const TraceContent& trace, std::size_t num_requests)
      : ids_(trace.ids), content_(trace.hash_id_tokens), next_name_(trace.ids.num_names()) {
    content_.reserve(num_requests);
    times_used_.resize(trace.ids.num_rows());
  }

  void add(const RawRequest& row) {
    if (row.content < 0) {
      content_.add({}, 0);
      return;
    }
    if (times_used_[static_cast<std::size_t>(row.content)]++ == 0) {
      content_.add(ids_.runs(row.content), row.num_hashed_tokens);
    } else {
      content_.add(renamed(row.content), row.num_hashed_tokens);
    }
  }

  Content take() && { return std::move(content_); }

 private:
  std::span<const Content::StoredRun> renamed(std::int32_t row) {
    if (in_rows_.empty()) count_rows();
    runs_.clear();
    for (const Content::StoredRun& run : ids_.runs(row)) {
      // Once a name is the row's own, all after it are.
      const auto shared = static_cast<std::uint32_t>(std::find_if(in_rows_.begin() + run.first,
                                                                  in_rows_.begin() + run.first + run.count,
                                                                  [](Rows rows) { return rows != Rows::more; }) -
                                                     (in_rows_.begin() + run.first));
      if (shared > 0) runs_.push_back({run.first, shared});
      if (const std::uint32_t own = run.count - shared; own > 0) {
        if (next_name_ + own > UINT32_MAX) throw InputError("the workload has more than 4294967295 different blocks");
        runs_.push_back({static_cast<std::uint32_t>(next_name_), own});
        next_name_ += own;
      }
    }
    return runs_;
  }

  void count_rows() {
    in_rows_.resize(static_cast<std::size_t>(ids_.num_names()));
    for (std::int32_t row = 0; row < static_cast<std::int32_t>(ids_.num_rows()); ++row) {
      for (const Content::StoredRun& run : ids_.runs(row)) {
        for (std::size_t name = run.first; name < std::size_t{run.first} + run.count; ++name) {
          in_rows_[name] = in_rows_[name] == Rows::none ? Rows::one : Rows::more;
        }
      }
    }
  }

  enum class Rows : std::uint8_t { none, one, more };

  const HashIds& ids_;
  Content content_;
  std::uint64_t next_name_;
  std::vector<std::uint32_t> times_used_;  // by row of the trace
  std::vector<Rows> in_rows_;              // by name: how many rows of the trace have it
  std::vector<Content::StoredRun> runs_;
};

}  // namespace

void set_lengths(RawRequest& row, std::int32_t num_prefill_tokens, std::int32_t num_decode_tokens) {
  const bool same_prompt = num_prefill_tokens == row.num_prefill_tokens;
  const std::int64_t same_tokens = same_prompt ? std::int64_t{num_prefill_tokens} + num_decode_tokens
                                               : std::min(num_prefill_tokens, row.num_prefill_tokens);
  row.num_hashed_tokens = static_cast<std::int32_t>(std::min<std::int64_t>(row.num_hashed_tokens, same_tokens));
  row.num_prefill_tokens = num_prefill_tokens;
  row.num_decode_tokens = num_decode_tokens;
}

Workload make_workload(std::string source, const std::vector<RawRequest>& rows, const TraceContent& content) {
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
  if (content.ids.num_rows() > 0) {
    ContentMaker maker(content, rows.size());
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
