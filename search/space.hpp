// The settings of one policy as a search space: real, integer, logarithmic and categorical axes, some of which matter
// only while a choice has certain values.
#pragma once

#include <span>
#include <vector>

#include "core/api/params.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

double uniform(RandomStream& random);  // [0, 1)
double normal(RandomStream& random);   // Box, Muller 1958

// Values for coordinates in [0, 1]: linear or logarithmic, whole numbers and choices in equal shares. Reals are rounded
// to four significant digits, so that a spec reads well and means just what was run. Parameters that do not matter at
// these values take their default, so that equal settings have equal specs.
ParamValues values_at(const std::vector<ParamSpec>& params, std::span<const double> coordinates);

// The same of one parameter, which matters.
double value_on_axis(const ParamSpec& param, double coordinate);

// Where a value lies on its axis: values_at gives it back. Whole numbers and choices stand at the middle of their
// share.
double coordinate_of(const ParamSpec& param, double value);

// Parameters that do not matter take their default; repeated until nothing changes, as one may depend on another.
void settle(const std::vector<ParamSpec>& params, ParamValues& values);

ParamValues random_values(const std::vector<ParamSpec>& params, RandomStream& random);

// A neighbour: on average `changes` parameters that matter are moved, numbers by a normal step of `step` axis lengths
// (reflected at the ends), choices to another one. What begins to matter by that starts at its default or anywhere.
ParamValues mutated(const std::vector<ParamSpec>& params, const ParamValues& from, double changes, double step,
                    RandomStream& random);

// Each parameter from one of two settings.
ParamValues crossed(const std::vector<ParamSpec>& params, const ParamValues& a, const ParamValues& b,
                    RandomStream& random);

}  // namespace switchyard
