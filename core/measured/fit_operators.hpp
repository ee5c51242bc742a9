// A composed profile (core/cost/composed_times.hpp) moved onto the steps of an engine: the shape is that of tables of
// kernels, the levels are what was measured.
#pragma once

#include <string>
#include <vector>

#include "core/cost/composed_times.hpp"
#include "core/cost/transformer.hpp"
#include "core/measured/rebuilt_steps.hpp"

namespace switchyard {

// What the tables say of the engine's GPU and model.
struct OperatorPrior {
  std::string name;  // of the profile
  OperatorSum sum;
  bool scaled = false;  // from another model on the same GPU: less is known of levels
};

// By what the parts of the prior have to be multiplied, as logarithms, with the standard errors that remain.
struct OperatorFactors {
  double memory = 0, memory_error = 0;    // GEMMs and head, as far as reading the weights bounds them
  double compute = 0, compute_error = 0;  // GEMMs, as far as operations do
  double decode = 0, decode_error = 0;    // attention of decodes
  double prefill = 0, prefill_error = 0;  // attention of prompts
  double request_ms = 0, request_error_ms = 0;
};

struct OperatorFit {
  OperatorSum sum;
  OperatorFactors factors;
  double surprise = 0;      // the most that a factor had to move, in deviations of what is known before
  double kernel_noise = 0;  // that steps of one size have in common, as found (step_noise.hpp)
  double median_error = 0;  // |fitted / measured - 1|
  double p95_error = 0;
};

// The most probable factors (README.md).
OperatorFit fit_operators(const std::vector<RebuiltStep>& steps, const OperatorPrior& prior, double overhead_ms);

// Of a model on as many GPUs, what the operators of another one would take: GEMMs by their weights, attention by its
// layers and heads.
OperatorSum scaled_operators(const OperatorSum& sum, const Transformer& from, const Transformer& to);

// The embedded tables that tell of `model` on `gpus` GPUs in bf16: of each kind of GPU and version of the engine those
// of the model itself, or else of the one nearest in size. None of a mixture of experts.
std::vector<OperatorPrior> operator_priors(const Transformer& model, std::int32_t gpus);

}  // namespace switchyard
