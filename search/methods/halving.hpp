#pragma once

#include "search/methods/method.hpp"

namespace switchyard {

// Successive halving (Jamieson, Talwalkar 2016): as many Sobol settings as the budget allows start on one training
// seed; at 1, 2, 4, ... seeds the better half goes on, until the last ones have run on all.
std::unique_ptr<Method> make_halving(const std::string& policy, const std::vector<ParamSpec>& params,
                                     const MethodOptions& options);

}  // namespace switchyard
