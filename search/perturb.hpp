// Scenarios changed in what an operator cannot choose or cannot rely on: a policy that does well on one setting alone
// is of little use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/scenario/scenario.hpp"

namespace switchyard {

// "signals", "routers", "slow-replica", "failure".
const std::vector<std::string>& perturbations();

// Each scenario with every combination of the values of these perturbations, a comma between their names:
//   signals  published every 0 (live), 0.05, 1 and 10 s, KV events as much later
//   routers  1, 2 and 4
//   slow-replica  none, and the last one at half speed
//   failure  none, and one: replica 0 when half of the requests of the first held-out seed have come, for a tenth of
//            their time, noticed after 1 s
// Whatever the scenario itself says of these is replaced. Names say what was changed:
// "azure-conv+signals=1s+routers=4". Throws InputError that starts with `where` for an unknown or repeated name.
std::vector<Scenario> perturbed(const std::vector<Scenario>& scenarios, std::string_view names, std::string_view where);

}  // namespace switchyard
