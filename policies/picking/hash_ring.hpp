// Consistent hashing: the same key goes to the same replica, and what moves when replicas come or go is little.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/api/cluster_view.hpp"

namespace switchyard {

// The last step of SplitMix64 (Steele, Lea, Flood 2014): spreads what differs in a few bits over all of them.
inline std::uint64_t spread_bits(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}
inline std::uint64_t hash_of(std::uint64_t a, std::uint64_t b) { return spread_bits(spread_bits(a) ^ b); }

// A ring of `virtual_nodes` places for each replica.
class HashRing {
 public:
  HashRing() = default;
  HashRing(std::int32_t num_replicas, std::int32_t virtual_nodes) { reset(num_replicas, virtual_nodes); }
  void reset(std::int32_t num_replicas, std::int32_t virtual_nodes) {
    places_.clear();
    places_.reserve(static_cast<std::size_t>(num_replicas) * static_cast<std::size_t>(virtual_nodes));
    for (std::int32_t replica = 0; replica < num_replicas; ++replica) {
      for (std::int32_t node = 0; node < virtual_nodes; ++node) {
        places_.emplace_back(hash_of(std::uint64_t(replica) + 1, std::uint64_t(node)), replica);
      }
    }
    std::sort(places_.begin(), places_.end());
    visited_.assign(static_cast<std::size_t>(num_replicas), 0);
    walk_ = 0;
  }

  // The first replica at or after the key, once around, that `accept` takes; -1: none. Each replica is asked once.
  template <class Accept>
  std::int32_t walk(std::uint64_t key, Accept accept) {
    ++walk_;
    auto at = std::lower_bound(places_.begin(), places_.end(), std::pair{key, std::int32_t{0}});
    for (std::size_t step = 0; step < places_.size(); ++step, ++at) {
      if (at == places_.end()) at = places_.begin();
      std::uint64_t& visited = visited_[static_cast<std::size_t>(at->second)];
      if (visited == walk_) continue;
      visited = walk_;
      if (accept(at->second)) return at->second;
    }
    return -1;
  }

  std::int32_t first(std::uint64_t key) {
    return walk(key, [](std::int32_t) { return true; });
  }

 private:
  std::vector<std::pair<std::uint64_t, std::int32_t>> places_;  // in order
  std::vector<std::uint64_t> visited_;                          // per replica: in which walk
  std::uint64_t walk_ = 0;
};

// Rendezvous (highest random weight) hashing: of the candidates, the one whose hash with the key is the highest.
template <class Replicas>
std::int32_t rendezvous(std::uint64_t key, const Replicas& candidates) {
  std::int32_t best = -1;
  std::uint64_t highest = 0;
  for (const std::int32_t replica : candidates) {
    const std::uint64_t hash = hash_of(std::uint64_t(replica) + 1, key);
    if (best >= 0 && hash <= highest) continue;
    best = replica;
    highest = hash;
  }
  return best;
}

// Systems that split text count characters; workloads here count tokens. English text has about four to one.
inline constexpr std::int32_t kCharactersPerToken = 4;

// What a hash of the first `tokens` tokens of a queued request's prompt would be, or of all if it is shorter: equal for
// prompts that begin alike. A prompt of which nothing is known is like no other.
inline std::uint64_t prompt_key(const ClusterView& view, const QueuedRequest& request, std::int32_t tokens) {
  const auto blocks = view.prompt_blocks(request.id, std::min(tokens, request.num_prefill_tokens));
  // Not of the numbers of replicas, or keys would fall on their places on the ring.
  if (blocks.empty()) return hash_of(UINT64_MAX, static_cast<std::uint64_t>(request.id));
  return hash_of(UINT64_MAX - 1, std::hash<BlockName>{}(blocks.front()));
}

// The same of its session, if the client tells it; else of the first `tokens` tokens of the prompt.
inline std::uint64_t session_or_prompt_key(const ClusterView& view, const QueuedRequest& request, std::int32_t tokens) {
  if (request.session < 0) return prompt_key(view, request, tokens);
  return hash_of(UINT64_MAX - 2, static_cast<std::uint64_t>(request.session));
}

}  // namespace switchyard
