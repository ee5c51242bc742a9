// What a router has sent to a replica since the snapshot that it reads was taken: what that snapshot does not show.
#pragma once

#include <cstdint>
#include <vector>

#include "core/api/views.hpp"

namespace switchyard {

class OwnDispatches {
 public:
  void start(std::int32_t num_replicas) { replicas_.assign(static_cast<std::size_t>(num_replicas), Since{}); }

  // Just after something was sent there: `state` is what the replica has published, `amount` what the router counts.
  void add(const ReplicaState& state, std::int32_t replica, std::int64_t amount) {
    Since& since = replicas_[static_cast<std::size_t>(replica)];
    if (since.taken_at != state.taken_at) since = {state.taken_at, 0};
    since.amount += amount;
  }
  // Nothing where signals are live: a snapshot that is taken now shows all that was sent.
  std::int64_t since(const ReplicaState& state, std::int32_t replica, Time now) const {
    const Since& since = replicas_[static_cast<std::size_t>(replica)];
    return state.taken_at == since.taken_at && state.taken_at < now ? since.amount : 0;
  }

 private:
  struct Since {
    Time taken_at = 0;
    std::int64_t amount = 0;
  };
  std::vector<Since> replicas_;
};

// Prompt tokens that wait and that the engine's cache does not hold; all that wait, for an engine without a cache.
inline std::int64_t waiting_uncached_tokens(const ReplicaState& state) {
  return state.waiting_uncached_tokens >= 0 ? state.waiting_uncached_tokens : state.waiting_prefill_tokens;
}

}  // namespace switchyard
