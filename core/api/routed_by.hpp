// A policy as the routers of a replay run it.
#pragma once

#include <functional>
#include <memory>

#include "core/api/policy.hpp"

namespace switchyard {

struct RoutedBy {
  std::function<std::unique_ptr<Policy>()> make;  // one for each router
  Time signal_interval = 0;                       // where the cluster leaves it to the policy
};

inline RoutedBy routed_by(const PolicyInfo& policy, const ParamValues& values) {
  return {[make = policy.make, values] { return make(values); }, policy.signal_interval};
}

}  // namespace switchyard
