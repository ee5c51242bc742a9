// Lists of entries from the least to the most recently used, all in one pool: O(1) to add, move and drop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace switchyard {

template <class Value>
class Recency {
 public:
  using Entry = std::uint32_t;
  static constexpr Entry kNone = UINT32_MAX;

  void reset(std::size_t num_lists) {
    nodes_.assign(num_lists, Node{});  // the first ones are the ends of the lists
    for (Entry list = 0; list < num_lists; ++list) nodes_[list].older = nodes_[list].newer = list;
    free_.clear();
  }

  Value& operator[](Entry entry) { return nodes_[entry].value; }
  const Value& operator[](Entry entry) const { return nodes_[entry].value; }

  // kNone if the list is empty.
  Entry oldest(std::size_t list) const {
    const Entry entry = nodes_[list].newer;
    return entry == list ? kNone : entry;
  }

  // At the newest end.
  Entry add(std::size_t list, Value value) {
    Entry entry = static_cast<Entry>(nodes_.size());
    if (free_.empty()) {
      nodes_.push_back({});
    } else {
      entry = free_.back();
      free_.pop_back();
    }
    nodes_[entry].value = value;
    link(list, entry);
    return entry;
  }
  void use(std::size_t list, Entry entry) {
    unlink(entry);
    link(list, entry);
  }
  void drop(Entry entry) {
    unlink(entry);
    free_.push_back(entry);
  }

 private:
  struct Node {
    Value value{};
    Entry older = 0, newer = 0;
  };
  void link(std::size_t list, Entry entry) {
    const auto end = static_cast<Entry>(list);
    Node& node = nodes_[entry];
    node.newer = end;
    node.older = nodes_[end].older;
    nodes_[node.older].newer = entry;
    nodes_[end].older = entry;
  }
  void unlink(Entry entry) {
    const Node& node = nodes_[entry];
    nodes_[node.older].newer = node.newer;
    nodes_[node.newer].older = node.older;
  }
  std::vector<Node> nodes_;
  std::vector<Entry> free_;
};

}  // namespace switchyard
