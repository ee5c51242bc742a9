// Whether the policy keeps to what every policy must keep to: prints what it does not, and fails then.
#include <iostream>

#include "core/check/check_policy.hpp"

switchyard::PolicyInfo headroom_policy();

int main() {
  const auto faults = switchyard::check_policy(headroom_policy());
  for (const std::string& fault : faults) std::cout << fault << "\n";
  return faults.empty() ? 0 : 1;
}
