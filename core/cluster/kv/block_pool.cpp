#include "core/cluster/kv/block_pool.hpp"

#include <algorithm>
#include <cassert>

namespace switchyard {

void BlockPool::reset(std::int32_t num_gpu_blocks, KvChanges* changes) {
  assert(num_gpu_blocks >= 2);
  blocks_.assign(static_cast<std::size_t>(num_gpu_blocks), {});
  index_.clear();
  changes_ = changes;
  num_free_ = 0;
  num_free_cached_ = 0;
  num_evicted_ = 0;
  for (BlockId block = 1; block < num_gpu_blocks; ++block) append_free(block);
}

void BlockPool::tell_all_removed() {
  if (!changes_) return;
  const auto first = static_cast<std::ptrdiff_t>(changes_->size());
  for (const auto& [key, twins] : index_) changes_->push_back({key, false});
  std::sort(changes_->begin() + first, changes_->end(),
            [](const KvChange& a, const KvChange& b) { return a.key < b.key; });
}

BlockId BlockPool::find(BlockKey key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? kNone : found->second.first;
}

BlockId BlockPool::take() {
  assert(num_free_ > 0);
  const BlockId block = at(0).next_free;
  unlink_free(block);
  if (at(block).has_key) {
    forget_key(block);
    ++num_evicted_;
  }
  at(block).num_holders = 1;
  return block;
}

void BlockPool::touch(BlockId block) {
  if (is_free(block)) unlink_free(block);
  ++at(block).num_holders;
}

void BlockPool::release(std::span<const BlockId> blocks) {
  for (std::size_t i = blocks.size(); i-- > 0;) {
    assert(at(blocks[i]).num_holders > 0);
    if (--at(blocks[i]).num_holders == 0) append_free(blocks[i]);
  }
}

void BlockPool::publish(BlockId block, BlockKey key) {
  assert(!at(block).has_key && at(block).num_holders > 0);
  at(block).has_key = true;
  at(block).key = key;
  Twins& twins = index_[key];
  if (changes_ && twins.first == kNone) changes_->push_back({key, true});
  at(block).previous_twin = twins.last;
  at(block).next_twin = kNone;
  (twins.last == kNone ? twins.first : at(twins.last).next_twin) = block;
  twins.last = block;
}

void BlockPool::forget_key(BlockId block) {
  const auto found = index_.find(at(block).key);
  const BlockId previous = at(block).previous_twin;
  const BlockId next = at(block).next_twin;
  (previous == kNone ? found->second.first : at(previous).next_twin) = next;
  (next == kNone ? found->second.last : at(next).previous_twin) = previous;
  if (found->second.first == kNone) {
    if (changes_) changes_->push_back({found->first, false});
    index_.erase(found);
  }
  at(block).has_key = false;
}

void BlockPool::append_free(BlockId block) {
  const BlockId last = at(0).previous_free;
  at(block).previous_free = last;
  at(block).next_free = 0;
  at(last).next_free = block;
  at(0).previous_free = block;
  ++num_free_;
  num_free_cached_ += at(block).has_key;
}

void BlockPool::unlink_free(BlockId block) {
  at(at(block).previous_free).next_free = at(block).next_free;
  at(at(block).next_free).previous_free = at(block).previous_free;
  --num_free_;
  num_free_cached_ -= at(block).has_key;
}

}  // namespace switchyard
