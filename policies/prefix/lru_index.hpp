// A router's own record of which blocks it sent where: for each replica the last so many, as llm-d's approximate index
// and BLIS keep them. It knows nothing of what an engine evicts or generates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policies/prefix/holder_table.hpp"
#include "policies/prefix/recency.hpp"

namespace switchyard {

class LruIndex {
 public:
  // Forgets everything. How many blocks are remembered of each replica.
  void reset(std::span<const std::int64_t> capacities);

  // A prompt was sent there: its named blocks, and so many more that no other prompt has. They count as used just now,
  // the first one the earliest: so a replica that is full forgets a prompt from its beginning.
  void insert(std::int32_t replica, std::span<const BlockName> prompt, std::int64_t num_unnamed);

  // Does not count as a use.
  void match(std::span<const BlockName> prompt, MatchRule rule, PrefixMatches& out) const {
    table_.match(prompt, rule, out);
  }
  std::int64_t size(std::int32_t replica) const { return replicas_[static_cast<std::size_t>(replica)].size; }

 private:
  static constexpr std::uint32_t kUnnamed = UINT32_MAX;
  struct Blocks {
    std::uint32_t block = kUnnamed;
    std::int64_t count = 1;  // of unnamed ones
  };
  struct Replica {
    std::int64_t size = 0;  // blocks
    std::int64_t capacity = 0;
  };
  void shrink(std::int32_t replica);

  HolderTable table_;
  Recency<Blocks> recency_;  // a list a replica
  std::vector<Replica> replicas_;
};

}  // namespace switchyard
