// The KV blocks that decoding requests allocate. Each takes one every block_size decode steps, so the allocations of
// coming steps repeat with that period; the sums over any number of steps come from one period.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace switchyard {

class BlockCycle {
 public:
  // A block_size of 0: requests hold all that they may ever need, and allocate nothing.
  void reset(std::int32_t block_size) {
    allocates_ = block_size > 0;
    size_ = static_cast<std::uint32_t>(allocates_ ? block_size : 1);
    phase_ = 0;
    num_chunks_ = (size_ + kChunk - 1) / kChunk;
    before_.assign(1 + num_chunks_ * kChunk, 0);
    ramp_.assign(2 * num_chunks_ * kChunk, 0);
    std::fill_n(ramp_.rbegin(), num_chunks_ * kChunk, 1);
  }

  // The phase at which a request allocates that has `processed` tokens before the next step: when processed - 1 is a
  // multiple of block_size. It stays the same as steps are taken.
  std::uint32_t phase_of(std::int32_t processed) const {
    const std::uint32_t filled = static_cast<std::uint32_t>(processed - 1) % size_;
    return phase_ >= filled ? phase_ - filled : phase_ + size_ - filled;
  }
  bool is_next(std::uint32_t phase) const { return allocates_ && phase == phase_; }

  // A request begins or ceases to decode. O(block_size), a few vector instructions.
  void add(std::uint32_t phase) { change<1>(phase); }
  void remove(std::uint32_t phase) { change<-1>(phase); }

  // Blocks that the next step allocates, and that the next `steps` do (as a leap takes them, fewer than 2^31).
  std::int32_t next() const { return before_[phase_ + 1] - before_[phase_]; }
  std::int64_t in(std::int64_t steps) const {
    const std::uint32_t end = phase_ + static_cast<std::uint32_t>(steps);
    return std::int64_t{end / size_} * before_[size_] + before_[end % size_] - before_[phase_];
  }

  // The most steps that together allocate at most `blocks`, not negative. There is at least one request.
  std::int64_t steps_within(std::int64_t blocks) const {
    const auto target = static_cast<std::uint32_t>(blocks + before_[phase_]);  // counted from the start of the period
    const auto all = static_cast<std::uint32_t>(before_[size_]);
    const auto rest = static_cast<std::int32_t>(target % all);
    // The last phase before which no more than the rest is allocated; counted, as a search would have to guess.
    std::int64_t phase = -1;
    for (std::uint32_t p = 0; p < size_; ++p) phase += before_[p] <= rest ? 1 : 0;
    return std::int64_t{target / all} * size_ + phase - phase_;
  }

  // Takes steps; returns the blocks that they allocate.
  std::int64_t advance(std::int64_t steps) {
    const std::int64_t allocated = in(steps);
    phase_ = (phase_ + static_cast<std::uint32_t>(steps)) % size_;
    return allocated;
  }

 private:
  template <std::int32_t kCount>
  void change(std::uint32_t phase) {
    if (!allocates_) return;
    std::int32_t* entries = before_.data() + 1;
    const std::int32_t* later = ramp_.data() + num_chunks_ * kChunk - phase;  // 1 for each later phase
    for (std::size_t chunk = 0; chunk < num_chunks_; ++chunk, entries += kChunk, later += kChunk) {
      std::array<std::int32_t, kChunk> changed;  // read all before any is written, so that vectors are
      for (std::size_t i = 0; i < kChunk; ++i) changed[i] = entries[i] + kCount * later[i];
      std::copy(changed.begin(), changed.end(), entries);
    }
  }

  static constexpr std::size_t kChunk = 16;  // entries that are changed at once, without a branch

  bool allocates_ = true;
  std::uint32_t size_ = 1;            // block_size
  std::uint32_t phase_ = 0;           // of the next step, in the period
  std::size_t num_chunks_ = 0;        // that hold a period
  std::vector<std::int32_t> before_;  // by phase: requests that allocate at an earlier one; entry size_ counts all
  std::vector<std::int32_t> ramp_;    // zeros, then as many ones
};

}  // namespace switchyard
