// What each parameter of a setting is worth near it: one step to either side, the others as they are.
#pragma once

#include <string>
#include <vector>

#include "policies/registry.hpp"
#include "search/ledger.hpp"
#include "search/objective.hpp"
#include "search/statistics.hpp"

namespace switchyard {

// Numbers step by this share of their range (on a logarithmic scale, of its logarithm).
inline constexpr double kStepShare = 0.1;

struct ParameterStep {
  std::size_t parameter = 0;  // index in the policy's declaration
  PolicySpec policy;          // with the step taken
};

// The steps from a setting, by parameter that matters there, in the order of declaration: a number to both sides by
// kStepShare of its range, cut at the ends, a whole number by 1 at least; a choice to each other one. What begins to
// matter by a step stands at its default.
std::vector<ParameterStep> steps_from(const PolicySpec& policy);

struct SensitivityStep {
  std::string parameter;
  std::string from, to;  // values, as specs write them
  std::string policy;    // canonical spec with the step taken
  std::string failure;   // why it failed; then no figure holds
  std::string infeasible;
  std::vector<double> by_seed;  // objective by held-out seed
  double value = 0;             // its mean
  Interval change;              // of the objective's mean, relative to the setting's, paired by seed
};

struct Sensitivity {
  std::string scenario;
  std::string workload;  // source
  std::string cost;      // source of batch times
  Goal goal;
  std::string seeds;   // held-out ones
  std::string policy;  // canonical spec of the setting
  std::string infeasible;
  std::vector<double> by_seed;
  Interval value;                      // objective, mean over seeds
  std::vector<SensitivityStep> steps;  // the parameter whose steps change most first, failed ones before all
};

// Replays the setting and its steps on held-out seeds: on training seeds a tuned setting looks as if every step away
// from it were a loss. Throws InputError if the policy has no parameters, or the setting fails.
Sensitivity sensitivity_of(Ledger& ledger, const Goal& goal, const PolicySpec& policy);

}  // namespace switchyard
