// The names by which policies see the blocks of prompts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "core/api/block_name.hpp"
#include "core/api/split_mix64.hpp"

namespace switchyard::detail {

// Numbers blocks in the order in which they are shown. A workload's own numbers count up as content first occurs,
// outputs included: the gap between two prompts would tell how long an output in between will be. These tell nothing
// but what a policy has asked.
class BlockNaming {
 public:
  void reset() {
    for (auto& [size, pages] : shown_) pages.reset();  // what is allocated stays so
    next_ = 0;
  }

  // Of a block of this size, and its number in the workload.
  BlockName name(std::int32_t block_size, std::uint64_t number) {
    if (size_ != block_size) {
      size_ = block_size;
      pages_ = &shown_[block_size];
    }
    std::uint64_t& shown_as = pages_->at(number);
    if (shown_as == kNotShown) shown_as = next_++;
    return BlockName(shown_as);
  }

 private:
  static constexpr std::uint64_t kNotShown = UINT64_MAX;

  // What blocks are shown as, by their number. Those of a prompt follow each other in runs: so they stand in pages, and
  // a hash table knows the pages.
  class Pages {
   public:
    void reset() {
      std::fill(slots_.begin(), slots_.end(), Slot{});
      names_.clear();
      last_ = kNoPage;
    }
    std::uint64_t& at(std::uint64_t number) {
      const std::uint64_t page = number / kPage;
      if (page != last_) {
        last_ = page;
        begin_ = find(page);
      }
      return names_[begin_ + number % kPage];
    }

   private:
    static constexpr std::size_t kPage = 32;
    static constexpr std::uint64_t kNoPage = UINT64_MAX;
    struct Slot {
      std::uint64_t page = kNoPage;
      std::size_t begin = 0;  // in names_
    };

    std::size_t find(std::uint64_t page) {
      if (2 * (names_.size() / kPage + 1) > slots_.size()) grow();
      Slot& slot = slots_[slot_of(page)];
      if (slot.page == kNoPage) {
        slot = {page, names_.size()};
        names_.resize(names_.size() + kPage, kNotShown);
      }
      return slot.begin;
    }
    // That of the page, or the free one where it would go.
    std::size_t slot_of(std::uint64_t page) const {
      const std::size_t mask = slots_.size() - 1;
      std::size_t i = static_cast<std::size_t>(page * SplitMix64::kStep >> 32) & mask;
      while (slots_[i].page != kNoPage && slots_[i].page != page) i = (i + 1) & mask;
      return i;
    }
    void grow() {
      std::vector<Slot> old(std::max<std::size_t>(64, 2 * slots_.size()));
      old.swap(slots_);
      for (const Slot& slot : old) {
        if (slot.page != kNoPage) slots_[slot_of(slot.page)] = slot;
      }
    }

    std::vector<Slot> slots_;  // open addressing, at most half full
    std::vector<std::uint64_t> names_;
    std::uint64_t last_ = kNoPage;  // the page that was asked for last
    std::size_t begin_ = 0;
  };

  std::map<std::int32_t, Pages> shown_;  // by block size
  std::int32_t size_ = 0;                // of the block that was named last
  Pages* pages_ = nullptr;
  std::uint64_t next_ = 0;
};

}  // namespace switchyard::detail
