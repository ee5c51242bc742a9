// Which replica a session was bound to, for routers that keep sessions where they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/api/time.hpp"
#include "policies/picking/hash_ring.hpp"

namespace switchyard {

// The key of a session for rings and rendezvous hashing; not of the numbers of replicas, or keys would fall on their
// places on the ring.
inline std::uint64_t session_key(std::int32_t session) {
  return hash_of(UINT64_MAX - 2, static_cast<std::uint64_t>(session));
}

class SessionTable {
 public:
  // Forgets everything. A session that was not used for longer than `idle` is new again.
  void start(Time idle) {
    bound_.clear();
    idle_ = idle;
  }

  // Where it is bound; -1 if it is new, or the request has no session (-1).
  std::int32_t find(std::int32_t session, Time now) const {
    const auto i = static_cast<std::size_t>(session);
    if (session < 0 || i >= bound_.size() || now - bound_[i].used_at > idle_) return -1;
    return bound_[i].replica;
  }
  // Used there now.
  void bind(std::int32_t session, std::int32_t replica, Time now) {
    if (session < 0) return;
    const auto i = static_cast<std::size_t>(session);
    if (i >= bound_.size()) bound_.resize(i + 1);
    bound_[i] = {replica, now};
  }

 private:
  struct Bound {
    std::int32_t replica = -1;
    Time used_at = 0;
  };
  std::vector<Bound> bound_;  // by session: they are numbered as they come
  Time idle_ = 0;
};

}  // namespace switchyard
