// A router's own record of which blocks it sent where, each for some time since it was last sent there, as Dynamo keeps
// it where engines send no KV events.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/api/time.hpp"
#include "policies/prefix/holder_table.hpp"
#include "policies/prefix/recency.hpp"

namespace switchyard {

class TtlIndex {
 public:
  // Forgets everything. What was not sent again within `ttl` is forgotten. Once it holds more than `max_size` blocks,
  // counted for each replica, those closest to that go until a share `pruned_to` of `max_size` is left.
  void reset(Time ttl, std::int64_t max_size, double pruned_to);

  // A prompt was sent there: its named blocks, and so many more that no other prompt has. Of one prompt, the last
  // blocks go first.
  void insert(std::int32_t replica, std::span<const BlockName> prompt, std::int64_t num_unnamed, Time now);

  // Leading blocks of each replica, strictly consecutive. Does not count as sending.
  void match(std::span<const BlockName> prompt, Time now, PrefixMatches& out);

  std::int64_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kUnnamed = UINT32_MAX;
  struct Blocks {
    std::uint32_t block = kUnnamed;
    std::int32_t replica = 0;
    std::int64_t count = 1;  // of unnamed ones
    Time sent_at = 0;
  };
  void expire(Time now);
  void drop_oldest();

  HolderTable table_;
  Recency<Blocks> recency_;  // one list
  std::int64_t size_ = 0;
  std::int64_t max_size_ = 0;
  std::int64_t pruned_size_ = 0;
  Time ttl_ = 0;
};

}  // namespace switchyard
