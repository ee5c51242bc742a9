// When each replica's batch ends, and which ends first. O(log replicas); for a few replicas, hardly more than a look.
#pragma once

#include <cstdint>
#include <vector>

#include "core/api/time.hpp"

namespace switchyard {

// A tree of minima: each node above the leaves holds the earliest time of its four children. Minima are found without
// branches: which of two batches ends first cannot be predicted.
class EndTimes {
 public:
  struct End {
    Time at = kNever;
    std::int32_t replica = 0;
  };

  void reset(std::size_t num_replicas) {
    first_leaf_ = kFanout;
    while (first_leaf_ < num_replicas) first_leaf_ *= kFanout;
    const std::size_t num_leaves = first_leaf_;
    first_leaf_ = (first_leaf_ - 1) / (kFanout - 1);  // nodes above the leaves
    times_.assign(first_leaf_ + num_leaves, kNever);
  }

  // If several batches end at the earliest time, that of the lowest replica.
  End first() const {
    std::size_t i = first_of(0);
    while (i < first_leaf_) i = first_of(i);
    return {times_[i], static_cast<std::int32_t>(i - first_leaf_)};
  }

  void set(std::int32_t replica, Time time) {
    std::size_t i = first_leaf_ + static_cast<std::size_t>(replica);
    times_[i] = time;
    while (i > kFanout) {  // the root's is never asked for
      i = (i - 1) / kFanout;
      times_[i] = times_[first_of(i)];
    }
  }

 private:
  static constexpr std::size_t kFanout = 4;

  // The child with the earliest time.
  std::size_t first_of(std::size_t node) const {
    const std::size_t children = kFanout * node + 1;
    const Time* times = times_.data() + children;
    const std::size_t a = static_cast<std::size_t>(times[1] < times[0]);
    const std::size_t b = static_cast<std::size_t>(times[3] < times[2]) + 2;
    const std::size_t is_b = static_cast<std::size_t>(times[b] < times[a]);
    return children + (a ^ ((a ^ b) & -is_b));  // `?:` would become a branch
  }

  std::vector<Time> times_;  // node by node from the root; the children of i are 4i + 1 to 4i + 4
  std::size_t first_leaf_ = 1;
};

}  // namespace switchyard
