// References that know output lengths: what perfect prediction could buy. Never deployable, and marked so.
#pragma once

#include <vector>

#include "core/api/policy.hpp"

namespace switchyard {

std::vector<PolicyInfo> clairvoyant_policies();

}  // namespace switchyard
