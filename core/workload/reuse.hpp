// How much of its prompts a workload could find in prefix caches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/workload/content.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

// A cache of this size, and what share of all prompt tokens is found in it.
struct CachedShare {
  std::int64_t cache_tokens = 0;
  double hit_rate = 0;
};

inline constexpr std::array<double, 5> kReuseLevels = {0.05, 0.25, 0.5, 0.75, 0.95};

// As if all requests went to one cache one after another, each computed at once: what routing and engines can lose from
// is known then. A prompt finds its leading blocks, as far as they are there without a gap; the cache evicts what was
// used longest ago, of one request the end first. Blocks are those of the workload's ids, whole ones only.
struct ReuseFigures {
  std::int32_t block_tokens = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t named_tokens = 0;  // of these, in whole blocks whose content is known
  std::int64_t hit_tokens = 0;    // of these, found in a cache without end
  double hit_rate = 0;            // hit_tokens by prompt_tokens
  std::int64_t num_blocks = 0;    // different ones, outputs' included: what a cache without end holds in the end
  // Hit rates of caches of 1, 2, 4, ... blocks, up to the first one in which as much is found as in one without end.
  std::vector<CachedShare> by_cache_size;
  std::size_t num_prefixes = 0;     // different first blocks
  double shared_first_share = 0;    // requests whose first block another request begins with too
  double largest_prefix_share = 0;  // requests that begin with the most frequent first block
  // Time since a found block was last used, over found blocks: at kReuseLevels, between ranks linear.
  std::array<double, kReuseLevels.size()> reuse_time_s{};

  double named_share() const { return static_cast<double>(named_tokens) / static_cast<double>(prompt_tokens); }
};

// Takes O(n log n) time for n blocks, and memory for the different ones. Content is by row. Throws
// std::invalid_argument if there are no rows.
ReuseFigures inspect_reuse(const std::vector<RawRequest>& rows, const Content& content);

}  // namespace switchyard
