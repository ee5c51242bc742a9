#include "core/measured/fit_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/cost/non_negative.hpp"
#include "core/input/error.hpp"
#include "core/measured/penalised_fit.hpp"
#include "core/measured/step_noise.hpp"

namespace switchyard {

namespace {

// What kernels are known to do wherever there are tables of them (README.md), so that a light run need not tell.
constexpr double kBalance = 0.0045;  // bytes a GPU reads by bf16 operations: A100 to H200, RTX 4090
constexpr double kBalanceDeviation = 0.5;
constexpr double kSharpness = 4;     // of the bend between reading weights and computing
constexpr double kAttentionUs = 12;  // that attention of one layer takes at least
constexpr double kAttentionDeviation = 0.15;
constexpr double kReadDeviation = 0.05;   // of bytes a second: KV against weights
constexpr double kPromptDeviation = 0.3;  // of attention of prompts against operations and bytes
constexpr double kActivationDeviation = 0.2;
constexpr double kLinkDeviation = 1.5;                         // of activations with all-reduces, over NVLink or PCIe
constexpr double kLinkBytesPerMs = 0.36e9;                     // of an all-reduce over NVLink
constexpr double kRise = 0.005, kRiseDeviation = 0.003;        // of the time to read the weights, for twice the tokens
constexpr double kRequestMs = 0.02, kRequestDeviation = 0.02;  // of the host; from nothing to 45 us was found

// Bytes and operations by the shape of the model, on one GPU.
struct Shares {
  double weight_bytes = 0;      // that a step reads: the layers and the head, not the embedding
  double kv_bytes = 0;          // of a token
  double activation_bytes = 0;  // of a token
  double prompt_bytes = 0;      // of a token, that attention of prompts reads and writes
  double all_reduce_ms = 0;     // of a token
  double attention_ratio = 0;
  double operations = 0;  // of a token, counted in bf16

  explicit Shares(const FittedModel& model) {
    const Transformer& it = model.shape;
    const ModelShape& shape = it.shape;
    const double gpus = model.tensor_parallel;
    const double layers = shape.num_layers, hidden = shape.embedding_dim, head = shape.head_dim;
    const double query = shape.num_q_heads / gpus, kv = std::max(1.0, shape.num_kv_heads / gpus);
    weight_bytes =
        (static_cast<double>(it.layer_parameters()) * model.bytes_per_weight + 2.0 * it.vocabulary * hidden) / gpus;
    kv_bytes = 4 * layers * kv * head;
    activation_bytes = layers * (2 * hidden * 8 + (query + 2 * kv) * head * 4 + 3 * shape.mlp_dim / gpus * 2);
    prompt_bytes = 4 * layers * (query + kv) * head;
    if (model.tensor_parallel > 1) all_reduce_ms = 2 * layers * 2 * hidden / kLinkBytesPerMs;
    operations = static_cast<double>(it.active_parameters()) * model.bytes_per_weight / gpus;
    attention_ratio = 4.0 * shape.num_q_heads * head * layers / (2.0 * static_cast<double>(it.active_parameters()));
  }
};

// What is fitted; times and factors by their logarithms.
struct At {
  enum : std::size_t { weights, token, request, attention, reads, prompts, activations, rise, count };
};

RooflineNumbers numbers_of(const std::vector<double>& x, const FittedModel& model, const Shares& shares) {
  RooflineNumbers numbers;
  numbers.overhead_ms = model.overhead_ms;
  numbers.sharpness = kSharpness;
  numbers.weights_ms = std::exp(x[At::weights]);
  numbers.token_ms = std::exp(x[At::token]);
  numbers.request_ms = x[At::request];
  numbers.attention_ms = std::exp(x[At::attention]);
  const double ms_per_byte = numbers.weights_ms / shares.weight_bytes;
  numbers.context_token_ms = std::exp(x[At::reads]) * ms_per_byte * shares.kv_bytes;
  numbers.prompt_token_ms = std::exp(x[At::prompts]) * ms_per_byte * shares.prompt_bytes;
  numbers.attention_ratio = std::exp(x[At::prompts]) * shares.attention_ratio;
  numbers.activation_ms = std::exp(x[At::activations]);
  numbers.rise = x[At::rise];
  numbers.most_tokens = numbers.most_requests = 1e9;
  return numbers;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// Before anything is fitted: w by the median step of decodes, the rest by what is known of GPUs and kernels.
std::vector<PriorKnowledge> knowledge(double decode_ms, const FittedModel& model, const Shares& shares) {
  const double attention_ms = 1e-3 * kAttentionUs * model.shape.shape.num_layers;
  const double weights_ms = std::max(0.3 * decode_ms, decode_ms - model.overhead_ms - attention_ms);
  const double activation_ms = weights_ms / shares.weight_bytes * shares.activation_bytes + shares.all_reduce_ms;
  std::vector<PriorKnowledge> prior(At::count);
  prior[At::weights] = {std::log(weights_ms), 1};
  prior[At::token] = {std::log(weights_ms * kBalance * shares.operations / shares.weight_bytes), kBalanceDeviation};
  prior[At::request] = {kRequestMs, kRequestDeviation, 0};
  prior[At::attention] = {std::log(attention_ms), kAttentionDeviation};
  prior[At::reads] = {0, kReadDeviation};
  prior[At::prompts] = {0, kPromptDeviation};
  prior[At::activations] = {std::log(activation_ms), model.tensor_parallel > 1 ? kLinkDeviation : kActivationDeviation};
  prior[At::rise] = {kRise, kRiseDeviation, 0};
  return prior;
}

}  // namespace

StepFit fit_steps(const std::string& what, const std::vector<RebuiltStep>& steps, const FittedModel& model) {
  StepFit fit;
  std::vector<double> decode_ms;
  double most_tokens = 0, most_requests = 0;
  for (const RebuiltStep& step : steps) {
    const bool prompts = step.shape.num_prefills > 0;
    (prompts ? fit.num_prompt_steps : fit.num_decode_steps) += 1;
    fit.num_two_prompt_steps += step.shape.num_prefills > 1;
    const auto tokens = static_cast<double>(step.shape.prefill_tokens + step.shape.num_decodes);
    if (!prompts) decode_ms.push_back(step.ms);
    most_tokens = std::max(most_tokens, tokens);
    most_requests = std::max<double>(most_requests, step.shape.num_prefills + step.shape.num_decodes);
  }
  if (fit.num_decode_steps < 50 || fit.num_prompt_steps < 10) {
    throw InputError(fmt::format(
        "{}: {} steps of decodes alone and {} with prompts could be rebuilt from its token times; 50 and 10 are "
        "needed: let the benchmark run for 60 s or more",
        what, fit.num_decode_steps, fit.num_prompt_steps));
  }
  const Shares shares(model);
  const auto prior = knowledge(median(decode_ms), model, shares);
  const FitErrors errors_at = [&](const std::vector<double>& x, std::vector<double>& errors) {
    const TiedRoofline times(numbers_of(x, model, shares));
    errors.clear();
    bool outside = false;
    for (const RebuiltStep& step : steps) errors.push_back(std::log(times.milliseconds(step.shape, outside) / step.ms));
  };
  const NoisyFit noisy = fit_with_noise(steps, errors_at, prior);
  const PenalisedFit& found = noisy.fit;
  fit.kernel_noise = noisy.kernel_noise;
  fit.numbers = numbers_of(found.at, model, shares);
  fit.numbers.most_tokens = most_tokens;
  fit.numbers.most_requests = most_requests;
  fit.numbers.weights_error = found.deviations[At::weights];
  fit.numbers.token_error = found.deviations[At::token];
  fit.numbers.request_error_ms = found.deviations[At::request];
  fit.median_error = noisy.median_error;
  fit.p95_error = noisy.p95_error;
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
