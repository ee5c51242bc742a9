#include "core/workload/hash_ids.hpp"

#include <algorithm>
#include <stdexcept>

#include "core/api/split_mix64.hpp"

namespace switchyard {

void HashIds::append_names(std::uint64_t count) {
  if (count > kRoot - num_names_) throw std::length_error("more than 4294967295 different blocks");
  num_names_ += count;
}

std::size_t HashIds::slot_of(std::uint32_t parent, std::int64_t id) const {
  // Keys that differ little are spread over the whole table.
  const std::uint64_t mixed = SplitMix64::mix(static_cast<std::uint64_t>(id) * SplitMix64::kStep + parent);
  std::size_t slot = static_cast<std::size_t>(mixed) & (table_.size() - 1);
  for (; table_[slot] != 0; slot = (slot + 1) & (table_.size() - 1)) {
    const Segment& segment = segments_[table_[slot] - 1];
    if (segment.parent == parent && segment.first_id == id) break;
  }
  return slot;
}

void HashIds::grow_table() {
  table_.assign(table_.empty() ? 64 : 2 * table_.size(), 0);
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    table_[slot_of(segments_[i].parent, segments_[i].first_id)] = static_cast<std::uint32_t>(i + 1);
  }
}

HashIds::Place HashIds::step(const Place* from, std::int64_t id) {
  std::uint32_t parent = kRoot;
  bool follows = false;  // the id is the next number behind the parent's
  bool at_end = false;   // the parent is the last name of its segment
  if (from) {
    const Segment& segment = segments_[from->segment];
    parent = segment.first_name + from->offset;
    follows = id - segment.first_id == std::int64_t{from->offset} + 1;
    at_end = from->offset + 1 == segment.count;
    if (follows && !at_end) return {from->segment, from->offset + 1};
  }
  if (2 * segments_.size() >= table_.size()) grow_table();
  const std::size_t slot = slot_of(parent, id);
  if (table_[slot] != 0) return {table_[slot] - 1, 0};
  append_names(1);
  // Only the newest segment can become longer: the names go on where it ends.
  if (follows && at_end && from->segment + 1 == segments_.size()) {
    ++segments_.back().count;
    return {from->segment, from->offset + 1};
  }
  segments_.push_back(
      {.first_id = id, .parent = parent, .first_name = static_cast<std::uint32_t>(num_names_ - 1), .count = 1});
  table_[slot] = static_cast<std::uint32_t>(segments_.size());
  return {segments_.size() - 1, 0};
}

std::int32_t HashIds::add_named(std::span<const Run> runs) {
  for (const Run& run : runs) {
    num_names_ = std::max(num_names_, std::uint64_t{run.first} + run.count);
    runs_.push_back(run);
  }
  return end_row();
}

void HashIds::append(Path& path, const IdRun& run) {
  for (std::int64_t done = 0; done < run.count;) {
    const std::uint64_t names_before = num_names_;
    path.place = step(path.begun ? &path.place : nullptr, run.first + done);
    path.begun = true;
    Segment& segment = segments_[path.place.segment];
    const std::int64_t left = run.count - done - 1;
    // What follows a name that is new is new as well; else as much as the segment goes on with.
    if (num_names_ != names_before) {
      append_names(static_cast<std::uint64_t>(left));
      segment.count += static_cast<std::uint32_t>(left);
    }
    const std::int64_t more = std::min<std::int64_t>(left, segment.count - path.place.offset - 1);
    const std::uint32_t name = segment.first_name + path.place.offset;
    const auto taken = static_cast<std::uint32_t>(more + 1);
    if (runs_.size() > path.begin && runs_.back().first + runs_.back().count == name) {
      runs_.back().count += taken;
    } else {
      runs_.push_back({name, taken});
    }
    path.place.offset += static_cast<std::uint32_t>(more);
    done += more + 1;
  }
}

std::int32_t HashIds::end_row() {
  begins_.push_back(runs_.size());
  return static_cast<std::int32_t>(begins_.size() - 2);
}

std::int32_t HashIds::add(std::span<const std::int64_t> ids) {
  Path path{.begin = runs_.size()};
  IdRun run;
  for (const std::int64_t id : ids) {
    if (run.count > 0 && run.first + run.count == id) {
      ++run.count;
      continue;
    }
    append(path, run);
    run = {id, 1};
  }
  append(path, run);
  return end_row();
}

std::int32_t HashIds::add(std::span<const IdRun> runs) {
  Path path{.begin = runs_.size()};
  for (const IdRun& run : runs) append(path, run);
  return end_row();
}

}  // namespace switchyard
