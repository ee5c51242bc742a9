// How deep things lie in a stack of last use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace switchyard {

// Things, numbered from 0, in order of last use. A cache of c things that evicts what was used longest ago holds the c
// uppermost: so depths give the hits of caches of all sizes in one pass (Mattson et al. 1970). O(log n) amortised for n
// different things.
class LruStack {
 public:
  // How many things were used since this one was, itself included: 1 for the last one used, 0 for one that never was.
  std::size_t depth(std::size_t thing) const;

  // Puts the thing on top.
  void use(std::size_t thing);

  std::size_t size() const { return num_live_; }

 private:
  // A Fenwick tree (Fenwick 1994) over slots, one taken at each use and given up at the next use of the same thing.
  void change(std::size_t slot, std::int32_t by);
  void renumber();

  static constexpr std::uint32_t kNever = UINT32_MAX;

  std::vector<std::uint32_t> slot_of_;   // by thing
  std::vector<std::uint32_t> thing_in_;  // by slot; kNever: given up
  std::vector<std::int32_t> tree_;       // 1-based: live slots
  std::size_t next_slot_ = 0;
  std::size_t num_live_ = 0;
};

}  // namespace switchyard
