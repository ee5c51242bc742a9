// One function a policy: what it is called, what it does, its parameters, how to make it.
#pragma once

#include "core/api/policy.hpp"

namespace switchyard {

PolicyInfo random_policy();
PolicyInfo round_robin_policy();
PolicyInfo lor_policy();
PolicyInfo llq_policy();
PolicyInfo power_of_two_policy();
PolicyInfo hra_policy();
PolicyInfo shortest_expected_work_policy();
PolicyInfo prefill_balance_policy();
PolicyInfo memory_headroom_policy();

}  // namespace switchyard
