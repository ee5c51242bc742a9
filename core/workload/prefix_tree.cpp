#include "core/workload/prefix_tree.hpp"

#include <algorithm>
#include <cassert>

namespace switchyard {

namespace {

bool by_first(const NameRun& a, const NameRun& b) { return a.first < b.first; }
std::uint64_t end_of(const NameRun& run) { return run.first + run.count; }

// The runs that may have a name in common with another run: all that do, and few others. Most names are given in the
// order in which they first occur, so that a run beyond all before it is the only one with its names, unless a later
// run comes back to them; what comes back is sorted, which is less than all.
std::vector<NameRun> runs_in_common(const Content& content, std::size_t num_requests, std::int32_t block_size) {
  std::vector<NameRun> ahead, back;  // the former rise, and are apart
  std::uint64_t end = 0;
  for (std::size_t request = 0; request < num_requests; ++request) {
    content.visit_block_names(request, block_size, [&](NameRun run) {
      if (run.count == 0) return;
      if (run.first < end) {
        back.push_back(run);
      } else {
        ahead.push_back(run);
        end = end_of(run);
      }
    });
  }
  std::sort(back.begin(), back.end(), [](const NameRun& a, const NameRun& b) {
    return a.first != b.first ? a.first < b.first : a.count < b.count;
  });
  const auto same = [](const NameRun& a, const NameRun& b) { return a.first == b.first && a.count == b.count; };
  back.erase(std::unique(back.begin(), back.end(), same), back.end());
  std::vector<NameRun> found;
  std::size_t at = 0;
  std::uint64_t back_to = 0;  // the furthest end of those that begin before this one ends
  for (const NameRun& run : ahead) {
    for (; at < back.size() && back[at].first < end_of(run); ++at) back_to = std::max(back_to, end_of(back[at]));
    if (back_to > run.first) found.push_back(run);
  }
  found.insert(found.end(), back.begin(), back.end());
  return found;
}

}  // namespace

// Names of blocks are numbers, and each request has them as runs of consecutive ones. The ends of the runs in common
// cut the numbers into intervals which such a run has as a whole or not at all: these are the pieces that segments are
// made of.
PrefixTree::PrefixTree(const Content& content, std::size_t num_requests, std::int32_t block_size) {
  std::vector<std::uint64_t> cuts;
  std::vector<char> begins;  // by cut: whether a run in common begins there
  {
    std::vector<NameRun> runs = runs_in_common(content, num_requests, block_size);
    for (const NameRun& run : runs) cuts.insert(cuts.end(), {run.first, end_of(run)});
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    std::sort(runs.begin(), runs.end(), by_first);
    begins.assign(cuts.size(), 0);
    std::size_t at = 0;
    for (const NameRun& run : runs) {
      while (cuts[at] < run.first) ++at;
      begins[at] = 1;
    }
  }
  if (cuts.empty()) return;

  // visit(interval, first block, number of blocks) along the runs in common of a request's path.
  const auto walk = [&](std::size_t request, auto visit) {
    std::int32_t block = 0;
    content.visit_block_names(request, block_size, [&](NameRun run) {
      const auto cut = std::lower_bound(cuts.begin(), cuts.end(), run.first);
      auto i = static_cast<std::size_t>(cut - cuts.begin());
      if (i == cuts.size() || cuts[i] != run.first || begins[i] == 0) {  // nobody else has these
        block += static_cast<std::int32_t>(run.count);
        return;
      }
      for (; cuts[i] < end_of(run); ++i) {
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
