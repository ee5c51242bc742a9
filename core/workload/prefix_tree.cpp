#include "core/workload/prefix_tree.hpp"

#include <algorithm>
#include <cassert>

namespace switchyard {

// Names of blocks are numbers, and each request has them as runs of consecutive ones. The ends of all runs cut the
// numbers into intervals which a run has as a whole or not at all: these are the pieces that segments are made of.
PrefixTree::PrefixTree(const Content& content, std::size_t num_requests, std::int32_t block_size) {
  std::vector<std::uint64_t> cuts;
  for (std::size_t request = 0; request < num_requests; ++request) {
    content.visit_block_names(request, block_size, [&](NameRun run) {
      cuts.push_back(run.first);
      cuts.push_back(run.first + run.count);
    });
  }
  if (cuts.empty()) return;
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());

  // visit(interval, first block, number of blocks) along a request's path.
  const auto walk = [&](std::size_t request, auto visit) {
    std::int32_t block = 0;
    content.visit_block_names(request, block_size, [&](NameRun run) {
      const auto cut = std::lower_bound(cuts.begin(), cuts.end(), run.first);
      for (auto i = static_cast<std::size_t>(cut - cuts.begin()); cuts[i] < run.first + run.count; ++i) {
        const auto length = static_cast<std::int32_t>(cuts[i + 1] - cuts[i]);
        visit(i, block, length);
        block += length;
      }
    });
  };
  std::vector<std::int32_t> num_having(cuts.size(), 0);  // requests, by interval
  for (std::size_t request = 0; request < num_requests; ++request) {
    walk(request, [&](std::size_t interval, std::int32_t, std::int32_t) { ++num_having[interval]; });
  }

  // As a name stands for all blocks before it too, those who have an interval have all before it: if they are as many,
  // they are the same.
  std::vector<SegmentId> segment_of(cuts.size(), kNone);
  leaves_.assign(num_requests, kNone);
  for (std::size_t request = 0; request < num_requests; ++request) {
    SegmentId last = kNone;
    std::int32_t num_having_last = 0;
    walk(request, [&](std::size_t interval, std::int32_t begin, std::int32_t length) {
      if (num_having[interval] < 2) return;
      SegmentId& id = segment_of[interval];
      if (id == kNone) {
        if (num_having[interval] == num_having_last) {
          assert(segments_[static_cast<std::size_t>(last)].end == begin);
          segments_[static_cast<std::size_t>(last)].end += length;
          id = last;
        } else {
          id = num_segments();
          segments_.push_back({.parent = last, .begin = begin, .end = begin + length});
        }
      }
      last = id;
      num_having_last = num_having[interval];
    });
    leaves_[request] = last;
  }
}

}  // namespace switchyard
