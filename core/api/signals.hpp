// What a policy decides by: the signals that it reads, and what it wants to be told beyond arrivals and completions.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/api/time.hpp"

namespace switchyard {

// What a policy is called for beyond arrivals and completions, and what is worked out for it alone. Who asks for
// nothing costs nothing.
struct Subscription {
  bool first_tokens = false;  // on_first_token
  bool polls = false;         // on_poll
  bool kv_events = false;     // on_kv_event; replays then take each step by itself, and longer
  Time every = 0;             // on_timer at each multiple of this many ticks while requests are under way; 0: never

  bool waiting_uncached = false;  // ReplicaState::waiting_uncached_tokens is filled in: O(waiting) a state
  bool throughput = false;        // ReplicaState::generation_throughput is
  bool requests = false;          // published snapshots list requests (waiting, running); live ones always do
};

// Timers are no faster than this (1 ms), so that a run ends.
inline constexpr Time kShortestTimer = kTicksPerSecond / 1000;

// By name, for lists and reports.
enum class Signal : std::uint8_t {
  outstanding,   // own books: requests sent and not come back
  first_tokens,  // own books: answers that have begun
  waiting,       // published: requests that wait
  state,         // published: the rest of ReplicaState
  requests,      // published: each request that waits or runs
  cache,         // published: cached_tokens, prefix_holders
  kv_events,     // published: on_kv_event
};
inline constexpr int kNumSignals = 7;

std::string_view signal_name(Signal signal);
// What it is, and what its age is, in a few words.
std::string_view signal_text(Signal signal);

}  // namespace switchyard
