// The prefix trees of a workload, each made when it is first asked for and then shared by all who replay the workload.
#pragma once

#include <map>
#include <mutex>

#include "core/workload/prefix_tree.hpp"

namespace switchyard {

class PrefixTrees {
 public:
  PrefixTrees() = default;
  // The content of a copy may change: it makes its own.
  PrefixTrees(const PrefixTrees&) {}
  PrefixTrees& operator=(const PrefixTrees&) {
    trees_.clear();
    return *this;
  }

  // The tree of this content, which is the same at each call, for an engine's blocks of `block_size` tokens. It stays
  // where it is. Thread-safe.
  const PrefixTree& of(const Content& content, std::size_t num_requests, std::int32_t block_size) const {
    const std::lock_guard lock(mutex_);
    const auto found = trees_.find(block_size);
    if (found != trees_.end()) return found->second;
    return trees_.emplace(block_size, PrefixTree(content, num_requests, block_size)).first->second;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::map<std::int32_t, PrefixTree> trees_;  // by block_size
};

}  // namespace switchyard
