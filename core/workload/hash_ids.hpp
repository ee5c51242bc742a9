// Hash ids as traces hold them, turned into the names that Content keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/workload/content.hpp"

namespace switchyard {

// Gives each block a name that stands for the block's id and all ids before it, numbered as they first occur. Published
// ids are equal only if all before them are, but nothing here relies on that.
//
// The paths from the first block on form a tree. It is kept in segments: where ids are consecutive numbers, as they are
// where a trace numbers its blocks as they come, a segment takes the place of a node for each block, so that memory
// grows with the places where prompts part and not with their length.
class HashIds {
 public:
  using Run = Content::StoredRun;

  // Ids first, first + 1, ..., so many of them.
  struct IdRun {
    std::int64_t first = 0;
    std::int64_t count = 0;
  };

  // Adds a row with these ids (from 0 up), and returns its number. Throws std::length_error beyond 4,294,967,295 names.
  std::int32_t add(std::span<const std::int64_t> ids);

  // The same by runs of ids; takes as long as there are runs and places where prompts part, not ids.
  std::int32_t add(std::span<const IdRun> runs);

  // Adds a row by names, the caller's own, instead of ids. The rows of one object are all of one kind.
  std::int32_t add_named(std::span<const Run> runs);

  std::size_t num_rows() const { return begins_.size() - 1; }
  std::uint64_t num_names() const { return num_names_; }
  std::span<const Run> runs(std::int32_t row) const {
    const auto i = static_cast<std::size_t>(row);
    return std::span(runs_).subspan(begins_[i], begins_[i + 1] - begins_[i]);
  }

 private:
  // Names first_name, ... stand for the ids first_id, ..., one after another behind `parent` (a name, or kRoot).
  struct Segment {
    std::int64_t first_id = 0;
    std::uint32_t parent = 0;
    std::uint32_t first_name = 0;
    std::uint32_t count = 0;
  };
  static constexpr std::uint32_t kRoot = UINT32_MAX;

  // A name: the segment that holds it, and where it is in there.
  struct Place {
    std::size_t segment = 0;
    std::uint32_t offset = 0;
  };

  // The name of the block with this id behind a name, which is new if no row has shown it before.
  Place step(const Place* from, std::int64_t id);
  void append_names(std::uint64_t count);

  // A row that is being added: where its last id is, if it has any yet, and where its runs of names begin.
  struct Path {
    Place place;
    bool begun = false;
    std::size_t begin = 0;
  };
  void append(Path& path, const IdRun& run);
  std::int32_t end_row();
  std::size_t slot_of(std::uint32_t parent, std::int64_t id) const;  // where it is in the table, or may be put
  void grow_table();

  std::uint64_t num_names_ = 0;
  std::vector<Segment> segments_;
  std::vector<std::uint32_t> table_;  // open addressing, by (parent, first id): index of a segment + 1; 0: free
  std::vector<std::size_t> begins_ = {0};
  std::vector<Run> runs_;
};

}  // namespace switchyard
