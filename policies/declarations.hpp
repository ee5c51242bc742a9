// What the registry lists. A file a group: what each policy is called, what it does, its parameters, how to make it.
#pragma once

#include <vector>

#include "core/api/policy.hpp"

namespace switchyard {

std::vector<PolicyInfo> baseline_policies();
std::vector<PolicyInfo> tuned_policies();  // this project's own

}  // namespace switchyard
