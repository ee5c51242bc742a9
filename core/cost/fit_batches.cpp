#include "core/cost/fit_batches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/cost/non_negative.hpp"
#include "core/input/error.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kMostKnots = 64;
constexpr std::size_t kFewestPerKnot = 20;
constexpr int kRobustRounds = 5;
constexpr double kHuber = 2.0;      // robust standard deviations
constexpr double kNormal = 1.4826;  // standard deviation of a normal distribution by its median absolute deviation
constexpr std::int64_t kFinestNumerator = 51, kFinestDenominator = 50;  // steps between knots of a quadratic curve

double rounded_up(std::int64_t value, std::int64_t grain) {
  const std::int64_t steps = (value + grain - 1) / grain;
  return static_cast<double>(steps * grain);
}

// A batch as the kernel sees it when it looks its time up.
struct Features {
  double tokens = 0, decodes = 0, kv = 0, chunk = 0, prefill_kv = 0;

  explicit Features(const BatchShape& shape)
      : tokens(rounded_up(shape.prefill_tokens + shape.num_decodes, kTokenGrain)), decodes(shape.num_decodes) {
    if (shape.num_decodes > 0) kv = rounded_up(shape.decode_kv_tokens / shape.num_decodes, kKvGrain);
    if (shape.num_prefills == 0) return;
    prefill_kv = rounded_up(shape.prefill_kv_tokens, kKvGrain);
    chunk =
        static_cast<double>(shape.num_prefills > 1 ? rounded_sqrt(shape.prefill_chunk_squares) : shape.prefill_tokens);
  }
};

enum Term : std::size_t {
  decode_start,
  decode_kv,
  decode_members_kv,
  prefill_start,
  prefill_read,
  prefill_work,
  base,
  ramps
};

// Quantiles of the measured numbers of tokens, all of them different.
std::vector<double> knots_of(const std::vector<MeasuredBatch>& batches) {
  std::vector<double> tokens;
  for (const MeasuredBatch& batch : batches) tokens.push_back(Features(batch.shape).tokens);
  std::sort(tokens.begin(), tokens.end());
  const std::size_t pieces = std::clamp<std::size_t>(tokens.size() / kFewestPerKnot, 1, kMostKnots);
  std::vector<double> knots;
  for (std::size_t i = 0; i <= pieces; ++i) {
    const double at = tokens[i * (tokens.size() - 1) / pieces];
    if (knots.empty() || at > knots.back()) knots.push_back(at);
  }
  if (knots.size() < 2) knots.push_back(knots.back() + kTokenGrain);
  return knots;
}

class Fit {
 public:
  explicit Fit(const std::vector<MeasuredBatch>& batches) : knots_(knots_of(batches)) {
    const std::size_t columns = ramps + knots_.size() - 1;
    std::vector<double> a;
    const std::vector<double> ones(batches.size(), 1.0);
    for (const MeasuredBatch& batch : batches) {
      for (const double term : terms(Features(batch.shape))) a.push_back(term / batch.milliseconds);
    }
    std::vector<double> weights = ones;
    for (int round = 0; round < kRobustRounds; ++round) {
      x_ = non_negative_least_squares(a, ones, weights, columns);
      std::vector<double> misses;
      for (const MeasuredBatch& batch : batches) misses.push_back(std::abs(at(batch.shape) / batch.milliseconds - 1));
      std::vector<double> sorted = misses;
      std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
      const double limit = std::max(kHuber * kNormal * sorted[sorted.size() / 2], 1e-9);
      for (std::size_t i = 0; i < misses.size(); ++i) weights[i] = misses[i] <= limit ? 1 : limit / misses[i];
    }
  }

  double at(const BatchShape& shape) const {
    const std::vector<double> parts = terms(Features(shape));
    double sum = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) sum += parts[i] * x_[i];
    return sum;
  }

  Curve tokens() const {
    Curve curve{.x = knots_, .y = {x_[base]}};
    for (std::size_t i = 1; i < knots_.size(); ++i) curve.y.push_back(curve.y.back() + x_[ramps + i - 1]);
    return curve;
  }

  // Bilinear in members and KV length, and so exact as curves at two positions.
  CurveSet decode(double most_members, double longest) const {
    CurveSet set;
    for (const double b : {1.0, std::max(most_members, 2.0)}) {
      set.position.push_back(b);
      set.curves.push_back(
          {.x = {0, longest},
           .y = {x_[decode_start], x_[decode_start] + (x_[decode_kv] + x_[decode_members_kv] * b) * longest}});
    }
    return set;
  }

  // Linear in KV length, quadratic in the chunk: knots so close that the lines between them do.
  CurveSet prefill(double longest_kv, double longest_chunk) const {
    CurveSet set;
    const auto last = static_cast<std::int64_t>(longest_chunk);
    for (const double q : {0.0, longest_kv}) {
      Curve curve;
      for (std::int64_t c = 1; c < last; c = std::max(c + 1, c * kFinestNumerator / kFinestDenominator)) {
        curve.x.push_back(static_cast<double>(c));
      }
      curve.x.push_back(longest_chunk);
      for (const double c : curve.x) {
        curve.y.push_back(x_[prefill_start] + x_[prefill_read] * (q + c) + x_[prefill_work] * c * (q + c / 2));
      }
      set.position.push_back(q);
      set.curves.push_back(curve);
    }
    return set;
  }

 private:
  std::vector<double> terms(const Features& f) const {
    std::vector<double> terms(ramps + knots_.size() - 1);
    if (f.decodes > 0) {
      terms[decode_start] = 1;
      terms[decode_kv] = f.kv;
      terms[decode_members_kv] = f.decodes * f.kv;
    }
    if (f.chunk > 0) {
      terms[prefill_start] = 1;
      terms[prefill_read] = f.prefill_kv + f.chunk;
      terms[prefill_work] = f.chunk * (f.prefill_kv + f.chunk / 2);
    }
    terms[base] = 1;
    for (std::size_t i = 1; i < knots_.size(); ++i) {
      terms[ramps + i - 1] = std::clamp((f.tokens - knots_[i - 1]) / (knots_[i] - knots_[i - 1]), 0.0, 1.0);
    }
    return terms;
  }

  std::vector<double> knots_;
  std::vector<double> x_;  // by term
};

void divide(Curve& curve, double by) {
  for (double& y : curve.y) y /= by;
}

}  // namespace

Profile fit_batches(const std::string& file, const std::vector<MeasuredBatch>& batches, const ModelShape& shape) {
  std::size_t decoding = 0, prefilling = 0;
  double most_members = 0, longest_kv = kKvGrain, longest_prefill_kv = kKvGrain, longest_chunk = kTokenGrain;
  for (const MeasuredBatch& batch : batches) {
    const Features f(batch.shape);
    decoding += f.decodes > 0;
    prefilling += f.chunk > 0;
    most_members = std::max(most_members, f.decodes);
    longest_kv = std::max(longest_kv, f.kv);
    longest_prefill_kv = std::max(longest_prefill_kv, f.prefill_kv);
    longest_chunk = std::max(longest_chunk, f.chunk);
  }
  if (batches.size() < kFewestBatches || std::min(decoding, prefilling) < kFewestBatchesOfKind) {
    throw InputError(
        fmt::format("{}: has {} batches, {} that decode and {} that prefill; at least {}, {} and {} are needed", file,
                    batches.size(), decoding, prefilling, kFewestBatches, kFewestBatchesOfKind, kFewestBatchesOfKind));
  }
  const Fit fit(batches);
  Profile profile{.shape = shape,
                  .tokens = fit.tokens(),
                  .decode = fit.decode(most_members, longest_kv),
                  .prefill = fit.prefill(longest_prefill_kv, longest_chunk),
                  .grouped_query_factor = 1};
  divide(profile.tokens, shape.num_layers);
  for (CurveSet* set : {&profile.decode, &profile.prefill}) {
    for (Curve& curve : set->curves) divide(curve, shape.num_layers);
  }
  return profile;
}

std::vector<FitError> cross_validate(const std::string& file, const std::vector<MeasuredBatch>& batches,
                                     const ModelShape& shape) {
  std::vector<double> decode, prefill, mixed, all;
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    std::vector<MeasuredBatch> rest;
    for (std::size_t i = 0; i < batches.size(); ++i) {
      if (fold_of(i) != fold) rest.push_back(batches[i]);
    }
    const CostModel model(file, whole_model(compile_profile(fit_batches(file, rest, shape))));
    for (std::size_t i = 0; i < batches.size(); ++i) {
      if (fold_of(i) != fold) continue;
      const MeasuredBatch& batch = batches[i];
      const double predicted = seconds_from_ticks(model.batch_time(batch.shape).time) * 1e3;
      const double error = std::abs(predicted / batch.milliseconds - 1);
      const bool decodes = batch.shape.num_decodes > 0, prefills = batch.shape.num_prefills > 0;
      (decodes && prefills ? mixed : decodes ? decode : prefill).push_back(error);
      all.push_back(error);
    }
  }
  return {fit_error("decode only", decode), fit_error("prefill only", prefill), fit_error("both", mixed),
          fit_error("all batches", all)};
}

}  // namespace switchyard
