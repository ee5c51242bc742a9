// The lines of which a RunPool holds blocks: a hash table, as a pool sees few of a workload's lines at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/api/split_mix64.hpp"

namespace switchyard {

class LineTable {
 public:
  struct Line {
    std::int32_t id = -1;         // -1: a free entry
    std::int32_t first_run = -1;  // of its runs, in order of their first block
    std::int32_t end = 0;         // blocks up to here are cached
    bool has_twins = false;       // two runs may hold the same block
  };

  void reset() {
    lines_.assign(std::max(kFewest, lines_.size()), {});  // what is allocated stays so
    size_ = 0;
  }

  Line* find(std::int32_t id) { return const_cast<Line*>(static_cast<const LineTable*>(this)->find(id)); }
  const Line* find(std::int32_t id) const {
    for (std::size_t i = home(id);; i = next(i)) {
      if (lines_[i].id == id) return &lines_[i];
      if (lines_[i].id < 0) return nullptr;
    }
  }

  // In no order that means anything.
  template <class Visit>
  void visit(Visit visit) const {
    for (const Line& line : lines_) {
      if (line.id >= 0) visit(line);
    }
  }

  // A new line. Makes pointers to others invalid, as erase does.
  Line& insert(std::int32_t id) {
    if (2 * ++size_ > lines_.size()) grow();
    return *place({.id = id});
  }

  void erase(std::int32_t id) {
    std::size_t hole = home(id);
    while (lines_[hole].id != id) hole = next(hole);
    --size_;
    // Whatever a search would no longer find behind the hole moves into it.
    for (std::size_t i = next(hole); lines_[i].id >= 0; i = next(i)) {
      const std::size_t from_home = (i - home(lines_[i].id)) & (lines_.size() - 1);
      if (from_home >= ((i - hole) & (lines_.size() - 1))) {
        lines_[hole] = lines_[i];
        hole = i;
      }
    }
    lines_[hole] = {};
  }

 private:
  static constexpr std::size_t kFewest = 64;

  std::size_t home(std::int32_t id) const {
    const std::uint64_t mixed = static_cast<std::uint64_t>(static_cast<std::uint32_t>(id)) * SplitMix64::kStep;
    return static_cast<std::size_t>(mixed >> 32) & (lines_.size() - 1);
  }
  std::size_t next(std::size_t i) const { return (i + 1) & (lines_.size() - 1); }

  Line* place(const Line& line) {
    std::size_t i = home(line.id);
    while (lines_[i].id >= 0) i = next(i);
    lines_[i] = line;
    return &lines_[i];
  }

  void grow() {
    std::vector<Line> old(2 * lines_.size());
    old.swap(lines_);
    for (const Line& line : old) {
      if (line.id >= 0) place(line);
    }
  }

  std::vector<Line> lines_;  // open addressing, at most half full
  std::size_t size_ = 0;
};

}  // namespace switchyard
