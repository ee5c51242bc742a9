// Which replicas' caches hold the beginning of a prompt, without asking each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/workload/prefix_tree.hpp"

namespace switchyard {

// For each segment of a PrefixTree that begins a prompt: the replicas that hold its first block. Made when it is first
// asked for, and then kept current by their pools; so replays that never ask pay nothing.
class HolderIndex {
 public:
  void reset() {
    built_ = false;
    unsettled_.clear();
  }
  bool built() const { return built_; }
  void build(const PrefixTree& tree) {
    for (auto& replicas : of_segment_) replicas.clear();
    of_segment_.resize(static_cast<std::size_t>(tree.num_segments()));
    built_ = true;
  }

  void add(PrefixTree::SegmentId segment, std::int32_t replica) { at(segment).push_back(replica); }
  void remove(PrefixTree::SegmentId segment, std::int32_t replica) {
    auto& replicas = at(segment);
    const auto found = std::find(replicas.begin(), replicas.end(), replica);
    *found = replicas.back();
    replicas.pop_back();
  }
  // In no order that means anything.
  std::span<const std::int32_t> of(PrefixTree::SegmentId segment) const {
    return of_segment_[static_cast<std::size_t>(segment)];
  }

  // Replicas in whose running leap a first block may be stored that the index does not know of yet: to be caught up
  // with before it is read. A replica may be there twice, or need not be there any more.
  std::vector<std::int32_t>& unsettled() { return unsettled_; }

 private:
  std::vector<std::int32_t>& at(PrefixTree::SegmentId segment) {
    return of_segment_[static_cast<std::size_t>(segment)];
  }

  bool built_ = false;
  std::vector<std::vector<std::int32_t>> of_segment_;
  std::vector<std::int32_t> unsettled_;
};

}  // namespace switchyard
