#include "policies/prefix/shared_lru_index.hpp"

#include <algorithm>

namespace switchyard {

void SharedLruIndex::reset(std::int64_t capacity, Time ttl, Time sweep) {
  table_.clear();
  recency_.reset(1);
  entries_.clear();
  size_ = 0;
  capacity_ = capacity;
  ttl_ = ttl;
  sweep_ = sweep;
  next_sweep_ = sweep;
}

void SharedLruIndex::insert(std::int32_t replica, std::span<const BlockName> prompt, std::int64_t num_unnamed,
                            Time now) {
  sweep(now);
  for (const BlockName name : prompt) {
    const std::uint32_t block = table_.number(name);
    if (block >= entries_.size()) entries_.resize(block + 1, Recency<Blocks>::kNone);
    if (entries_[block] == Recency<Blocks>::kNone) {
      entries_[block] = recency_.add(0, {block, 1, now});
      ++size_;
    } else {
      recency_.use(0, entries_[block]);
      recency_[entries_[block]].used_at = now;
    }
    if (!table_.find(block, replica)) table_.add(block, replica, 0);
    shrink();
  }
  if (num_unnamed <= 0) return;
  recency_.add(0, {kUnnamed, num_unnamed, now});
  size_ += num_unnamed;
  shrink();
}

void SharedLruIndex::match(std::span<const BlockName> prompt, Time now, PrefixMatches& out) {
  sweep(now);
  table_.match(prompt, MatchRule::consecutive, out);
}

// What the sweeps up to now have dropped.
void SharedLruIndex::sweep(Time now) {
  if (now < next_sweep_) return;
  const Time swept_at = now - now % sweep_;
  next_sweep_ = swept_at + sweep_;
  for (auto oldest = recency_.oldest(0); oldest != Recency<Blocks>::kNone; oldest = recency_.oldest(0)) {
    if (swept_at - recency_[oldest].used_at <= ttl_) return;
    drop(oldest);
  }
}

void SharedLruIndex::shrink() {
  while (size_ > capacity_) {
    const auto oldest = recency_.oldest(0);
    Blocks& blocks = recency_[oldest];
    if (blocks.count > size_ - capacity_) {
      blocks.count -= size_ - capacity_;
      size_ = capacity_;
      return;
    }
    drop(oldest);
  }
}

void SharedLruIndex::drop(Recency<Blocks>::Entry entry) {
  const Blocks& blocks = recency_[entry];
  size_ -= blocks.count;
  if (blocks.block != kUnnamed) {
    table_.remove_all(blocks.block);
    entries_[blocks.block] = Recency<Blocks>::kNone;
  }
  recency_.drop(entry);
}

}  // namespace switchyard
