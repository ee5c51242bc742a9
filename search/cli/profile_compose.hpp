// `profile compose`: a profile from tables of operators.
#pragma once

#include <string>

#include "search/cli/options.hpp"

namespace switchyard {

// --dtype, and the bytes of a weight in it. Throws InputError.
std::string dtype_of(const Options& options);
double bytes_per_weight(const std::string& dtype);

void declare_profile_compose(Options& options);
int profile_compose(const Options& options);

}  // namespace switchyard
