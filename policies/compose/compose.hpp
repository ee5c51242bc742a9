// The policy `compose`: any order, admissions and placement, with the parameters of all parts.
#pragma once

#include "core/api/policy.hpp"

namespace switchyard {

PolicyInfo compose_policy();
PolicyInfo compose_split_policy();  // where prefill and decode are apart

}  // namespace switchyard
