#include "policies/prefix/tenant_tree.hpp"

#include <algorithm>
#include <queue>

namespace switchyard {

void TenantTree::reset(std::int32_t num_replicas, std::int32_t refresh) {
  tree_.clear();
  tails_.clear();
  sizes_.assign(static_cast<std::size_t>(num_replicas), 0);
  clock_ = 0;
  refresh_ = static_cast<std::uint64_t>(refresh);
}

TenantTree::Tenant* TenantTree::find(Tenants& tenants, std::int32_t replica) {
  for (Tenant& tenant : tenants.all) {
    if (tenant.replica == replica) return &tenant;
  }
  return nullptr;
}

void TenantTree::access(Tenants& tenants, Tenant& tenant) {
  tenant.accessed = ++clock_;
  if (clock_ % refresh_ == 0) tenants.speaker = tenant.replica;
}

void TenantTree::insert(std::span<const BlockName> prompt, std::int64_t num_unnamed, std::int32_t replica) {
  const auto split = [&](Tree::NodeId upper, Tree::NodeId) {
    for (Tenant& tenant : tree_[upper].data.all) tenant.num_below = 1;
  };
  const auto visit = [&](Tree::NodeId id, Tree::NodeId parent) {
    Tenants& tenants = tree_[id].data;
    Tenant* tenant = find(tenants, replica);
    if (tenant == nullptr) {
      tenants.all.push_back({replica});
      tenant = &tenants.all.back();
      sizes_[static_cast<std::size_t>(replica)] += tree_[id].num_blocks();
      if (parent != Tree::kRoot) ++find(tree_[parent].data, replica)->num_below;
    }
    access(tenants, *tenant);
  };
  const Tree::NodeId last = tree_.insert(prompt, split, visit);
  if (num_unnamed <= 0) return;
  tails_.push_back({last, replica, num_unnamed, ++clock_});
  sizes_[static_cast<std::size_t>(replica)] += num_unnamed;
  if (last != Tree::kRoot) ++find(tree_[last].data, replica)->num_below;
}

TenantTree::Found TenantTree::find(std::span<const BlockName> prompt) {
  Found found;
  found.num_blocks = tree_.match(prompt, [&](Tree::NodeId id, std::int32_t) {
    Tenants& tenants = tree_[id].data;
    if (tenants.all.empty()) return false;
    Tenant* speaker = find(tenants, tenants.speaker);
    if (speaker == nullptr) speaker = &tenants.all.front();
    access(tenants, *speaker);
    found.tenant = speaker->replica;
    found.node = id;
    return true;
  });
  return found;
}

void TenantTree::tenants(std::int32_t node, std::vector<std::int32_t>& out) const {
  out.clear();
  for (const Tenant& tenant : tree_[node].data.all) out.push_back(tenant.replica);
}

void TenantTree::evict(std::int64_t max_blocks) {
  for (std::int32_t replica = 0; replica < static_cast<std::int32_t>(sizes_.size()); ++replica) {
    if (size(replica) > max_blocks) evict(replica, max_blocks);
  }
  std::erase_if(tails_, [](const Tail& tail) { return tail.num_blocks == 0; });
}

// One child, or tail, less of the node that the replica is a tenant of: whether it is a leaf of the replica's now.
bool TenantTree::drop_below(std::int32_t node, std::int32_t replica) {
  return node != Tree::kRoot && --find(tree_[node].data, replica)->num_below == 0;
}

void TenantTree::evict(std::int32_t replica, std::int64_t max_blocks) {
  struct Leaf {
    std::uint64_t accessed;
    std::int32_t node;  // or -1 - tail
    bool operator>(const Leaf& other) const { return accessed > other.accessed; }
  };
  std::priority_queue<Leaf, std::vector<Leaf>, std::greater<>> leaves;
  for (Tree::NodeId id = 1; id < tree_.num_ids(); ++id) {
    const Tenant* tenant = find(tree_[id].data, replica);
    if (tenant != nullptr && tenant->num_below == 0) leaves.push({tenant->accessed, id});
  }
  for (std::size_t i = 0; i < tails_.size(); ++i) {
    if (tails_[i].replica == replica) leaves.push({tails_[i].accessed, -1 - static_cast<std::int32_t>(i)});
  }
  std::int64_t& size = sizes_[static_cast<std::size_t>(replica)];
  while (size > max_blocks && !leaves.empty()) {
    const Leaf leaf = leaves.top();
    leaves.pop();
    Tree::NodeId parent = Tree::kRoot;
    if (leaf.node < 0) {
      Tail& tail = tails_[static_cast<std::size_t>(-1 - leaf.node)];
      parent = tail.parent;
      size -= tail.num_blocks;
      tail.num_blocks = 0;
    } else {
      Tree::Node& node = tree_[leaf.node];
      parent = node.parent;
      size -= node.num_blocks();
      std::erase_if(node.data.all, [&](const Tenant& tenant) { return tenant.replica == replica; });
      if (node.data.all.empty() && node.num_children == 0) tree_.remove(leaf.node);
    }
    if (drop_below(parent, replica)) leaves.push({find(tree_[parent].data, replica)->accessed, parent});
  }
}

}  // namespace switchyard
