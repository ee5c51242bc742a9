// Numbers the blocks that an index of prefixes gets to know 0, 1, 2, ..., so that what it keeps of them stands in
// vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/api/block_name.hpp"

namespace switchyard {

// An open-addressed table that is never more than half full. Blocks are not forgotten: there are no more of them than a
// workload has.
class BlockNumbers {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  void clear() {
    slots_.clear();
    names_.clear();
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(names_.size()); }

  // kNone if the block was never numbered.
  std::uint32_t find(BlockName name) const { return slots_.empty() ? kNone : slots_[slot_of(name)]; }

  std::uint32_t number(BlockName name) {
    if (2 * (names_.size() + 1) > slots_.size()) grow();
    std::uint32_t& slot = slots_[slot_of(name)];
    if (slot == kNone) {
      slot = size();
      names_.push_back(name);
    }
    return slot;
  }

 private:
  // That of the name, or the empty one where it would go.
  std::size_t slot_of(BlockName name) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = std::hash<BlockName>()(name) & mask;
    while (slots_[slot] != kNone && names_[slots_[slot]] != name) slot = (slot + 1) & mask;
    return slot;
  }
  void grow() {
    slots_.assign(slots_.empty() ? 64 : 2 * slots_.size(), kNone);
    for (std::uint32_t i = 0; i < names_.size(); ++i) slots_[slot_of(names_[i])] = i;
  }

  std::vector<std::uint32_t> slots_;
  std::vector<BlockName> names_;  // by number
};

}  // namespace switchyard
