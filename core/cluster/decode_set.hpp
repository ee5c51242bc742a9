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
    size_ = 0;
    next_completion_ = INT64_MAX;
    steps_ = 0;
    time_ = 0;
    offset_sum_ = 0;
    original_sum_ = 0;
    blocks_.reset(block_size);
  }

  // Members, in the scheduler's order.
  std::span<const RequestId> ids() const { return {ids_.data(), static_cast<std::size_t>(size_)}; }
  bool empty() const { return size_ == 0; }
  std::int32_t size() const { return size_; }
  RequestId back() const { return ids_[static_cast<std::size_t>(size_) - 1]; }

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
    const auto end = static_cast<std::size_t>(size_++);
    if (end == ids_.size()) grow();
    const auto i = static_cast<std::size_t>(position);
    if (i < end) move_up(i, end);
    ids_[i] = id;
    completes_at_[i] = static_cast<std::uint32_t>(completes_at);
  }

  // The last member leaves before it completes; its tokens are then in request.processed.
  void pop_back(LiveRequest& request) {
    leave(request);
    if (completes_at_[static_cast<std::size_t>(size_)] == static_cast<std::uint32_t>(next_completion_)) {
      find_next_completion();
    }
  }

  // Takes out a member that completes with the last step, while steps_to_completion() is 0.
  RequestId take_completed(LiveRequest* live) {
    std::uint32_t* at = completes_at_.data();
    RequestId* member = ids_.data();
    while (*at != static_cast<std::uint32_t>(steps_)) ++at, ++member;
    const RequestId id = *member;
    std::copy(at + 1, completes_at_.data() + size_, at);
    std::copy(member + 1, ids_.data() + size_, member);
    leave(live[id]);
    find_next_completion();
    return id;
  }

 private:
  void leave(LiveRequest& request) {
    --size_;
    request.processed = processed(request);
    offset_sum_ -= request.step_offset;
    original_sum_ -= request.original_prefill_tokens;
    blocks_.remove(request.block_phase);
  }

  void find_next_completion() {
    const auto now = static_cast<std::uint32_t>(steps_);
    std::int32_t least = INT32_MAX;
    for (std::int32_t i = 0; i < size_; ++i) {
      least = std::min(least, static_cast<std::int32_t>(completes_at_[static_cast<std::size_t>(i)] - now));
    }
    next_completion_ = steps_ + least;
  }

  void move_up(std::size_t first, std::size_t end) {
    std::copy_backward(ids_.data() + first, ids_.data() + end, ids_.data() + end + 1);
    std::copy_backward(completes_at_.data() + first, completes_at_.data() + end, completes_at_.data() + end + 1);
  }

  void grow() {
    ids_.resize(2 * ids_.size() + 8);
    completes_at_.resize(ids_.size());
  }

  std::int64_t steps_ = 0;
  Time time_ = 0;                // sum of the durations of batches that decoded
  std::int64_t offset_sum_ = 0;  // of step_offset
  std::int64_t original_sum_ = 0;
  std::int64_t next_completion_ = 0;  // in steps
  // The first size_ of each are in use.
  std::int32_t size_ = 0;
  std::vector<RequestId> ids_;
  // By member, in steps modulo 2^32: the difference to steps_ is what counts, and four fit in a vector register.
  std::vector<std::uint32_t> completes_at_;
  BlockCycle blocks_;
};

}  // namespace switchyard
