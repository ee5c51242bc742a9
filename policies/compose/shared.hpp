// Parameters of composed policies that belong to no part, or to several.
#pragma once

#include <vector>

#include "policies/compose/composed.hpp"

namespace switchyard {

inline constexpr unsigned kHolds = 1U << 16;  // beside PartUses: some admission may make requests wait

class SharedParams {
 public:
  struct Param {
    ParamSpec spec;      // conditions only on other shared parameters
    unsigned needed_by;  // PartUses and kHolds
  };
  static const std::vector<Param>& list();

  // Gives the policy, whose parts use `uses`, the values of these parameters, in the order of list().
  static void apply(std::span<const double> values, unsigned uses, Composed& policy);
};

}  // namespace switchyard
