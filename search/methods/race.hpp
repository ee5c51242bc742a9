#pragma once

#include "search/methods/method.hpp"

namespace switchyard {

// The default method: proposals from a random-forest model, raced over training seeds against the best setting so far.
//
// Proposals (after SMAC: Hutter, Hoos, Leyton-Brown 2011): a batch of settings is chosen by expected improvement on a
// forest fitted to all that was run, from a pool of neighbours of the best settings of different choices (small, middle
// and large steps), crossings of them, and random ones; as many are drawn from Parzen densities (see parzen.hpp); one
// in eight is a Sobol point, whatever the models say. Racing (after F-Race and irace: Birattari and others 2002;
// Lopez-Ibanez and others 2016): each is run on a quarter of the seeds, half, and all, and given up as soon as it is
// unlikely to be among the best few, by its ratio to the best setting on the same seeds and by how far such looks have
// been off; or if it does exactly as another did.
std::unique_ptr<Method> make_race(const std::string& policy, const std::vector<ParamSpec>& params,
                                  const MethodOptions& options);

// The same proposals, each run on all seeds: what the racing saves can be told from it.
std::unique_ptr<Method> make_forest(const std::string& policy, const std::vector<ParamSpec>& params,
                                    const MethodOptions& options);

}  // namespace switchyard
