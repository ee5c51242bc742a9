// The names by which policies see the blocks of prompts.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>

#include "core/api/block_name.hpp"

namespace switchyard::detail {

// Numbers blocks in the order in which they are shown. A workload's own numbers count up as content first occurs,
// outputs included: the gap between two prompts would tell how long an output in between will be. These tell nothing
// but what a policy has asked.
class BlockNaming {
 public:
  void reset() {
    shown_.clear();
    next_ = 0;
  }

  // Of a block of this size, and its number in the workload.
  BlockName name(std::int32_t block_size, std::uint64_t number) {
    const auto [entry, is_new] = shown_[block_size].try_emplace(number, next_);
    next_ += is_new;
    return BlockName(entry->second);
  }

 private:
  std::map<std::int32_t, std::unordered_map<std::uint64_t, std::uint64_t>> shown_;  // looked up, never gone through
  std::uint64_t next_ = 0;
};

}  // namespace switchyard::detail
