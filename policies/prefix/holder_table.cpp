#include "policies/prefix/holder_table.hpp"

namespace switchyard {

void HolderTable::clear() {
  numbers_.clear();
  first_.clear();
  holders_.clear();
  free_ = kNone;
}

const HolderTable::Holder* HolderTable::find(std::uint32_t block, std::int32_t replica) const {
  for (std::uint32_t i = first_[block]; i != kNone; i = holders_[i].next) {
    if (holders_[i].replica >= replica) return holders_[i].replica == replica ? &holders_[i] : nullptr;
  }
  return nullptr;
}

// What points to the first holder that is not below the replica.
std::uint32_t* HolderTable::link_to(std::uint32_t block, std::int32_t replica) {
  std::uint32_t* link = &first_[block];
  while (*link != kNone && holders_[*link].replica < replica) link = &holders_[*link].next;
  return link;
}

void HolderTable::add(std::uint32_t block, std::int32_t replica, std::uint32_t entry) {
  std::uint32_t i = free_;
  if (i == kNone) {
    i = static_cast<std::uint32_t>(holders_.size());
    holders_.push_back({});
  } else {
    free_ = holders_[i].next;
  }
  std::uint32_t* const link = link_to(block, replica);
  holders_[i] = {replica, entry, *link};
  *link = i;
}

void HolderTable::remove(std::uint32_t block, std::int32_t replica) {
  std::uint32_t* const link = link_to(block, replica);
  const std::uint32_t i = *link;
  *link = holders_[i].next;
  holders_[i].next = free_;
  free_ = i;
}

void HolderTable::remove_all(std::uint32_t block) {
  while (first_[block] != kNone) {
    const std::uint32_t i = first_[block];
    first_[block] = holders_[i].next;
    holders_[i].next = free_;
    free_ = i;
  }
}

void HolderTable::match(std::span<const BlockName> prompt, MatchRule rule, PrefixMatches& out) const {
  out.clear();
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    const std::uint32_t block = numbers_.find(prompt[i]);
    if (block == BlockNumbers::kNone) return;
    bool held = false;
    for (std::uint32_t h = first_[block]; h != kNone; h = holders_[h].next) {
      const std::int32_t replica = holders_[h].replica;
      if (rule == MatchRule::consecutive && out.blocks(replica) != static_cast<std::int32_t>(i)) continue;
      out.add(replica);
      held = true;
    }
    if (!held) return;
  }
}

}  // namespace switchyard
