#include "policies/prefix/ttl_index.hpp"

namespace switchyard {

void TtlIndex::reset(Time ttl, std::int64_t max_size, double pruned_to) {
  table_.clear();
  recency_.reset(1);
  size_ = 0;
  max_size_ = max_size;
  pruned_size_ = static_cast<std::int64_t>(static_cast<double>(max_size) * pruned_to);
  ttl_ = ttl;
}

void TtlIndex::insert(std::int32_t replica, std::span<const BlockName> prompt, std::int64_t num_unnamed, Time now) {
  expire(now);
  if (num_unnamed > 0) {
    recency_.add(0, {kUnnamed, replica, num_unnamed, now});
    size_ += num_unnamed;
  }
  for (std::size_t i = prompt.size(); i-- > 0;) {
    const std::uint32_t block = table_.number(prompt[i]);
    if (const HolderTable::Holder* known = table_.find(block, replica)) {
      recency_.use(0, known->entry);
      recency_[known->entry].sent_at = now;
    } else {
      table_.add(block, replica, recency_.add(0, {block, replica, 1, now}));
      ++size_;
    }
  }
  if (size_ <= max_size_) return;
  while (size_ > pruned_size_) {
    Blocks& oldest = recency_[recency_.oldest(0)];
    if (oldest.count > size_ - pruned_size_) {
      oldest.count -= size_ - pruned_size_;
      size_ = pruned_size_;
    } else {
      drop_oldest();
    }
  }
}

void TtlIndex::match(std::span<const BlockName> prompt, Time now, PrefixMatches& out) {
  expire(now);
  table_.match(prompt, MatchRule::consecutive, out);
}

void TtlIndex::expire(Time now) {
  for (auto oldest = recency_.oldest(0); oldest != Recency<Blocks>::kNone; oldest = recency_.oldest(0)) {
    if (now - recency_[oldest].sent_at < ttl_) return;
    drop_oldest();
  }
}

void TtlIndex::drop_oldest() {
  const auto oldest = recency_.oldest(0);
  const Blocks& blocks = recency_[oldest];
  size_ -= blocks.count;
  if (blocks.block != kUnnamed) table_.remove(blocks.block, blocks.replica);
  recency_.drop(oldest);
}

}  // namespace switchyard
