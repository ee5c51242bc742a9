// How a LeapReplica forms a batch: the rules of core/README.md, looking at waiting and prefilling requests one by one
// and never at those that decode. Part of leap_replica.hpp.
#pragma once

#include <algorithm>

#include "core/cluster/leap_replica.hpp"

namespace switchyard {

// A decoding request's blocks are those that its last decode step needed: one token fewer than it has now.
inline std::int32_t LeapReplica::blocks_of(const LiveRequest& request) const {
  if (reserves_sequences()) return OrcaPlan(limits_).sequence_blocks;
  const std::int32_t tokens = request.prefill_complete ? request.processed - 1 : request.num_prefill_tokens;
  return blocks_for(tokens, limits_.block_size);
}

// The front of the FIFO joins the batch; its first one is when it is scheduled.
inline void LeapReplica::admit(Time now, std::int32_t blocks, std::int64_t chunk) {
  const RequestId id = waiting_.front();
  waiting_.pop_front();
  context_->add_waiting(id_, -1);
  LiveRequest& request = live(id);
  waiting_tokens_ -= request.num_prefill_tokens;
  blocks_used_ += blocks;
  Time& scheduled_at = record(id).scheduled_at;
  scheduled_at = std::min(scheduled_at, now);
  prefilling_.push_back(id);
  add_chunk(request, chunk);
}

inline void LeapReplica::add_chunk(LiveRequest& request, std::int64_t chunk) {
  request.chunk = static_cast<std::int32_t>(chunk);
  cost_->add_prefill(prefills_, request.processed, chunk);
}

// The exact rule: before each decode joins, while no block is free, restart the last of the running requests that has
// not been considered. Leaves in decoding_ those that join.
inline void LeapReplica::make_room_for_decodes() {
  restarted_ = false;
  if (blocks_free() - decoding_.blocks().next() < 1) restart_for_decodes();
}

inline void LeapReplica::form_vllm_v0(Time now) {
  std::int64_t longest = 0;
  while (!waiting_.empty()) {
    const std::int32_t prompt = live(waiting_.front()).num_prefill_tokens;
    const std::int32_t blocks = blocks_for(prompt, limits_.block_size);
    longest = std::max<std::int64_t>(longest, prompt);
    const auto members = static_cast<std::int64_t>(prefilling_.size()) + 1;
    if (!admissible(blocks) || members * longest > limits_.batch_tokens || num_running() >= limits_.batch_size_cap) {
      break;
    }
    admit(now, blocks, prompt);
  }
  decodes_ = prefilling_.empty();
  restarted_ = false;
  if (decodes_) make_room_for_decodes();
}

inline void LeapReplica::form_sarathi(Time now) {
  decodes_ = true;
  make_room_for_decodes();
  std::int64_t room = std::max<std::int64_t>(0, std::int64_t{limits_.batch_tokens} - decoding_.size());
  if (!left_out_.empty() || !prefilling_.empty()) room = continue_prefills(room);
  if (waiting_.empty()) return;
  // What the decodes of this batch allocate is taken before new requests are admitted.
  const std::int32_t reserved = decoding_.blocks().next();
  blocks_used_ += reserved;
  while (!waiting_.empty() && room > 0) {
    const std::int32_t prompt = live(waiting_.front()).num_prefill_tokens;
    const std::int32_t blocks = blocks_for(prompt, limits_.block_size);
    if (!admissible(blocks) || num_running() >= limits_.batch_size_cap) break;
    const std::int64_t chunk = std::min<std::int64_t>(prompt, room);
    admit(now, blocks, chunk);
    room -= chunk;
  }
  blocks_used_ -= reserved;
}

// sarathi: gives running requests with incomplete prefill their next chunk, in order, or leaves them out. Returns what
// room is left, in tokens.
inline std::int64_t LeapReplica::continue_prefills(std::int64_t room) {
  // Those that were left out come first; then the last batch's. As a rule none was, and one goes on.
  if (!left_out_.empty()) {
    left_out_.insert(left_out_.end(), prefilling_.begin(), prefilling_.end());
    prefilling_.swap(left_out_);
    left_out_.clear();
  }
  std::size_t kept = 0;
  for (const RequestId id : prefilling_) {
    LiveRequest& request = live(id);
    const std::int64_t chunk = std::min<std::int64_t>(request.num_prefill_tokens - request.processed, room);
    if (chunk > 0) {
      add_chunk(request, chunk);
      room -= chunk;
      prefilling_[kept++] = id;
    } else {
      left_out_.push_back(id);
    }
  }
  prefilling_.resize(kept);
  if (left_out_.size() > 1) sort_left_out();
  return room;
}

inline void LeapReplica::form_orca(Time now) {
  const OrcaPlan plan(limits_);
  decodes_ = true;
  const std::int32_t most = std::min(plan.slots, limits_.batch_size_cap);
  while (!waiting_.empty() && num_running() < most && blocks_free() >= plan.sequence_blocks) {
    admit(now, plan.sequence_blocks, live(waiting_.front()).num_prefill_tokens);
  }
}

}  // namespace switchyard
