// The blocks of prompts that a router has in flight at each replica, those that several of them have counted once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/api/views.hpp"
#include "policies/prefix/holder_table.hpp"

namespace switchyard {

class ActiveBlocks {
 public:
  void start(std::int32_t num_replicas) {
    table_.clear();
    counts_.clear();
    free_.clear();
    slot_of_.clear();
    free_slots_.clear();
    for (std::size_t i = slots_.size(); i-- > 0;) free_slots_.push_back(static_cast<std::uint32_t>(i));
    blocks_.assign(static_cast<std::size_t>(num_replicas), 0);
    matches_.reset(num_replicas);
  }

  void add(RequestId id, std::int32_t replica, std::span<const BlockName> named, std::int64_t num_unnamed) {
    if (free_slots_.empty()) {
      free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    const auto request = static_cast<std::size_t>(id);
    if (request >= slot_of_.size()) slot_of_.resize(request + 1, kNoSlot);
    slot_of_[request] = free_slots_.back();
    free_slots_.pop_back();
    Sent& sent = slots_[slot_of_[request]];
    sent.blocks.clear();
    sent.replica = replica;
    sent.num_unnamed = num_unnamed;
    std::int64_t& blocks = blocks_[static_cast<std::size_t>(replica)];
    blocks += num_unnamed;
    for (const BlockName name : named) {
      const std::uint32_t block = table_.number(name);
      sent.blocks.push_back(block);
      if (const HolderTable::Holder* known = table_.find(block, replica)) {
        ++counts_[known->entry];
      } else {
        table_.add(block, replica, new_count());
        ++blocks;
      }
    }
  }
  void remove(RequestId id) {
    const auto request = static_cast<std::size_t>(id);
    if (request >= slot_of_.size() || slot_of_[request] == kNoSlot) return;
    const Sent& sent = slots_[slot_of_[request]];
    std::int64_t& blocks = blocks_[static_cast<std::size_t>(sent.replica)];
    blocks -= sent.num_unnamed;
    for (const std::uint32_t block : sent.blocks) {
      const std::uint32_t entry = table_.find(block, sent.replica)->entry;
      if (--counts_[entry] > 0) continue;
      free_.push_back(entry);
      table_.remove(block, sent.replica);
      --blocks;
    }
    free_slots_.push_back(slot_of_[request]);
    slot_of_[request] = kNoSlot;
  }

  std::int64_t blocks(std::int32_t replica) const { return blocks_[static_cast<std::size_t>(replica)]; }

  // Then shared(r) of the blocks are active at r already.
  void match(std::span<const BlockName> named) { table_.match(named, MatchRule::consecutive, matches_); }
  std::int64_t shared(std::int32_t replica) const { return matches_.blocks(replica); }

 private:
  static constexpr std::uint32_t kNoSlot = UINT32_MAX;
  struct Sent {
    std::int32_t replica = 0;
    std::int64_t num_unnamed = 0;
    std::vector<std::uint32_t> blocks;
  };
  std::uint32_t new_count() {
    if (free_.empty()) {
      counts_.push_back(1);
      return static_cast<std::uint32_t>(counts_.size()) - 1;
    }
    const std::uint32_t entry = free_.back();
    free_.pop_back();
    counts_[entry] = 1;
    return entry;
  }

  HolderTable table_;                 // of entries of counts_
  std::vector<std::int32_t> counts_;  // requests that have the block there
  std::vector<std::uint32_t> free_;   // entries
  std::vector<std::int64_t> blocks_;  // per replica
  std::vector<Sent> slots_;           // of requests in flight; they keep what they have allocated
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> slot_of_;  // by request, or kNoSlot
  PrefixMatches matches_;
};

}  // namespace switchyard
