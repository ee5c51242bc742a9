// Commands that make the workload of one seed, as opposed to those that run on lists of seeds.
#pragma once

#include "search/cli/options.hpp"

namespace switchyard {

// Throws InputError for given flags of seed lists that do not reach the one seed: those lists only say how much more
// load (train_overload) a training or validation seed gets.
void check_seed_flags_matter(const Options& options, const Scenario& scenario);

}  // namespace switchyard
