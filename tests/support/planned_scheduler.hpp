#pragma once

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "core/cluster/engines/vllm_v1_scheduler.hpp"
#include "core/workload/hash_ids.hpp"

namespace switchyard {

using RequestIds = std::vector<RequestId>;
using Shares = std::vector<std::pair<RequestId, int>>;   // of a step: who computes how many tokens
using Missing = std::vector<std::pair<RequestId, int>>;  // of a plan: whose blocks it reserves, tokens to come

// A vllm_v1 scheduler with blocks of 4 tokens and a context of 64 that plans and books as a test says.
struct PlannedScheduler {
  explicit PlannedScheduler(std::int32_t usable_blocks) {
    options.num_gpu_blocks = usable_blocks + 1;
    options.block_size = 4;
    options.max_model_len = 64;
    rows.resize(1000);  // ids up to there
    std::iota(rows.begin(), rows.end(), 0);
  }
  // Takes options and content as they are now.
  void reset() { scheduler.reset(options, BlockKeys(content, rows, options.block_size)); }

  // What a plan holds; it stays the step that book() will book next.
  Shares plan() {
    scheduler.plan(steps.emplace_back());
    Shares shares;
    for (const VllmV1Scheduler::Member& member : steps.back().members) shares.push_back({member.id, member.num_tokens});
    preempted = steps.back().preempted;
    missing.clear();
    for (const Reservation& reserved : steps.back().reserved) {
      missing.emplace_back(reserved.id, reserved.num_missing_tokens);
    }
    if (shares.empty()) steps.pop_back();
    return shares;
  }
  RequestIds book() {
    scheduler.book(steps.front(), booking);
    steps.erase(steps.begin());
    return booking.finished;
  }
  // One step, synchronously.
  Shares step() {
    Shares shares = plan();
    if (!shares.empty()) book();
    return shares;
  }
  std::int32_t num_used() const { return scheduler.pool().num_used(); }

  VllmV1Options options;
  Content content;
  std::vector<std::int32_t> rows;
  VllmV1Scheduler scheduler;
  std::vector<VllmV1Scheduler::Step> steps;
  VllmV1Scheduler::Booking booking;
  RequestIds preempted;
  Missing missing;
};

// Prompts of whole KV blocks, each block named by a number.
inline Content named(const std::vector<std::vector<std::int64_t>>& prompts) {
  HashIds hash_ids;
  std::vector<std::int32_t> rows;
  for (const auto& prompt : prompts) rows.push_back(hash_ids.add(prompt));
  Content content(4);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    content.add(hash_ids.runs(rows[i]), static_cast<std::int32_t>(4 * prompts[i].size()));
  }
  return content;
}

}  // namespace switchyard
