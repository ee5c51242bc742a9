// The requests that a replica decodes. A decode step gives each of them one token, so that none needs to be touched:
// its tokens are its offset plus the steps that the replica has taken. Sums over all of them are kept the same way.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include "core/cluster/block_cycle.hpp"
#include "core/cluster/live_request.hpp"

namespace switchyard {

class DecodeSet {
 public:
  // A block_size of 0: see BlockCycle.
  void reset(std::int32_t block_size) {
    size_ = 0;
    std::fill(completes_at_.begin(), completes_at_.end(), kNone);
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
    assert(steps >= 0 && (size_ == 0 || steps <= steps_to_completion()));
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
    assert(completes_at > steps_ && completes_at - steps_ < kMostSteps);
    const auto end = static_cast<std::size_t>(size_++);
    if (end + kChunk >= ids_.size()) grow();
    const auto i = static_cast<std::size_t>(position);
    if (i < end) move_up(i, end);
    ids_[i] = id;
    completes_at_[i] = static_cast<double>(completes_at);
    if (completes_at < next_completion_) {
      next_completion_ = completes_at;
      next_ = i;
    }
  }

  // The last member leaves before it completes; its tokens are then in request.processed.
  void pop_back(LiveRequest& request) {
    leave(request);
    const auto last = static_cast<std::size_t>(size_);
    completes_at_[last] = kNone;
    if (last == next_) find_next_completion();
  }

  // Takes out a member that completes with the last step, while steps_to_completion() is 0.
  RequestId take_completed(LiveRequest* live) {
    const RequestId id = ids_[next_];
    for (auto i = next_; i < static_cast<std::size_t>(size_); i += kChunk) {
      move_down(ids_.data() + i);
      move_down(completes_at_.data() + i);
    }
    leave(live[id]);
    find_next_completion();
    return id;
  }

  // The member that completes next.
  RequestId next_to_complete() const { return ids_[next_]; }

  // A member is not to be counted by steps_to_completion() any more.
  void expect_no_completion(std::int32_t position) {
    const auto i = static_cast<std::size_t>(position);
    completes_at_[i] = kNone;
    if (i == next_) find_next_completion();
  }

  // A member leaves; its tokens are then in request.processed.
  void remove(std::int32_t position, LiveRequest& request) {
    for (auto i = static_cast<std::size_t>(position); i < static_cast<std::size_t>(size_); i += kChunk) {
      move_down(ids_.data() + i);
      move_down(completes_at_.data() + i);
    }
    leave(request);
    find_next_completion();
  }

  // The members from `first` on did not take part in the last step, which took `duration`.
  void hold_back(std::int32_t first, LiveRequest* live, Time duration) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(size_); ++i) {
      LiveRequest& request = live[ids_[i]];
      blocks_.remove(request.block_phase);
      --request.step_offset;
      --offset_sum_;
      request.decode_base += duration;
      request.block_phase = blocks_.phase_of(processed(request));
      blocks_.add(request.block_phase);
      completes_at_[i] += 1;  // that of one that is not counted stays infinite
    }
    find_next_completion();
  }

 private:
  void leave(LiveRequest& request) {
    --size_;
    request.processed = processed(request);
    offset_sum_ -= request.step_offset;
    original_sum_ -= request.original_prefill_tokens;
    blocks_.remove(request.block_phase);
    assert(size_ >= 0 && (size_ > 0 || (offset_sum_ == 0 && original_sum_ == 0)));
  }

  // The least of (steps to completion, position), each pair as one number.
  void find_next_completion() {
    constexpr double kScale = kMostMembers;
    const auto now = static_cast<double>(steps_);
    Pair least[kChunk / 2];
    for (Pair& pair : least) pair = Pair{kNone, kNone};
    double first = 0.0;
    for (const double *at = completes_at_.data(), *end = at + size_; at < end; at += kChunk, first += kChunk) {
      for (std::size_t i = 0; i < kChunk / 2; ++i) {
        const Pair key = (Pair{at[2 * i], at[2 * i + 1]} - now) * kScale + first;
        least[i] = lesser(least[i], key);
      }
    }
    Pair pair = least[0] + Pair{0.0, 1.0};
    for (std::size_t i = 1; i < kChunk / 2; ++i) {
      const auto position = static_cast<double>(2 * i);
      pair = lesser(pair, least[i] + Pair{position, position + 1});
    }
    const auto key = static_cast<std::size_t>(static_cast<std::int64_t>(std::min({pair[0], pair[1], 0x1p62})));
    next_completion_ = steps_ + static_cast<std::int64_t>(key / kMostMembers);
    next_ = key % kMostMembers;
  }

  using Pair [[gnu::vector_size(16)]] = double;
  static Pair lesser(Pair a, Pair b) { return a < b ? a : b; }

  // The kChunk entries after this one, each to the place before it.
  template <class T>
  static void move_down(T* entry) {
    std::array<T, kChunk> moved;
    for (std::size_t i = 0; i < kChunk; ++i) moved[i] = entry[i + 1];
    for (std::size_t i = 0; i < kChunk; ++i) entry[i] = moved[i];
  }

  void move_up(std::size_t first, std::size_t end) {
    std::copy_backward(ids_.data() + first, ids_.data() + end, ids_.data() + end + 1);
    std::copy_backward(completes_at_.data() + first, completes_at_.data() + end, completes_at_.data() + end + 1);
    if (next_ >= first) ++next_;
  }

  void grow() {
    if (size_ > kMostMembers / 4) throw std::length_error("a replica decodes too many requests at once");
    ids_.resize(2 * ids_.size() + 2 * kChunk);
    completes_at_.resize(ids_.size(), kNone);
  }

  static constexpr std::int32_t kMostMembers = 1 << 20;
  static constexpr std::int64_t kMostSteps = std::int64_t{1} << 31;  // to completion
  static_assert(kMostSteps * kMostMembers <= std::int64_t{1} << 53, "pairs of both are exact as doubles");
  // Members are looked at and moved in chunks, so that a few of them take no branch that depends on their number.
  static constexpr std::size_t kChunk = 8;
  static constexpr double kNone = std::numeric_limits<double>::infinity();

  std::int64_t steps_ = 0;
  Time time_ = 0;                // sum of the durations of batches that decoded
  std::int64_t offset_sum_ = 0;  // of step_offset
  std::int64_t original_sum_ = 0;
  std::int64_t next_completion_ = 0;  // in steps
  std::size_t next_ = 0;              // the member that completes then
  // By member; kNone and room for a chunk after the last.
  std::int32_t size_ = 0;
  std::vector<RequestId> ids_;
  std::vector<double> completes_at_;  // in steps; any x86-64 has vector minima of these
  BlockCycle blocks_;
};

}  // namespace switchyard
