// The numbers of a step model (core/cost/tied_roofline.hpp) from measured steps, the shape of the model, and what is
// known of kernels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/cost/tied_roofline.hpp"
#include "core/cost/transformer.hpp"
#include "core/measured/rebuilt_steps.hpp"

namespace switchyard {

struct FittedModel {
  Transformer shape;
  double bytes_per_weight = 2;
  std::int32_t tensor_parallel = 1;
  double overhead_ms = 0;  // given: a light run does not tell it from w
};

struct StepFit {
  RooflineNumbers numbers;
  double median_error = 0;  // |fitted / measured - 1|
  double p95_error = 0;
  double kernel_noise = 0;  // that steps of one size have in common, as found (step_noise.hpp)
  std::int64_t num_decode_steps = 0;
  std::int64_t num_prompt_steps = 0;
  std::int64_t num_two_prompt_steps = 0;
};

// The most probable numbers (README.md): w, f and s by the steps, each of the others near what the shape of the model
// and tables of kernels say, as far as the steps do not say otherwise. All steps of decodes with one number of requests
// have the noise of their kernels in common. Standard errors are those that remain. `what` names the input in errors:
// fewer than 50 steps of decodes, or 10 with prompts, throw InputError.
StepFit fit_steps(const std::string& what, const std::vector<RebuiltStep>& steps, const FittedModel& model);

// The same steps fitted by least squares on features linear in tokens, which does as well on them and cannot be trusted
// beyond: prefill tokens, decodes and their context. For comparison.
struct LinearFit {
  double constant_ms = 0;
  double prefill_token_ms = 0;
  double decode_ms = 0;
  double context_token_ms = 0;
};
LinearFit fit_linear(const std::vector<RebuiltStep>& steps);

}  // namespace switchyard
