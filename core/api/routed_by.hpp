// A policy as the routers of a replay run it.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>

#include "core/api/policy.hpp"

namespace switchyard {

struct RoutedBy {
  std::function<std::unique_ptr<Policy>()> make;  // one for each router
  Time signal_interval = 0;                       // where the cluster leaves it to the policy
  // Whether it reads what replicas publish of themselves. If not, snapshots need not be taken; should it ask for one
  // all the same, it gets std::logic_error, and -1 for counts of waiting requests.
  bool reads_snapshots = true;
  bool knows_roles = true;  // PolicyInfo::knows_roles
};

// By the signals that it names; if it names none, it may read any.
inline bool reads_snapshots(const PolicyInfo& policy) {
  return policy.signals.empty() || std::any_of(policy.signals.begin(), policy.signals.end(), [](Signal signal) {
           return signal == Signal::waiting || signal == Signal::state || signal == Signal::requests;
         });
}

inline RoutedBy routed_by(const PolicyInfo& policy, const ParamValues& values) {
  return {[make = policy.make, values] { return make(values); }, policy.signal_interval, reads_snapshots(policy),
          policy.knows_roles};
}

}  // namespace switchyard
