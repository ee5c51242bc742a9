#include "core/measured/step_noise.hpp"

#include <algorithm>
#include <cmath>

namespace switchyard {

StepSizes step_sizes(const std::vector<RebuiltStep>& steps) {
  StepSizes sizes;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].shape.num_prefills == 0) sizes[steps[i].shape.num_decodes].push_back(i);
  }
  return sizes;
}

std::vector<double> step_weights(const std::vector<RebuiltStep>& steps, const StepSizes& sizes, double kernel_noise) {
  std::vector<double> all(steps.size(), 1 / (kStepNoise * kStepNoise + kernel_noise * kernel_noise));
  for (const auto& [size, members] : sizes) {
    const auto alike = static_cast<double>(members.size());
    for (const std::size_t i : members) all[i] = 1 / (kStepNoise * kStepNoise + alike * kernel_noise * kernel_noise);
  }
  double of_decodes = 0, of_prompts = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    (steps[i].shape.num_prefills > 0 ? of_prompts : of_decodes) += all[i];
  }
  const double balance = std::sqrt(of_prompts / of_decodes);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].shape.num_prefills == 0) all[i] *= balance;
  }
  return all;
}

double kernel_noise_of(const std::vector<double>& errors, const StepSizes& sizes) {
  constexpr std::size_t kEnough = 5;
  double sum = 0, groups = 0;
  for (const auto& [size, members] : sizes) {
    if (members.size() < kEnough) continue;
    const auto count = static_cast<double>(members.size());
    double mean = 0, square = 0;
    for (const std::size_t i : members) mean += errors[i] / count;
    for (const std::size_t i : members) square += (errors[i] - mean) * (errors[i] - mean);
    sum += mean * mean - square / (count - 1) / count;
    ++groups;
  }
  if (groups < 3) return kMostKernelNoise;
  // Two numbers of the fit follow the means: level and slope.
  return std::clamp(std::sqrt(std::max(0.0, sum / (groups - 2))), kLeastKernelNoise, kMostKernelNoise);
}

NoisyFit fit_with_noise(const std::vector<RebuiltStep>& steps, const FitErrors& errors_at,
                        const std::vector<PriorKnowledge>& prior) {
  const StepSizes sizes = step_sizes(steps);
  NoisyFit found;
  found.kernel_noise = kMostKernelNoise;
  for (int round = 0; round < 2; ++round) {
    if (round > 0) found.kernel_noise = kernel_noise_of(found.errors, sizes);
    found.fit = penalised_fit(errors_at, step_weights(steps, sizes, found.kernel_noise), prior, kStallError);
    errors_at(found.fit.at, found.errors);
  }
  std::vector<double> sorted = found.errors;
  for (double& error : sorted) error = std::abs(std::expm1(error));
  std::sort(sorted.begin(), sorted.end());
  found.median_error = sorted[sorted.size() / 2];
  found.p95_error = sorted[sorted.size() * 95 / 100];
  return found;
}

}  // namespace switchyard
