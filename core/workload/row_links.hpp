// Rows that wait for others, taken out together with those.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/workload/workload.hpp"

namespace switchyard {

// Leaves out the rows of which leave_out(row) is true, and those that wait for one that is left out: a session ends
// where a turn of it is missing. Returns how many those were.
template <class LeaveOut>
std::size_t drop_rows(std::vector<RawRequest>& rows, LeaveOut leave_out) {
  std::vector<std::int32_t> place(rows.size());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    RawRequest row = rows[i];
    const std::int32_t parent = row.parent < 0 ? 0 : place[static_cast<std::size_t>(row.parent)];
    if (parent < 0 || leave_out(row)) {
      place[i] = -1;
      continue;
    }
    if (row.parent >= 0) row.parent = parent;
    place[i] = static_cast<std::int32_t>(kept);
    rows[kept++] = row;
  }
  const std::size_t dropped = rows.size() - kept;
  rows.resize(kept);
  return dropped;
}

}  // namespace switchyard
