#include "core/measured/fit_operators.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "core/cost/embedded_profiles.hpp"
#include "core/cost/step_profile.hpp"
#include "core/measured/penalised_fit.hpp"
#include "core/measured/step_noise.hpp"

namespace switchyard {

namespace {

constexpr double kBend = 4;  // of the bend between reading weights and computing

struct Factor {
  enum : std::size_t { memory, compute, decode, prefill, request, count };
};

std::vector<PriorKnowledge> knowledge_of_tables(bool scaled) {
  std::vector<PriorKnowledge> prior(Factor::count);
  const double wider = scaled ? 2 : 1;
  prior[Factor::memory] = {0, 0.04 * wider};
  prior[Factor::compute] = {0, 0.05 * wider};
  prior[Factor::decode] = {0, 0.06 * wider};
  prior[Factor::prefill] = {0, 0.10 * wider};
  prior[Factor::request] = {0.015, 0.015, 0};
  return prior;
}

// The parts of a step by the prior.
struct Parts {
  double gemm = 0, derated = 0, bound = 0, head = 0, decode = 0, prefill = 0, requests = 0;
};

// Which share of a step of so many tokens is bound by operations: the derivative of a smooth maximum, by the rate.
class ComputeShare {
 public:
  explicit ComputeShare(const Curve& tokens) {
    for (std::size_t i = 0; i < tokens.x.size(); ++i) best_ = std::max(best_, tokens.x[i] / tokens.y[i]);
  }
  double at(double tokens, double ms) const { return std::pow(std::min(1.0, tokens / ms / best_), kBend); }

 private:
  double best_ = 0;
};

double gemm_factor(const std::vector<double>& x, double bound) {
  return std::exp(x[Factor::memory] * (1 - bound) + x[Factor::compute] * bound);
}

std::vector<Parts> parts_of(const std::vector<RebuiltStep>& steps, const OperatorSum& sum) {
  const ComputeShare share(sum.tokens);
  OperatorSum attention = sum;
  attention.overhead_ms = 0;
  const ComposedTimes times(attention);
  std::vector<Parts> all;
  for (const RebuiltStep& step : steps) {
    Parts parts;
    const auto tokens = static_cast<double>(step.shape.prefill_tokens + step.shape.num_decodes);
    parts.requests = step.shape.num_prefills + step.shape.num_decodes;
    const double linear = sum.tokens.at(tokens);
    parts.gemm = linear;
    parts.derated = sum.derate * std::max(0.0, linear - sum.tokens.at(256));
    parts.bound = share.at(tokens, linear);
    parts.head = sum.requests.at(parts.requests);
    if (step.shape.num_decodes > 0) {
      parts.decode = sum.decode.at(step.shape.num_decodes,
                                   static_cast<double>(step.shape.decode_kv_tokens) / step.shape.num_decodes);
    }
    bool outside = false;
    for (const std::int64_t prompt : step.prompts) parts.prefill += times.prefill_attention(0, prompt, outside);
    all.push_back(parts);
  }
  return all;
}

double sum_of(const Parts& parts, const std::vector<double>& x, double overhead_ms) {
  return overhead_ms + (parts.gemm + parts.derated) * gemm_factor(x, parts.bound) +
         parts.head * std::exp(x[Factor::memory]) + parts.decode * std::exp(x[Factor::decode]) +
         parts.prefill * std::exp(x[Factor::prefill]) + x[Factor::request] * parts.requests;
}

}  // namespace

OperatorFit fit_operators(const std::vector<RebuiltStep>& steps, const OperatorPrior& prior, double overhead_ms) {
  const std::vector<Parts> parts = parts_of(steps, prior.sum);
  const std::vector<PriorKnowledge> known = knowledge_of_tables(prior.scaled);
  const FitErrors errors_at = [&](const std::vector<double>& x, std::vector<double>& errors) {
    errors.clear();
    for (std::size_t i = 0; i < steps.size(); ++i) {
      errors.push_back(std::log(sum_of(parts[i], x, overhead_ms) / steps[i].ms));
    }
  };
  const NoisyFit noisy = fit_with_noise(steps, errors_at, known);
  const PenalisedFit& found = noisy.fit;
  OperatorFit fit;
  fit.kernel_noise = noisy.kernel_noise;
  fit.median_error = noisy.median_error;
  fit.p95_error = noisy.p95_error;
  for (std::size_t j = 0; j < Factor::count; ++j) {
    if (j != Factor::request) fit.surprise = std::max(fit.surprise, std::abs(found.at[j]) / known[j].deviation);
  }
  const auto& x = found.at;
  const auto& d = found.deviations;
  fit.factors = {x[Factor::memory], d[Factor::memory],  x[Factor::compute], d[Factor::compute], x[Factor::decode],
                 d[Factor::decode], x[Factor::prefill], d[Factor::prefill], x[Factor::request], d[Factor::request]};
  fit.sum = prior.sum;
  fit.sum.overhead_ms = overhead_ms;
  fit.sum.per_request_us = 1e3 * x[Factor::request];
  const ComputeShare share(prior.sum.tokens);
  Curve& tokens = fit.sum.tokens;
  for (std::size_t i = 0; i < tokens.x.size(); ++i) tokens.y[i] *= gemm_factor(x, share.at(tokens.x[i], tokens.y[i]));
  for (double& y : fit.sum.requests.y) y *= std::exp(x[Factor::memory]);
  for (Curve& curve : fit.sum.decode.curves) {
    for (double& y : curve.y) y *= std::exp(x[Factor::decode]);
  }
  for (double& y : fit.sum.prefill.y) y *= std::exp(x[Factor::prefill]);
  return fit;
}

OperatorSum scaled_operators(const OperatorSum& sum, const Transformer& from, const Transformer& to) {
  OperatorSum scaled = sum;
  const auto ratio = [](auto a, auto b) { return static_cast<double>(a) / static_cast<double>(b); };
  const double weights = ratio(to.layer_parameters(), from.layer_parameters());
  const double head = ratio(std::int64_t{to.vocabulary} * to.shape.embedding_dim,
                            std::int64_t{from.vocabulary} * from.shape.embedding_dim);
  const double layers = ratio(to.shape.num_layers, from.shape.num_layers);
  const double kv = ratio(to.shape.num_kv_heads * to.shape.head_dim, from.shape.num_kv_heads * from.shape.head_dim);
  const double query = ratio(to.shape.num_q_heads * to.shape.head_dim, from.shape.num_q_heads * from.shape.head_dim);
  for (double& y : scaled.tokens.y) y *= weights;
  for (double& y : scaled.requests.y) y *= head;
  for (Curve& curve : scaled.decode.curves) {
    for (double& x : curve.x) x /= kv;
    for (double& y : curve.y) y *= layers;
  }
  for (double& y : scaled.prefill.y) y *= layers * query;
  return scaled;
}

std::vector<OperatorPrior> operator_priors(const Transformer& model, std::int32_t gpus) {
  struct Nearest {
    OperatorPrior prior;
    double distance = 0;
  };
  std::map<std::string, Nearest> by_set;
  if (model.num_experts > 0) return {};
  for (const auto* all : {&embedded_profiles(), &embedded_priors()}) {
    for (const EmbeddedProfile& embedded : *all) {
      const JsonFile file(embedded.file, embedded.json);
      if (!is_step_profile(file)) continue;
      const StepProfile profile = read_step_profile(file);
      const auto* composed = dynamic_cast<const ComposedTimes*>(profile.times.get());
      if (!composed || profile.tensor_parallel != gpus || profile.dtype != "bf16") continue;
      // GPU[-vllmVERSION]-MODEL[-tpN]
      const std::string& name = embedded.name;
      std::size_t dash = name.find('-');
      if (name.compare(dash, 5, "-vllm") == 0) dash = name.find('-', dash + 1);
      const std::size_t end = gpus > 1 ? name.rfind("-tp") : name.size();
      const Transformer from = load_transformer(name.substr(dash + 1, end - dash - 1));
      const double distance = std::abs(
          std::log(static_cast<double>(model.layer_parameters()) / static_cast<double>(from.layer_parameters())));
      const auto at = by_set.find(name.substr(0, dash));
      if (at != by_set.end() && at->second.distance <= distance) continue;
      by_set[name.substr(0, dash)] = {{name, scaled_operators(composed->sum(), from, model), distance > 1e-9},
                                      distance};
    }
  }
  std::vector<OperatorPrior> priors;
  for (auto& [set, nearest] : by_set) priors.push_back(std::move(nearest.prior));
  return priors;
}

}  // namespace switchyard
