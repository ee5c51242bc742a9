// A router's own record of which blocks it sent where, in one table for all replicas: the last so many blocks, each for
// some time, as AIBrix keeps it. A block that is sent anywhere again stays, with all the replicas that it was sent to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/api/time.hpp"
#include "policies/prefix/holder_table.hpp"
#include "policies/prefix/recency.hpp"

namespace switchyard {

class SharedLruIndex {
 public:
  // Forgets everything. Blocks are dropped in sweeps, at whole multiples of `sweep`, once they were not sent for longer
  // than `ttl`.
  void reset(std::int64_t capacity, Time ttl, Time sweep);

  // A prompt was sent there: its named blocks, and so many more that no other prompt has.
  void insert(std::int32_t replica, std::span<const BlockName> prompt, std::int64_t num_unnamed, Time now);

  // Leading blocks of each replica, strictly consecutive. Does not count as a use.
  void match(std::span<const BlockName> prompt, Time now, PrefixMatches& out);

  std::int64_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kUnnamed = UINT32_MAX;
  struct Blocks {
    std::uint32_t block = kUnnamed;
    std::int64_t count = 1;  // of unnamed ones
    Time used_at = 0;
  };
  void sweep(Time now);
  void shrink();
  void drop(Recency<Blocks>::Entry entry);

  HolderTable table_;
  Recency<Blocks> recency_;                      // one list
  std::vector<Recency<Blocks>::Entry> entries_;  // by block
  std::int64_t size_ = 0;                        // blocks
  std::int64_t capacity_ = 0;
  Time ttl_ = 0;
  Time sweep_ = 1;
  Time next_sweep_ = 0;
};

}  // namespace switchyard
