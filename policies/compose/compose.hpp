// The policy `compose`: any order, admissions and placement, with the parameters of all parts.
#pragma once

#include "core/api/policy.hpp"

namespace switchyard {

PolicyInfo compose_policy();
// The signals that this setting of it reads. Empty: none that has a name.
std::vector<Signal> signals_of_composition(const ParamValues& values);
PolicyInfo compose_split_policy();  // where prefill and decode are apart

}  // namespace switchyard
