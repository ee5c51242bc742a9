#pragma once

#include <functional>
#include <limits>
#include <vector>

namespace switchyard {

// What is known of a parameter before anything was measured: a normal distribution, cut off below `least`.
struct PriorKnowledge {
  double mean = 0;
  double deviation = 1;
  double least = -std::numeric_limits<double>::infinity();
};

struct PenalisedFit {
  std::vector<double> at;
  std::vector<double> deviations;  // standard deviations of what is known now
};

// Errors of all measurements at some parameters.
using FitErrors = std::function<void(const std::vector<double>& at, std::vector<double>& errors)>;

// The most probable parameters: minimises the sum of weight x loss(error) and of ((x - mean) / deviation)^2, by the
// steps of Levenberg and Marquardt from the means. loss is error^2 near 0, and linear far beyond `width`, so that a few
// stalls do not bend the fit. Derivatives are differences. The same bytes for the same input.
PenalisedFit penalised_fit(const FitErrors& errors_at, const std::vector<double>& weights,
                           const std::vector<PriorKnowledge>& prior, double width);

}  // namespace switchyard
