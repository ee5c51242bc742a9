// How many leading blocks of a prompt each replica holds, as an index of prefixes finds it. Kept by who asks and filled
// anew by each look-up, at a cost that grows with the replicas that hold something, not with all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace switchyard {

class PrefixMatches {
 public:
  // Before each replay.
  void reset(std::int32_t num_replicas) {
    blocks_.assign(static_cast<std::size_t>(num_replicas), 0);
    holders_.clear();
  }

  // Blocks that the replica was found to hold. O(1).
  std::int32_t blocks(std::int32_t replica) const { return blocks_[static_cast<std::size_t>(replica)]; }
  // The replicas that hold a block at least, in the order in which they were found.
  std::span<const std::int32_t> holders() const { return holders_; }

  // For indexes.
  void clear() {
    for (const std::int32_t replica : holders_) blocks_[static_cast<std::size_t>(replica)] = 0;
    holders_.clear();
  }
  void add(std::int32_t replica) {
    if (blocks_[static_cast<std::size_t>(replica)]++ == 0) holders_.push_back(replica);
  }

 private:
  std::vector<std::int32_t> blocks_;  // per replica
  std::vector<std::int32_t> holders_;
};

}  // namespace switchyard
