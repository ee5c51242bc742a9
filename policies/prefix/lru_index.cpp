#include "policies/prefix/lru_index.hpp"

#include <algorithm>

namespace switchyard {

void LruIndex::reset(std::span<const std::int64_t> capacities) {
  table_.clear();
  recency_.reset(capacities.size());
  replicas_.clear();
  for (const std::int64_t capacity : capacities) replicas_.push_back({0, capacity});
}

void LruIndex::insert(std::int32_t replica, std::span<const BlockName> prompt, std::int64_t num_unnamed) {
  const auto list = static_cast<std::size_t>(replica);
  for (const BlockName name : prompt) {
    const std::uint32_t block = table_.number(name);
    if (const HolderTable::Holder* known = table_.find(block, replica)) {
      recency_.use(list, known->entry);
      continue;
    }
    table_.add(block, replica, recency_.add(list, {block, 1}));
    ++replicas_[list].size;
    shrink(replica);
  }
  if (num_unnamed <= 0) return;
  recency_.add(list, {kUnnamed, num_unnamed});
  replicas_[list].size += num_unnamed;
  shrink(replica);
}

void LruIndex::shrink(std::int32_t replica) {
  const auto list = static_cast<std::size_t>(replica);
  Replica& kept = replicas_[list];
  while (kept.size > kept.capacity) {
    const auto oldest = recency_.oldest(list);
    Blocks& blocks = recency_[oldest];
    const std::int64_t dropped = std::min(blocks.count, kept.size - kept.capacity);
    kept.size -= dropped;
    if (dropped < blocks.count) {
      blocks.count -= dropped;
      return;
    }
    if (blocks.block != kUnnamed) table_.remove(blocks.block, replica);
    recency_.drop(oldest);
  }
}

}  // namespace switchyard
