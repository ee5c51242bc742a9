#include "core/workload/closed_loop.hpp"

#include <stdexcept>

namespace switchyard {

ClosedLoop::ClosedLoop(std::span<const std::int32_t> parents, std::span<const Time> thinks, std::int32_t concurrency)
    : links_(parents.size()), concurrency_(concurrency) {
  for (std::size_t row = 0; row < links_.size(); ++row) {
    Link& link = links_[row];
    link.parent = parents[row];
    if (link.parent == kNone) {
      link.session = static_cast<std::int32_t>(first_rows_.size());
      first_rows_.push_back(static_cast<std::int32_t>(row));
      sizes_.push_back(0);
    } else {
      if (link.parent < 0 || static_cast<std::size_t>(link.parent) >= row) {
        throw std::invalid_argument("a request waits for one that is not before it");
      }
      link.think = thinks[row];
      link.session = links_[static_cast<std::size_t>(link.parent)].session;
    }
    ++sizes_[static_cast<std::size_t>(link.session)];
  }
  // From the last row on, so that those that wait for the same one are linked in their order.
  for (std::size_t row = links_.size(); row-- > 0;) {
    if (links_[row].parent == kNone) continue;
    Link& parent = links_[static_cast<std::size_t>(links_[row].parent)];
    links_[row].sibling = parent.first_next;
    parent.first_next = static_cast<std::int32_t>(row);
  }
}

}  // namespace switchyard
