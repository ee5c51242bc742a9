// What lies between routers and replicas: how old signals are, how many routers there are, and what the network takes.
#pragma once

#include <cstdint>
#include <string>

#include "core/api/time.hpp"

namespace switchyard {

// When replicas take the snapshots that they publish, where that is at regular times.
enum class SnapshotPhase : std::uint8_t {
  spread,   // replica r of n at r * interval / n, and every interval from there
  aligned,  // all together
};

// Replicas publish snapshots of themselves (view.state, num_waiting, waiting, running), and what their prefix caches
// gain and lose (view.cached_tokens, prefix_holders, on_kv_event).
struct SignalOptions {
  static constexpr Time kByPolicy = -1;  // the interval of whatever policy runs: PolicyInfo::signal_interval

  Time interval = 0;  // between snapshots of a replica, in ticks; 0: there is one of each moment
  Time delay = 0;     // from the snapshot until routers can read it
  SnapshotPhase phase = SnapshotPhase::spread;
  Time kv_delay = 0;  // from a change of a prefix cache until routers know of it

  bool are_live() const { return interval == 0 && delay == 0; }
  bool operator==(const SignalOptions&) const = default;
};

// In words, for reports: how old they are.
std::string signals_text(const SignalOptions& signals);

// How arrivals are shared between routers.
enum class Split : std::uint8_t {
  round_robin,
  session,  // by hash of the session; a request without one is a session of its own
};

inline constexpr std::int32_t kMostRouters = 64;

struct RouterOptions {
  std::int32_t count = 1;  // each with a policy, a queue and books of its own
  Split split = Split::round_robin;
  Time dispatch = 0;  // from a router to a replica, in ticks
  Time response = 0;  // back
  Time decision = 0;  // of a router's time that a policy call takes; they are served one at a time

  bool operator==(const RouterOptions&) const = default;
};
std::string routers_text(const RouterOptions& routers);

}  // namespace switchyard
