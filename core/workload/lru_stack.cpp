#include "core/workload/lru_stack.hpp"

#include <algorithm>

namespace switchyard {

void LruStack::change(std::size_t slot, std::int32_t by) {
  for (std::size_t i = slot + 1; i < tree_.size(); i += i & (~i + 1)) tree_[i] += by;
}

std::size_t LruStack::depth(std::size_t thing) const {
  if (thing >= slot_of_.size() || slot_of_[thing] == kNever) return 0;
  std::int64_t not_above = 0;  // live slots up to the thing's own
  for (std::size_t i = slot_of_[thing] + std::size_t{1}; i > 0; i -= i & (~i + 1)) not_above += tree_[i];
  return num_live_ - static_cast<std::size_t>(not_above) + 1;
}

void LruStack::use(std::size_t thing) {
  if (thing >= slot_of_.size()) slot_of_.resize(std::max(thing + 1, 2 * slot_of_.size()), kNever);
  if (next_slot_ + 1 >= tree_.size()) renumber();
  if (slot_of_[thing] == kNever) {
    ++num_live_;
  } else {
    change(slot_of_[thing], -1);
    thing_in_[slot_of_[thing]] = kNever;
  }
  slot_of_[thing] = static_cast<std::uint32_t>(next_slot_);
  thing_in_[next_slot_] = static_cast<std::uint32_t>(thing);
  change(next_slot_, 1);
  ++next_slot_;
}

// Closes the gaps and doubles the room behind what is live.
void LruStack::renumber() {
  thing_in_.resize(next_slot_);
  std::erase(thing_in_, kNever);
  next_slot_ = thing_in_.size();
  const std::size_t room = std::max<std::size_t>(64, 2 * next_slot_);
  thing_in_.resize(room, kNever);
  tree_.assign(room + 1, 0);
  for (std::size_t slot = 0; slot < next_slot_; ++slot) {
    slot_of_[thing_in_[slot]] = static_cast<std::uint32_t>(slot);
    tree_[slot + 1] = 1;
  }
  for (std::size_t i = 1; i < tree_.size(); ++i) {
    const std::size_t above = i + (i & (~i + 1));
    if (above < tree_.size()) tree_[above] += tree_[i];
  }
}

}  // namespace switchyard
