// The settings of one policy as points of a unit cube, one axis a parameter.
#pragma once

#include <span>
#include <vector>

#include "core/api/params.hpp"

namespace switchyard {

// Values for coordinates in [0, 1): linear or logarithmic, whole numbers and choices in equal shares. Reals are rounded
// to four significant digits, so that a spec reads well and means just what was run. Parameters that do not matter at
// these values take their default, so that equal settings have equal specs.
ParamValues values_at(const std::vector<ParamSpec>& params, std::span<const double> coordinates);

}  // namespace switchyard
