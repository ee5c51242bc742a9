// The policy `compose`: any order, admissions and placement, with the parameters of all parts.
#pragma once

#include "core/api/policy.hpp"

namespace switchyard {

PolicyInfo compose_policy();

}  // namespace switchyard
