// `profile compose`: a profile from tables of operators.
#pragma once

#include "search/cli/options.hpp"

namespace switchyard {

void declare_profile_compose(Options& options);
int profile_compose(const Options& options);

}  // namespace switchyard
