// A router's own record of which prompts it sent where, as one radix tree of all replicas' prompts, as SGLang's gateway
// and those that came of it keep it. A node knows its tenants, the replicas that its blocks were sent to; which of them
// speaks for it does not go by load. It knows nothing of what an engine evicts or generates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policies/prefix/radix_tree.hpp"

namespace switchyard {

class TenantTree {
 public:
  struct Found {
    std::int32_t num_blocks = 0;  // leading blocks that the tree has, whoever holds them
    std::int32_t tenant = -1;     // who speaks for the last node of them; -1: nothing is found
    std::int32_t node = 0;        // that node
  };

  // Forgets everything. Each `refresh`-th access to a node, counted over the whole tree, makes the tenant that it was
  // for the one that speaks for the node; until then, and if that one is gone, it is the one that has been there
  // longest.
  void reset(std::int32_t num_replicas, std::int32_t refresh);

  // A prompt was sent there: its named blocks, and so many more that no other prompt has.
  void insert(std::span<const BlockName> prompt, std::int64_t num_unnamed, std::int32_t replica);

  // Counts as an access for the tenants that it finds.
  Found find(std::span<const BlockName> prompt);

  // The replicas that hold what a look-up found, in the order in which they came to hold it.
  void tenants(std::int32_t node, std::vector<std::int32_t>& out) const;

  // Blocks that are kept for the replica.
  std::int64_t size(std::int32_t replica) const { return sizes_[static_cast<std::size_t>(replica)]; }

  // While more than `max_blocks` are kept for a replica, its least recently accessed leaf goes: a node that it is a
  // tenant of, but of none below.
  void evict(std::int64_t max_blocks);
  void evict(std::int32_t replica, std::int64_t max_blocks);

 private:
  struct Tenant {
    std::int32_t replica;
    std::int32_t num_below = 0;  // children, and tails, that it is a tenant of
    std::uint64_t accessed = 0;
  };
  struct Tenants {
    std::vector<Tenant> all;
    std::int32_t speaker = -1;
  };
  // The blocks of a prompt that no other has: nobody can find them.
  struct Tail {
    std::int32_t parent = 0;  // node
    std::int32_t replica = -1;
    std::int64_t num_blocks = 0;
    std::uint64_t accessed = 0;
  };
  using Tree = RadixTree<Tenants>;

  static Tenant* find(Tenants& tenants, std::int32_t replica);
  void access(Tenants& tenants, Tenant& tenant);
  bool drop_below(std::int32_t node, std::int32_t replica);

  Tree tree_;
  std::vector<Tail> tails_;
  std::vector<std::int64_t> sizes_;  // per replica
  std::uint64_t clock_ = 0;          // accesses
  std::uint64_t refresh_ = 8;
};

}  // namespace switchyard
