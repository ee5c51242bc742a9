#include "policies/learning/survival.hpp"

#include <algorithm>
#include <bit>

namespace switchyard {

void SurvivalCurve::start() {
  ring_.clear();
  mean_.start();
  counts_.assign(kBins, 0);
  survival_.assign(kBins + 1, 0.0);
  area_.assign(kBins + 1, 0.0);
  observed_ = 0;
  refresh();
}

std::size_t SurvivalCurve::bin_of(std::int32_t outputs) {
  return static_cast<std::size_t>(std::min(outputs / kBin, kBins - 1));
}

void SurvivalCurve::observe(std::int32_t outputs) {
  if (window_ > 0) {
    if (ring_.size() == window_) {
      std::int32_t& oldest = ring_[observed_ % window_];
      mean_.remove(oldest);
      --counts_[bin_of(oldest)];
      oldest = outputs;
    } else {
      ring_.push_back(outputs);
    }
  }
  mean_.add(outputs);
  ++counts_[bin_of(outputs)];
  if (++observed_ >= next_refresh_) refresh();
}

void SurvivalCurve::refresh() {
  const std::int64_t count = mean_.count();
  const double total = kPriorOutputWeight + static_cast<double>(count);
  const double keep = 1.0 - kBin / (kPriorOutputMean + kBin);  // of the prior, from one bin to the next
  double prior = kPriorOutputWeight;
  std::int64_t longer = count;
  for (std::size_t i = 0; i <= kBins; ++i) {
    survival_[i] = (prior + static_cast<double>(longer)) / total;
    if (i > 0) area_[i] = area_[i - 1] + 0.5 * kBin * (survival_[i - 1] + survival_[i]);
    if (i < kBins) longer -= counts_[i];
    prior *= keep;
  }
  next_refresh_ = observed_ + 1 + static_cast<std::size_t>(count) / 20;
}

double SurvivalCurve::at(double tokens) const {
  const double place = std::clamp(tokens / kBin, 0.0, static_cast<double>(kBins));
  const auto bin = std::min(static_cast<std::size_t>(place), std::size_t{kBins - 1});
  return survival_[bin] + (place - static_cast<double>(bin)) * (survival_[bin + 1] - survival_[bin]);
}

double SurvivalCurve::area_to(double tokens) const {
  const double place = std::clamp(tokens / kBin, 0.0, static_cast<double>(kBins));
  const auto bin = std::min(static_cast<std::size_t>(place), std::size_t{kBins - 1});
  const double part = place - static_cast<double>(bin);
  const double end = survival_[bin] + part * (survival_[bin + 1] - survival_[bin]);
  return area_[bin] + 0.5 * part * kBin * (survival_[bin] + end);
}

double SurvivalCurve::survival(double generated, double steps) const {
  const double alive = at(generated);
  return alive <= 1e-12 ? 0.0 : at(generated + steps) / alive;
}

double SurvivalCurve::growth(double generated, double horizon) const {
  if (horizon <= 0) return 0;
  const double alive = at(std::min(generated, static_cast<double>(kBin) * (kBins - 1)));
  if (alive <= 1e-12) return 0;
  return std::min(horizon, (area_to(generated + horizon) - area_to(generated)) / alive);
}

void BucketLengths::start() {
  curve_.start();
  buckets_ = {};
}

void BucketLengths::observe(const CompletedRequest& request) {
  curve_.observe(request.num_decode_tokens);
  buckets_[std::bit_width(static_cast<std::uint32_t>(request.num_prefill_tokens)) & 31].add(request.num_decode_tokens);
}

double BucketLengths::mean_of(std::int32_t prompt) const {
  return buckets_[std::bit_width(static_cast<std::uint32_t>(prompt)) & 31].mean(curve_.mean());
}

double BucketLengths::survival(std::int32_t prompt, double generated, double steps) const {
  const double scale = stretch(prompt);
  return curve_.survival(generated / scale, steps / scale);
}

double BucketLengths::growth(std::int32_t prompt, double generated, double horizon) const {
  const double scale = stretch(prompt);
  return scale * curve_.growth(generated / scale, horizon / scale);
}

std::unique_ptr<OutputLengths> make_output_lengths(Learning kind, std::int32_t window) {
  switch (kind) {
    case Learning::mean:
      return std::make_unique<MeanLengths>();
    case Learning::bucket:
      return std::make_unique<BucketLengths>();
    case Learning::window:
      return std::make_unique<SurvivalLengths>(window);
    case Learning::survival:
      break;
  }
  return std::make_unique<SurvivalLengths>();
}

}  // namespace switchyard
