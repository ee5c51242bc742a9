#include "core/workload/workload.hpp"

#include <fmt/format.h>

#include "core/input/error.hpp"

namespace switchyard {

Workload make_workload(std::string source, const std::vector<RawRequest>& rows) {
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
  return workload;
}

void check_fits(const Workload& workload, const ReplicaLimits& limits) {
  const std::int64_t usable = std::int64_t{limits.num_blocks - limits.watermark_blocks} * limits.block_size;
  for (std::size_t i = 0; i < workload.size(); ++i) {
    const std::int64_t prompt = workload.requests[i].num_prefill_tokens;
    const std::int64_t total = prompt + workload.hidden.num_decode_tokens[i];
    auto refuse = [&](std::string_view what, std::int64_t limit) {
      return InputError(fmt::format("{}: request {} (row {}) has {} prompt + {} output tokens; {} allows {}",
                                    workload.source, i, i + 1, prompt, total - prompt, what, limit));
    };
    if (total > limits.max_tokens) throw refuse("the context (--max-tokens)", limits.max_tokens);
    if (total > usable) throw refuse("a replica's usable KV memory (--num-blocks less the watermark)", usable);
    if (limits.scheduler == ReplicaSchedulerKind::vllm && total > limits.max_tokens_in_batch) {
      throw refuse("a vllm prefill batch (--max-tokens-in-batch)", limits.max_tokens_in_batch);
    }
  }
}

}  // namespace switchyard
