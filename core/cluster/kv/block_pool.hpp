// The KV blocks of one replica, as vLLM's block pool has them: reference counts, a free list in order of last use, and
// an index of what blocks hold, so that a later request finds them again (automatic prefix caching). A block keeps its
// key while it lies in the free list and loses it when it is taken: nothing else is ever evicted.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/cluster/kv/block_key.hpp"
#include "core/cluster/kv/kv_change.hpp"

namespace switchyard {

using BlockId = std::int32_t;

class BlockPool {
 public:
  static constexpr BlockId kNone = 0;  // block 0 is never given out

  // Blocks 1 .. num_gpu_blocks - 1, all free in this order, none with a key. What can be found and what no more is
  // added to `changes`, unless it is nullptr.
  void reset(std::int32_t num_gpu_blocks, KvChanges* changes = nullptr);

  // Adds to the changes that no key is found any more, in order of keys. The pool is to be reset then.
  void tell_all_removed();

  std::int32_t num_usable() const { return static_cast<std::int32_t>(blocks_.size()) - 1; }
  std::int32_t num_free() const { return num_free_; }
  std::int32_t num_used() const { return num_usable() - num_free_; }
  std::int32_t num_free_cached() const { return num_free_cached_; }  // free, but still found by their key
  std::int64_t num_evicted() const { return num_evicted_; }          // keys lost since the reset

  // The block with this key that was published first; kNone if there is none. Changes nothing.
  BlockId find(BlockKey key) const;

  // Whether nobody holds the block: then it lies in the free list.
  bool is_free(BlockId block) const { return at(block).num_holders == 0; }

  // The front of the free list, now held once and without a key. At least one must be free.
  BlockId take();

  // One more request holds the block, which leaves the free list if it lay there.
  void touch(BlockId block);

  // One request gives its blocks back, the last one first. Those that nobody else holds go to the back of the free
  // list.
  void release(std::span<const BlockId> blocks);

  // From now on the block, which has no key, is found by this one. Blocks with equal keys are kept as they are.
  void publish(BlockId block, BlockKey key);

 private:
  struct Block {
    std::int32_t num_holders = 0;
    bool has_key = false;
    BlockKey key = 0;
    BlockId next_free = kNone, previous_free = kNone;  // in the free list
    BlockId next_twin = kNone, previous_twin = kNone;  // among blocks of the same key, in order of publication
  };
  struct Twins {
    BlockId first = kNone, last = kNone;
  };

  Block& at(BlockId block) { return blocks_[static_cast<std::size_t>(block)]; }
  const Block& at(BlockId block) const { return blocks_[static_cast<std::size_t>(block)]; }
  void append_free(BlockId block);
  void unlink_free(BlockId block);
  void forget_key(BlockId block);

  std::vector<Block> blocks_;  // block 0 is both ends of the free list: a ring
  std::unordered_map<BlockKey, Twins> index_;
  KvChanges* changes_ = nullptr;
  std::int32_t num_free_ = 0;
  std::int32_t num_free_cached_ = 0;
  std::int64_t num_evicted_ = 0;
};

}  // namespace switchyard
