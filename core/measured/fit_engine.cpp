#include "core/measured/fit_engine.hpp"

#include <algorithm>
#include <cmath>

#include "core/measured/step_noise.hpp"

namespace switchyard {

namespace {

constexpr double kMostMoved = 3;         // deviations
constexpr double kExplainedShare = 0.5;  // of the noise of kernels

}  // namespace

EngineFit fit_engine(const std::string& what, const std::vector<RebuiltStep>& steps, const FittedModel& model,
                     const std::vector<OperatorPrior>& priors) {
  EngineFit fit;
  fit.general = fit_steps(what, steps, model);
  fit.times = std::make_shared<TiedRoofline>(fit.general.numbers);
  // No fit is said to leave less than the floor: where half of what the general model leaves is below it, tables that
  // leave no more than the floor explain all there is.
  double least = std::max(kLeastKernelNoise, kExplainedShare * fit.general.kernel_noise);
  for (const OperatorPrior& prior : priors) {
    OperatorFit found = fit_operators(steps, prior, model.overhead_ms);
    if (found.surprise > kMostMoved || found.kernel_noise > least) continue;
    if (fit.tables && found.kernel_noise == least && found.median_error >= fit.tables->median_error) continue;
    least = found.kernel_noise;
    fit.prior = prior.name;
    fit.tables = std::move(found);
  }
  if (fit.tables) fit.times = std::make_shared<ComposedTimes>(fit.tables->sum);
  fit.median_error = fit.tables ? fit.tables->median_error : fit.general.median_error;
  fit.p95_error = fit.tables ? fit.tables->p95_error : fit.general.p95_error;
  return fit;
}

}  // namespace switchyard
