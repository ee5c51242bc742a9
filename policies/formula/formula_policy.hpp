// The policy `formula`: the three decisions as expressions, without compiling.
#pragma once

#include "core/api/policy.hpp"

namespace switchyard {

PolicyInfo formula_policy();

}  // namespace switchyard
