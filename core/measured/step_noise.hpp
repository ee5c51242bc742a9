// How far steps may be off the times that a model gives them, and what each is therefore worth to a fit.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/measured/penalised_fit.hpp"
#include "core/measured/rebuilt_steps.hpp"

namespace switchyard {

inline constexpr double kStepNoise = 0.01;        // of one step
inline constexpr double kMostKernelNoise = 0.03;  // that all steps of one size have in common: kernels go in steps
inline constexpr double kLeastKernelNoise = 0.004;
inline constexpr double kStallError = 0.05;  // beyond it a step is a stall

// Steps of decodes alone, as indices, by how many requests they have.
using StepSizes = std::map<std::int32_t, std::vector<std::size_t>>;
StepSizes step_sizes(const std::vector<RebuiltStep>& steps);

// Steps of decodes alone and steps with prompts weigh the same as far as their numbers allow: as the root of what
// either would weigh. Steps with one number of decodes share the noise of their kernels.
std::vector<double> step_weights(const std::vector<RebuiltStep>& steps, const StepSizes& sizes, double kernel_noise);

// By how much the means of the steps of each size are off, beyond what single steps explain; within the limits above.
double kernel_noise_of(const std::vector<double>& errors, const StepSizes& sizes);

// The most probable parameters, first with the most noise of kernels that is known of, then with what was found of it.
struct NoisyFit {
  PenalisedFit fit;
  double kernel_noise = 0;
  std::vector<double> errors;  // of the fit, by step: logarithms of fitted / measured
  double median_error = 0;     // |fitted / measured - 1|
  double p95_error = 0;
};
NoisyFit fit_with_noise(const std::vector<RebuiltStep>& steps, const FitErrors& errors_at,
                        const std::vector<PriorKnowledge>& prior);

}  // namespace switchyard
