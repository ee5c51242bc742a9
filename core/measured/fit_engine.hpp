// The step times of an engine from the steps that a client saw: by tables of kernels if they are those of this engine,
// otherwise by what kernels do in general.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/measured/fit_operators.hpp"
#include "core/measured/fit_steps.hpp"

namespace switchyard {

struct EngineFit {
  std::shared_ptr<const StepTimes> times;
  StepFit general;                    // the form of fit_steps.hpp, fitted in any case
  std::optional<OperatorFit> tables;  // what `times` are if they are not that
  std::string prior;                  // the name of what was moved
  double median_error = 0;            // |fitted / measured - 1|
  double p95_error = 0;
};

// Fits the general form and each of the priors. The prior that leaves the steps of different sizes least apart is taken
// if that is less than half of what the general form leaves (tables of other kernels explain nothing of it) and it had
// to be moved no further than tables are known to be off. Errors as fit_steps.
EngineFit fit_engine(const std::string& what, const std::vector<RebuiltStep>& steps, const FittedModel& model,
                     const std::vector<OperatorPrior>& priors);

}  // namespace switchyard
