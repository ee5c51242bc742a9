// The requests that a replica decodes. A decode step gives each of them one token, so that none needs to be touched:
// its tokens are its offset plus the steps that the replica has taken. Sums over all of them are kept the same way.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "core/cluster/block_cycle.hpp"
#include "core/cluster/live_request.hpp"

namespace switchyard {

class DecodeSet {
 public:
  // A block_size of 0: see BlockCycle.
  void reset(std::int32_t block_size) {
    ids_.clear();
    completes_at_.clear();
    next_completion_ = INT64_MAX;
    steps_ = 0;
    time_ = 0;
    offset_sum_ = 0;
    original_sum_ = 0;
    blocks_.reset(block_size);
  }

  // Members, in the scheduler's order.
  std::span<const RequestId> ids() const { return ids_; }
  bool empty() const { return ids_.empty(); }
  std::int32_t size() const { return static_cast<std::int32_t>(ids_.size()); }
  RequestId back() const { return ids_.back(); }

  // Of a member: tokens processed since its last (re)start, and the time for which it has decoded.
  std::int32_t processed(const LiveRequest& request) const {
    return static_cast<std::int32_t>(request.step_offset + steps_);
  }
  Time decode_time(const LiveRequest& request) const { return time_ - request.decode_base; }

  // Sums over the members of processed tokens, and of output tokens seen so far.
  std::int64_t kv_tokens() const { return offset_sum_ + std::int64_t{size()} * steps_; }
  std::int64_t generated_tokens() const { return kv_tokens() - original_sum_; }

  const BlockCycle& blocks() const { return blocks_; }
  std::int64_t steps_to_completion() const { return next_completion_ - steps_; }  // of the next; huge if there is none

  // Takes decode steps, no more than up to the next completion; returns the blocks that they allocate.
  std::int64_t advance(std::int64_t steps, Time duration) {
    steps_ += steps;
    time_ += duration;
    return blocks_.advance(steps);
  }

  // A request whose prefill is complete, with request.processed tokens, becomes member `position`.
  void insert(std::int32_t position, RequestId id, LiveRequest& request) {
    request.step_offset = request.processed - steps_;
    request.decode_base = time_;
    request.block_phase = blocks_.phase_of(request.processed);
    offset_sum_ += request.step_offset;
    original_sum_ += request.original_prefill_tokens;
    blocks_.add(request.block_phase);
    const std::int64_t completes_at = request.total_tokens - request.step_offset;
    next_completion_ = std::min(next_completion_, completes_at);
    ids_.push_back(id);
    completes_at_.push_back(static_cast<std::uint32_t>(completes_at));
    if (position == size() - 1) return;
    std::rotate(ids_.begin() + position, ids_.end() - 1, ids_.end());
    std::rotate(completes_at_.begin() + position, completes_at_.end() - 1, completes_at_.end());
  }

  // The last member leaves before it completes; its tokens are then in request.processed.
  void pop_back(LiveRequest& request) {
    const bool next = completes_at_.back() == static_cast<std::uint32_t>(next_completion_);
    ids_.pop_back();
    completes_at_.pop_back();
    leave(request);
    if (next) find_next_completion();
  }

  // Takes out a member that completes with the last step, while steps_to_completion() is 0.
  RequestId take_completed(LiveRequest* live) {
    const auto found = std::find(completes_at_.begin(), completes_at_.end(), static_cast<std::uint32_t>(steps_));
    const auto position = found - completes_at_.begin();
    const RequestId id = ids_[static_cast<std::size_t>(position)];
    ids_.erase(ids_.begin() + position);
    completes_at_.erase(found);
    leave(live[id]);
    find_next_completion();
    return id;
  }

 private:
  void leave(LiveRequest& request) {
    request.processed = processed(request);
    offset_sum_ -= request.step_offset;
    original_sum_ -= request.original_prefill_tokens;
    blocks_.remove(request.block_phase);
  }

  void find_next_completion() {
    const auto now = static_cast<std::uint32_t>(steps_);
    std::int32_t least = INT32_MAX;
    for (const std::uint32_t at : completes_at_) least = std::min(least, static_cast<std::int32_t>(at - now));
    next_completion_ = steps_ + least;
  }

  std::int64_t steps_ = 0;
  Time time_ = 0;                // sum of the durations of batches that decoded
  std::int64_t offset_sum_ = 0;  // of step_offset
  std::int64_t original_sum_ = 0;
  std::int64_t next_completion_ = 0;  // in steps
  std::vector<RequestId> ids_;
  // By member, in steps modulo 2^32: the difference to steps_ is what counts, and four fit in a vector register.
  std::vector<std::uint32_t> completes_at_;
  BlockCycle blocks_;
};

}  // namespace switchyard
