// When each replica's batch ends: the earliest in O(1), changes in O(log replicas).
#pragma once

#include <algorithm>
#include <bit>
#include <vector>

#include "core/api/time.hpp"

namespace switchyard {

// A tree of minima: node i is the earlier of nodes 2i and 2i + 1, the root is node 1. Only times are kept, so that a
// change takes minima and no branches: which of two batches ends first cannot be predicted.
class EndTimes {
 public:
  void reset(std::size_t num_replicas) {
    leaves_ = std::bit_ceil(std::max<std::size_t>(num_replicas, 2));
    times_.assign(2 * leaves_, kNever);
  }
  Time earliest() const { return times_[1]; }

  // One whose batch ends at the earliest time; the lowest of them.
  std::int32_t replica() const {
    std::size_t i = 1;
    while (i < leaves_) i = 2 * i + (times_[2 * i] != times_[1] ? 1 : 0);
    return static_cast<std::int32_t>(i - leaves_);
  }

  void set(std::int32_t replica, Time time) {
    std::size_t i = leaves_ + static_cast<std::size_t>(replica);
    times_[i] = time;
    for (; i > 1; i /= 2) {
      time = std::min(time, times_[i ^ 1]);
      times_[i / 2] = time;
    }
  }

 private:
  std::vector<Time> times_;
  std::size_t leaves_ = 2;  // from here on, one a replica
};

}  // namespace switchyard
