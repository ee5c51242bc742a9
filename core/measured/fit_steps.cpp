#include "core/measured/fit_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/cost/non_negative.hpp"
#include "core/input/error.hpp"
#include "core/measured/simplex.hpp"

namespace switchyard {

namespace {

constexpr double kMostRequestShare = 0.004;  // of w
constexpr double kMostRequestMs = 0.05;
constexpr double kRounding = 0.02;
constexpr double kContextShare = 0.94;      // of what reading the weights takes, byte for byte: long reads are faster
constexpr double kLinkBytesPerMs = 0.36e9;  // of an all-reduce over NVLink
constexpr int kParts = 5;

// What is tied to w, f and s by the shape of the model, per unit of w or by itself.
struct Ties {
  double context_per_weight = 0;
  double activation_per_weight = 0;
  double all_reduce_ms = 0;  // a token
  double attention_ratio = 0;

  explicit Ties(const FittedModel& model) {
    const Transformer& it = model.shape;
    const ModelShape& shape = it.shape;
    const double gpus = model.tensor_parallel;
    const double layers = shape.num_layers, hidden = shape.embedding_dim, head = shape.head_dim;
    const double query = shape.num_q_heads / gpus, kv = std::max(1.0, shape.num_kv_heads / gpus);
    // A step reads the layers and the head, not the embedding.
    const double weights =
        (static_cast<double>(it.layer_parameters()) * model.bytes_per_weight + 2.0 * it.vocabulary * hidden) / gpus;
    context_per_weight = kContextShare * 4 * layers * kv * head / weights;
    activation_per_weight =
        layers * (2 * hidden * 8 + (query + 2 * kv) * head * 4 + 3 * shape.mlp_dim / gpus * 2) / weights;
    if (model.tensor_parallel > 1) all_reduce_ms = 2 * layers * 2 * hidden / kLinkBytesPerMs;
    attention_ratio = 4.0 * shape.num_q_heads * head * layers / (2.0 * static_cast<double>(it.active_parameters()));
  }
};

RooflineNumbers numbers_of(const std::array<double, 3>& point, const FittedModel& model, const Ties& ties) {
  RooflineNumbers numbers;
  numbers.overhead_ms = model.overhead_ms;
  numbers.weights_ms = std::abs(point[0]);
  numbers.token_ms = std::abs(point[1]);
  numbers.request_ms = std::min({std::abs(point[2]), kMostRequestShare * numbers.weights_ms, kMostRequestMs});
  numbers.context_token_ms = ties.context_per_weight * numbers.weights_ms;
  numbers.activation_ms = ties.activation_per_weight * numbers.weights_ms + ties.all_reduce_ms;
  numbers.attention_ratio = ties.attention_ratio;
  numbers.most_tokens = numbers.most_requests = 1e9;
  return numbers;
}

double error_at(const RooflineNumbers& numbers, const RebuiltStep& step) {
  bool outside = false;
  return TiedRoofline(numbers).milliseconds(step.shape, outside) / step.ms - 1;
}

// Fits the steps whose position is not in part `left_out` of kParts.
RooflineNumbers fit_part(const std::vector<RebuiltStep>& steps, const FittedModel& model, const Ties& ties,
                         int left_out, double decode_ms, double prompt_token_ms) {
  const auto part_of = [&](std::size_t i) { return static_cast<int>(i * kParts / steps.size()); };
  double decodes = 0, prompts = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (part_of(i) != left_out) (steps[i].shape.num_prefills > 0 ? prompts : decodes) += 1;
  }
  const auto loss = [&](const std::array<double, 3>& point) {
    const RooflineNumbers numbers = numbers_of(point, model, ties);
    double of_decodes = 0, of_prompts = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (part_of(i) == left_out) continue;
      const double error = error_at(numbers, steps[i]);
      (steps[i].shape.num_prefills > 0 ? of_prompts : of_decodes) += std::hypot(error, kRounding) - kRounding;
    }
    return of_decodes / std::max(decodes, 1.0) + of_prompts / std::max(prompts, 1.0);
  };
  const std::array<double, 3> light = {decode_ms, prompt_token_ms, 0.001 * decode_ms};
  const std::array<double, 3> heavy = {0.8 * decode_ms, 0.7 * prompt_token_ms, 0.003 * decode_ms};
  const auto a = simplex_minimum(loss, light), b = simplex_minimum(loss, heavy);
  return numbers_of(loss(b) < loss(a) ? b : a, model, ties);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace

StepFit fit_steps(const std::string& what, const std::vector<RebuiltStep>& steps, const FittedModel& model) {
  StepFit fit;
  std::vector<double> decode_ms, prompt_token_ms;
  RooflineNumbers most;
  for (const RebuiltStep& step : steps) {
    const bool prompts = step.shape.num_prefills > 0;
    (prompts ? fit.num_prompt_steps : fit.num_decode_steps) += 1;
    fit.num_two_prompt_steps += step.shape.num_prefills > 1;
    const auto tokens = static_cast<double>(step.shape.prefill_tokens + step.shape.num_decodes);
    prompts ? prompt_token_ms.push_back(step.ms / tokens) : decode_ms.push_back(step.ms);
    most.most_tokens = std::max(most.most_tokens, tokens);
    most.most_requests = std::max<double>(most.most_requests, step.shape.num_prefills + step.shape.num_decodes);
  }
  if (fit.num_decode_steps < 50 || fit.num_prompt_steps < 10) {
    throw InputError(fmt::format(
        "{}: {} steps of decodes alone and {} with prompts could be rebuilt from its token times; 50 and 10 are "
        "needed: let the benchmark run for 60 s or more",
        what, fit.num_decode_steps, fit.num_prompt_steps));
  }
  const double start_ms = median(decode_ms), start_token_ms = median(prompt_token_ms);
  const Ties ties(model);
  fit.numbers = fit_part(steps, model, ties, -1, start_ms, start_token_ms);
  fit.numbers.most_tokens = most.most_tokens;
  fit.numbers.most_requests = most.most_requests;

  // Jackknife: kParts fits that each lack a part.
  std::vector<RooflineNumbers> parts;
  for (int part = 0; part < kParts; ++part) {
    parts.push_back(fit_part(steps, model, ties, part, start_ms, start_token_ms));
  }
  const auto relative_error = [&](double RooflineNumbers::*number) {
    double mean = 0, squares = 0;
    for (const RooflineNumbers& part : parts) mean += part.*number / kParts;
    for (const RooflineNumbers& part : parts) squares += std::pow(part.*number - mean, 2);
    const double value = fit.numbers.*number;
    return value > 0 ? std::sqrt(squares * (kParts - 1) / kParts) / value : 0.0;
  };
  fit.numbers.weights_error = relative_error(&RooflineNumbers::weights_ms);
  fit.numbers.token_error = relative_error(&RooflineNumbers::token_ms);
  fit.numbers.request_error = relative_error(&RooflineNumbers::request_ms);
  // At its limit s is all that is known to be somewhere below.
  constexpr double kUniformError = 0.2887;
  const double limit = std::min(kMostRequestShare * fit.numbers.weights_ms, kMostRequestMs);
  if (fit.numbers.request_ms >= limit) fit.numbers.request_error = std::max(fit.numbers.request_error, kUniformError);

  std::vector<double> errors;
  for (const RebuiltStep& step : steps) errors.push_back(std::abs(error_at(fit.numbers, step)));
  std::sort(errors.begin(), errors.end());
  fit.median_error = errors[errors.size() / 2];
  fit.p95_error = errors[errors.size() * 95 / 100];
  return fit;
}

LinearFit fit_linear(const std::vector<RebuiltStep>& steps) {
  std::vector<double> rows, times, weights;
  for (const RebuiltStep& step : steps) {
    rows.insert(rows.end(), {1.0, static_cast<double>(step.shape.prefill_tokens), 1.0 * step.shape.num_decodes,
                             static_cast<double>(step.shape.decode_kv_tokens)});
    times.push_back(step.ms);
    weights.push_back(1 / (step.ms * step.ms));
  }
  const std::vector<double> x = non_negative_least_squares(rows, times, weights, 4);
  return {x[0], x[1], x[2], x[3]};
}

}  // namespace switchyard
