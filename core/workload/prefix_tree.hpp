// Which leading blocks requests have in common, as a tree of segments.
//
// A segment is a longest stretch of consecutive blocks that the same requests have in common, two of them at least. So
// a prompt is a path of a few segments, however long it is, and then blocks that occur in no other request, which need
// no name: nobody else can ever find them. Made once for a workload; then it is only read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/workload/content.hpp"

namespace switchyard {

class PrefixTree {
 public:
  using SegmentId = std::int32_t;
  static constexpr SegmentId kNone = -1;

  struct Segment {
    SegmentId parent = kNone;  // whose end is this one's begin
    std::int32_t begin = 0;    // its first block, counted from the start of each request that has it
    std::int32_t end = 0;      // one past its last
  };

  // Nothing is in common.
  PrefixTree() = default;
  PrefixTree(const Content& content, std::size_t num_requests, std::int32_t block_size);

  std::int32_t num_segments() const { return static_cast<std::int32_t>(segments_.size()); }
  const Segment& segment(SegmentId id) const { return segments_[static_cast<std::size_t>(id)]; }

  // The last segment of a request's path; kNone if no other request begins as it does.
  SegmentId leaf(std::int32_t request) const {
    const auto i = static_cast<std::size_t>(request);
    return i < leaves_.size() ? leaves_[i] : kNone;
  }
  // How many of its leading blocks another request has as well.
  std::int32_t num_shared_blocks(std::int32_t request) const {
    const SegmentId id = leaf(request);
    return id == kNone ? 0 : segment(id).end;
  }

  // The segment of a request's path that holds a block below num_shared_blocks.
  SegmentId segment_with(std::int32_t request, std::int32_t block) const {
    SegmentId id = leaf(request);
    while (segment(id).begin > block) id = segment(id).parent;
    return id;
  }

 private:
  std::vector<Segment> segments_;  // each after its parent
  std::vector<SegmentId> leaves_;  // by request
};

}  // namespace switchyard
