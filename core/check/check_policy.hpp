// A battery for policies, those outside this tree included: what every policy must keep to, tried on small random
// workloads with tight memory, under each engine, with live signals and with old ones, several routers and a network;
// from round 30 on also where replicas fail, drain and join, and, if it knows roles, where prefill and decode are
// apart.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/api/policy.hpp"

namespace switchyard {

// One line for each thing that `policy` does and must not, with the workload that shows it; none if nothing was found.
// Of the default setting, or of `values`:
//
// - its runs end: each request is assigned once, after it arrived, and completes; nothing is thrown ("operated" and
//   "apart" in place of "end" where replicas come and go, and where they have roles: 30 rounds leave these out)
// - the same workload and seed give the same run, with a new object or one that has run something else (start()
// forgets)
// - both kernels give the same run
// - it is blind to the future: what arrives after t changes nothing before t
// - it is blind to output lengths: another length of a request changes nothing until that request completes
// - it reads no signals but those that its PolicyInfo names, if that names any
// - whether it is shown output lengths (Clairvoyant) is what its PolicyInfo says; such a policy need not be blind
std::vector<std::string> check_policy(const PolicyInfo& policy, int rounds = 40);
std::vector<std::string> check_policy(const PolicyInfo& policy, const ParamValues& values, int rounds = 40);

}  // namespace switchyard
