// `profile fit`: a profile from what was measured, told by its content.
#pragma once

#include "search/cli/options.hpp"

namespace switchyard {

void declare_profile_fit(Options& options);
int profile_fit(const Options& options);

}  // namespace switchyard
