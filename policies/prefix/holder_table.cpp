#include "policies/prefix/holder_table.hpp"

#include <algorithm>

namespace switchyard {

namespace {

auto place_of(auto& holders, std::int32_t replica) {
  return std::lower_bound(holders.begin(), holders.end(), replica,
                          [](const HolderTable::Holder& holder, std::int32_t r) { return holder.replica < r; });
}

}  // namespace

void HolderTable::clear() {
  numbers_.clear();
  holders_.clear();
}

const HolderTable::Holder* HolderTable::find(std::uint32_t block, std::int32_t replica) const {
  const std::vector<Holder>& holders = holders_[block];
  const auto found = place_of(holders, replica);
  return found != holders.end() && found->replica == replica ? &*found : nullptr;
}

void HolderTable::add(std::uint32_t block, std::int32_t replica, std::uint32_t entry) {
  std::vector<Holder>& holders = holders_[block];
  holders.insert(place_of(holders, replica), {replica, entry});
}

void HolderTable::remove(std::uint32_t block, std::int32_t replica) {
  std::vector<Holder>& holders = holders_[block];
  holders.erase(place_of(holders, replica));
}

void HolderTable::match(std::span<const BlockName> prompt, MatchRule rule, PrefixMatches& out) const {
  out.clear();
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    const std::uint32_t block = numbers_.find(prompt[i]);
    if (block == BlockNumbers::kNone) return;
    bool held = false;
    for (const Holder& holder : holders_[block]) {
      if (rule == MatchRule::consecutive && out.blocks(holder.replica) != static_cast<std::int32_t>(i)) continue;
      out.add(holder.replica);
      held = true;
    }
    if (!held) return;
  }
}

}  // namespace switchyard
