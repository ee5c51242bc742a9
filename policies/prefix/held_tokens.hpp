// How many leading tokens of a queued prompt each replica's cache holds, by what replicas have published: asked once a
// decision, at a cost that grows with the replicas that hold any.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/api/cluster_view.hpp"

namespace switchyard {

class HeldTokens {
 public:
  // Before each replay.
  void reset(std::int32_t num_replicas) {
    tokens_.assign(static_cast<std::size_t>(num_replicas), 0);
    holders_.clear();
  }
  void read(const ClusterView& view, RequestId request) {
    for (const PrefixHolder& holder : holders_) tokens_[static_cast<std::size_t>(holder.replica)] = 0;
    view.prefix_holders(request, holders_);
    for (const PrefixHolder& holder : holders_) tokens_[static_cast<std::size_t>(holder.replica)] = holder.num_tokens;
  }
  std::int32_t of(std::int32_t replica) const { return tokens_[static_cast<std::size_t>(replica)]; }
  std::span<const PrefixHolder> holders() const { return holders_; }  // by replica

 private:
  std::vector<std::int32_t> tokens_;  // by replica
  std::vector<PrefixHolder> holders_;
};

}  // namespace switchyard
