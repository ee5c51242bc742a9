// The requests that a replica decodes. A decode step gives each of them one token, so that none needs to be touched:
// its tokens are its offset plus the steps that the replica has taken. Sums over all of them are kept the same way.
#pragma once

#include <algorithm>
#include <vector>

#include "core/cluster/block_cycle.hpp"
#include "core/cluster/live_request.hpp"

namespace switchyard {

class DecodeSet {
 public:
  struct Member {
    RequestId id = 0;
    std::uint32_t block_phase = 0;  // see BlockCycle
    std::int64_t completes_at = 0;  // in decode steps of the replica
  };

  // A block_size of 0: see BlockCycle.
  void reset(std::int32_t block_size) {
    members_.clear();
    next_completion_ = kNone;
    steps_ = 0;
    time_ = 0;
    offset_sum_ = 0;
    original_sum_ = 0;
    blocks_.reset(block_size);
  }

  // Members, in the scheduler's order.
  bool empty() const { return members_.empty(); }
  std::int32_t size() const { return static_cast<std::int32_t>(members_.size()); }
  const Member* begin() const { return members_.data(); }
  const Member* end() const { return members_.data() + members_.size(); }
  const Member& operator[](std::int32_t i) const { return members_[static_cast<std::size_t>(i)]; }
  RequestId back() const { return members_.back().id; }

  // Of a member: tokens processed since its last (re)start, and the time for which it has decoded.
  std::int32_t processed(const LiveRequest& request) const {
    return static_cast<std::int32_t>(request.step_offset + steps_);
  }
  Time decode_time(const LiveRequest& request) const { return time_ - request.decode_base; }

  // Sums over the members of processed tokens, and of output tokens seen so far.
  std::int64_t kv_tokens() const { return offset_sum_ + std::int64_t{size()} * steps_; }
  std::int64_t generated_tokens() const { return kv_tokens() - original_sum_; }

  const BlockCycle& blocks() const { return blocks_; }
  std::int64_t steps_to_completion() const { return next_completion_ - steps_; }

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
    offset_sum_ += request.step_offset;
    original_sum_ += request.original_prefill_tokens;
    const Member member{.id = id,
                        .block_phase = blocks_.phase_of(request.processed),
                        .completes_at = request.total_tokens - request.step_offset};
    blocks_.add(member.block_phase);
    next_completion_ = std::min(next_completion_, member.completes_at);
    members_.push_back(member);
    for (auto i = members_.size() - 1; i > static_cast<std::size_t>(position); --i) {
      members_[i] = members_[i - 1];
      members_[i - 1] = member;
    }
  }

  // The last member leaves before it completes; its tokens are then in request.processed.
  void pop_back(LiveRequest& request) {
    const Member last = members_.back();
    leave(last, request);
    members_.pop_back();
    if (last.completes_at == next_completion_) find_next_completion();
  }

  // Takes out the members that complete with the last step and appends them to `completed`.
  void take_completed(LiveRequest* live, std::vector<RequestId>& completed) {
    std::int64_t next = kNone;
    Member* kept = members_.data();
    for (const Member& member : members_) {
      *kept = member;
      if (member.completes_at == steps_) {
        leave(member, live[member.id]);
        completed.push_back(member.id);
      } else {
        next = std::min(next, member.completes_at);
        ++kept;
      }
    }
    next_completion_ = next;
    members_.resize(static_cast<std::size_t>(kept - members_.data()));
  }

 private:
  static constexpr std::int64_t kNone = INT64_MAX;

  void leave(const Member& member, LiveRequest& request) {
    request.processed = processed(request);
    offset_sum_ -= request.step_offset;
    original_sum_ -= request.original_prefill_tokens;
    blocks_.remove(member.block_phase);
  }

  void find_next_completion() {
    std::int64_t next = kNone;
    for (const Member& member : members_) next = std::min(next, member.completes_at);
    next_completion_ = next;
  }

  std::int64_t steps_ = 0;
  Time time_ = 0;                // sum of the durations of batches that decoded
  std::int64_t offset_sum_ = 0;  // of step_offset
  std::int64_t original_sum_ = 0;
  std::int64_t next_completion_ = kNone;  // in steps
  std::vector<Member> members_;
  BlockCycle blocks_;
};

}  // namespace switchyard
