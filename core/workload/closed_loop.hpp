// Requests that arrive because others have completed: the later turns of sessions, and the next session of a client
// that has ended one. All of it is the future: no header of core/api includes this one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/api/time.hpp"

namespace switchyard {

class ClosedLoop {
 public:
  static constexpr std::int32_t kNone = -1;

  // An open loop: all arrivals are known before.
  ClosedLoop() = default;

  // `parents` by row: the row whose completion is waited for, an earlier one, or kNone; `thinks`: how long after it.
  // Rows without a parent are the first of a session each. `concurrency` above 0: so many sessions are under way at any
  // time. The first ones begin at 0, and one more as soon as one has ended, in order of rows; 0: sessions begin when
  // their first rows say. Throws std::invalid_argument for a parent that is not an earlier row.
  ClosedLoop(std::span<const std::int32_t> parents, std::span<const Time> thinks, std::int32_t concurrency);

  bool empty() const { return links_.empty(); }
  std::int32_t concurrency() const { return concurrency_; }

  // Whether a row's arrival is not known before the run.
  bool is_later(std::size_t row) const {
    return !empty() && (links_[row].parent != kNone || (concurrency_ > 0 && links_[row].session >= concurrency_));
  }
  std::int32_t parent(std::size_t row) const { return empty() ? kNone : links_[row].parent; }

  // Sessions, in order of their first rows.
  std::int32_t session(std::int32_t row) const { return links_[static_cast<std::size_t>(row)].session; }
  std::int32_t first_row(std::int32_t session) const { return first_rows_[static_cast<std::size_t>(session)]; }
  std::span<const std::int32_t> session_sizes() const { return sizes_; }  // rows of each

  // visit(row, think time) for each row that waits for this one, in order of rows.
  template <class Visit>
  void visit_next(std::int32_t row, Visit visit) const {
    for (std::int32_t next = links_[static_cast<std::size_t>(row)].first_next; next != kNone;) {
      const Link& link = links_[static_cast<std::size_t>(next)];
      visit(next, link.think);
      next = link.sibling;
    }
  }

 private:
  struct Link {
    Time think = 0;
    std::int32_t parent = kNone;
    std::int32_t first_next = kNone;  // the first row that waits for this one
    std::int32_t sibling = kNone;     // the next row that waits for the same one
    std::int32_t session = 0;
  };

  std::vector<Link> links_;  // by row
  std::vector<std::int32_t> first_rows_;
  std::vector<std::int32_t> sizes_;
  std::int32_t concurrency_ = 0;
};

}  // namespace switchyard
