// Which parameters of a policy matter, read from the trials of a search.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace switchyard {

// By parameter, in the order of declaration: the share of the variance of log(value) over the whole space that the
// parameter explains alone, as a random forest over the trials predicts it: the variance of the mean prediction given
// the parameter, / the variance of predictions (functional ANOVA, Hutter, Hoos, Leyton-Brown 2014, with the space
// sampled at fixed random settings; 0 to 1, and their sum is below 1 by what parameters do together). The logarithm
// keeps a few ruinous settings from being all that counts. Empty if the policy has fewer than two parameters, there are
// fewer than 10 trials, or a value is not above 0. `specs` and `values` are trials of one policy, by position. Throws
// InputError for a spec that is none.
std::vector<std::pair<std::string, double>> parameter_importance(const std::vector<std::string>& specs,
                                                                 const std::vector<double>& values);

}  // namespace switchyard
