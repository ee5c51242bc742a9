// Which replicas hold which blocks: what the indexes of prefixes have in common.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policies/prefix/block_numbers.hpp"
#include "policies/prefix/prefix_matches.hpp"

namespace switchyard {

// What counts as a match of a prompt's leading blocks.
enum class MatchRule : std::uint8_t {
  consecutive,  // a replica's blocks up to the first that it does not hold
  bridged       // all that it holds up to the first block that no replica holds
};

class HolderTable {
 public:
  struct Holder {
    std::int32_t replica;
    std::uint32_t entry;  // what the index knows of this block there
    std::uint32_t next;   // holder of the same block
  };

  void clear();
  std::uint32_t number(BlockName name) {
    const std::uint32_t block = numbers_.number(name);
    if (block == first_.size()) first_.push_back(kNone);
    return block;
  }

  // Null if the replica does not hold the block. Valid until the next change. O(holders).
  const Holder* find(std::uint32_t block, std::int32_t replica) const;
  void add(std::uint32_t block, std::int32_t replica, std::uint32_t entry);  // one that does not hold it yet
  void remove(std::uint32_t block, std::int32_t replica);
  void remove_all(std::uint32_t block);

  // O(sum of the holders of the blocks that are looked at).
  void match(std::span<const BlockName> prompt, MatchRule rule, PrefixMatches& out) const;

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::uint32_t* link_to(std::uint32_t block, std::int32_t replica);

  BlockNumbers numbers_;
  std::vector<std::uint32_t> first_;  // holder of each block, or kNone; in order of replica
  std::vector<Holder> holders_;       // of all blocks
  std::uint32_t free_ = kNone;        // the first holder that is none now
};

}  // namespace switchyard
