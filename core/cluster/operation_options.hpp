// How a cluster is operated: which of its replicas are there, when they fail, leave and join, and what becomes of the
// requests of one that fails.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "core/api/time.hpp"

namespace switchyard {

// What happens to a replica at a time that is given.
struct ReplicaEvent {
  enum class Kind : std::uint8_t {
    fail,   // what it holds is lost, its cache too; if `lasts` is not kNever, it is back after that time
    drain,  // takes nothing new, finishes what it has, leaves
    join,   // one that is not there takes requests once it has started up, with a cold cache
  };
  Time at = 0;
  Kind kind = Kind::fail;
  std::int32_t replica = 0;
  Time lasts = kNever;

  bool operator==(const ReplicaEvent&) const = default;
};

struct OperationOptions {
  std::vector<ReplicaEvent> events;   // in any order; of an instant, in this one
  std::int32_t initial_replicas = 0;  // the first ones, which are there from the start; 0: all
  Time mean_time_to_failure = 0;      // of each replica, exponential, drawn by the workload's seed; 0: none is drawn
  Time mean_time_to_repair = 0;       // of those, from the failure until it takes requests again
  Time detection = 0;                 // from a failure until routers know; the way back comes on top
  Time start_up = 0;                  // of a replica that joins
  std::int32_t max_retries = 3;       // of a request; then it has failed
  // Autoscaler: one more replica when the mean queue (requests that wait, in routers and replicas, for each replica
  // that takes any) has been above scale_above for scale_after, looked at each second; 0: there is none. A replica that
  // has had nothing for scale_idle is drained, but for the last min_replicas.
  double scale_above = 0;
  Time scale_after = 0;
  Time scale_idle = 0;
  std::int32_t min_replicas = 1;

  bool has_failures() const {
    return mean_time_to_failure > 0 || std::any_of(events.begin(), events.end(), [](const ReplicaEvent& event) {
             return event.kind == ReplicaEvent::Kind::fail;
           });
  }
  bool autoscales() const { return scale_above > 0; }
  // Whether all replicas are there all the time.
  bool are_none() const {
    return events.empty() && initial_replicas == 0 && mean_time_to_failure == 0 && !autoscales();
  }
  bool operator==(const OperationOptions&) const = default;
};

// "fail 2 at 100 for 60, drain 1 at 200, join 5 at 300": times in seconds. Throws InputError that starts with `where`.
std::vector<ReplicaEvent> parse_replica_events(const std::string& text, std::string_view where);

// In words, for reports; "" if there are none.
std::string operations_text(const OperationOptions& operations);

}  // namespace switchyard
