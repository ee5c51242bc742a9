// Prompts as a tree: a node is a longest stretch of blocks that the same prompts have in common, with what its owner
// knows of it. A prompt is a path of few nodes, however long it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/api/block_name.hpp"

namespace switchyard {

template <class Data>
class RadixTree {
 public:
  using NodeId = std::int32_t;
  static constexpr NodeId kRoot = 0;  // has no blocks

  struct Node {
    NodeId parent = kRoot;
    std::int32_t begin = 0;         // its first block, counted from the start of the prompt
    std::vector<BlockName> blocks;  // empty: the root, or a node that was removed
    std::int32_t num_children = 0;
    Data data{};

    std::int32_t num_blocks() const { return static_cast<std::int32_t>(blocks.size()); }
  };

  RadixTree() : nodes_(1) {}
  void clear() {
    nodes_.assign(1, Node{});
    by_first_.clear();
    free_.clear();
  }

  Node& operator[](NodeId id) { return nodes_[static_cast<std::size_t>(id)]; }
  const Node& operator[](NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  NodeId num_ids() const { return static_cast<NodeId>(nodes_.size()); }  // removed ones included

  // Calls visit(node, blocks of it that match) along the longest path that a prompt begins with, the root left out. The
  // last node may match in part only. Ends early where visit returns false: that node does not count.
  // Returns the number of leading blocks that match.
  template <class Visit>
  std::int32_t match(std::span<const BlockName> prompt, Visit visit) const {
    std::size_t done = 0;
    while (done < prompt.size()) {
      const NodeId id = child(prompt[done]);
      if (id == kRoot) break;
      const std::int32_t same = num_same((*this)[id], prompt.subspan(done));
      if (!visit(id, same)) break;
      done += static_cast<std::size_t>(same);
      if (same < (*this)[id].num_blocks()) break;
    }
    return static_cast<std::int32_t>(done);
  }

  // Makes the path of a prompt, and calls visit(node, parent) for each node of it from the top. A node that the prompt
  // shares a part of is split: the upper part is a new node that has a copy of its data, and split(upper, lower) is
  // called. Returns the last node, the root if the prompt has no block.
  template <class Split, class Visit>
  NodeId insert(std::span<const BlockName> prompt, Split split, Visit visit) {
    NodeId at = kRoot;
    std::size_t done = 0;
    while (done < prompt.size()) {
      NodeId next = child(prompt[done]);
      if (next == kRoot) {
        next = make(at, static_cast<std::int32_t>(done), prompt.subspan(done));
        done = prompt.size();
      } else {
        const std::int32_t same = num_same((*this)[next], prompt.subspan(done));
        if (same < (*this)[next].num_blocks()) {
          const NodeId upper = cut(next, same);
          split(upper, next);
          next = upper;
        }
        done += static_cast<std::size_t>(same);
      }
      visit(next, at);
      at = next;
    }
    return at;
  }

  // Of a node without children, not the root.
  void remove(NodeId id) {
    Node& node = (*this)[id];
    by_first_.erase(node.blocks.front());
    --(*this)[node.parent].num_children;
    node = Node{};
    free_.push_back(id);
  }

 private:
  // The node that begins with this block, or the root. As names stand for all that comes before, there is one at most.
  NodeId child(BlockName first) const {
    const auto found = by_first_.find(first);
    return found == by_first_.end() ? kRoot : found->second;
  }
  static std::int32_t num_same(const Node& node, std::span<const BlockName> prompt) {
    const std::size_t most = prompt.size() < node.blocks.size() ? prompt.size() : node.blocks.size();
    std::size_t same = 1;  // it was found by its first block
    while (same < most && node.blocks[same] == prompt[same]) ++same;
    return static_cast<std::int32_t>(same);
  }
  NodeId new_id() {
    if (free_.empty()) {
      nodes_.emplace_back();
      return num_ids() - 1;
    }
    const NodeId id = free_.back();
    free_.pop_back();
    return id;
  }
  NodeId make(NodeId parent, std::int32_t begin, std::span<const BlockName> blocks) {
    const NodeId id = new_id();
    Node& node = (*this)[id];
    node.parent = parent;
    node.begin = begin;
    node.blocks.assign(blocks.begin(), blocks.end());
    ++(*this)[parent].num_children;
    by_first_.insert_or_assign(blocks.front(), id);
    return id;
  }
  // Cuts a node after its first `num` blocks; it keeps the rest.
  NodeId cut(NodeId id, std::int32_t num) {
    const NodeId upper_id = new_id();
    Node& lower = (*this)[id];
    Node& upper = (*this)[upper_id];
    const auto end = lower.blocks.begin() + num;
    upper.parent = lower.parent;
    upper.begin = lower.begin;
    upper.blocks.assign(lower.blocks.begin(), end);
    upper.num_children = 1;
    upper.data = lower.data;
    lower.blocks.erase(lower.blocks.begin(), end);
    lower.begin += num;
    lower.parent = upper_id;
    by_first_.insert_or_assign(upper.blocks.front(), upper_id);
    by_first_.insert_or_assign(lower.blocks.front(), id);
    return upper_id;
  }

  std::vector<Node> nodes_;
  std::unordered_map<BlockName, NodeId> by_first_;  // looked up, never gone through
  std::vector<NodeId> free_;
};

}  // namespace switchyard
