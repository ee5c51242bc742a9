#include "policies/learning/output_length.hpp"

#include <algorithm>

namespace switchyard {

void OutputSurvival::start() {
  counts_.assign(kBins, 0);
  survival_.assign(kBins + 1, 0.0);
  area_.assign(kBins + 1, 0.0);
  count_ = 0;
  refresh();
}

void OutputSurvival::observe(const CompletedRequest& request) {
  ++counts_[static_cast<std::size_t>(std::min(request.num_decode_tokens / kBin, kBins - 1))];
  if (++count_ >= next_refresh_) refresh();
}

void OutputSurvival::refresh() {
  const double total = kPriorOutputWeight + static_cast<double>(count_);
  const double keep = 1.0 - kBin / (kPriorOutputMean + kBin);  // of the prior, from one bin to the next
  double prior = kPriorOutputWeight;
  std::int64_t longer = count_;
  for (std::size_t i = 0; i <= kBins; ++i) {
    survival_[i] = (prior + static_cast<double>(longer)) / total;
    if (i > 0) area_[i] = area_[i - 1] + 0.5 * kBin * (survival_[i - 1] + survival_[i]);
    if (i < kBins) longer -= counts_[i];
    prior *= keep;
  }
  next_refresh_ = count_ + 1 + count_ / 20;
}

double OutputSurvival::area_to(double tokens) const {
  const double at = std::clamp(tokens / kBin, 0.0, static_cast<double>(kBins));
  const auto bin = std::min(static_cast<std::size_t>(at), std::size_t{kBins - 1});
  const double part = at - static_cast<double>(bin);
  const double end = survival_[bin] + part * (survival_[bin + 1] - survival_[bin]);
  return area_[bin] + 0.5 * part * kBin * (survival_[bin] + end);
}

double OutputSurvival::expected_growth(double generated, double horizon) const {
  if (horizon <= 0) return 0;
  const double at = std::clamp(generated / kBin, 0.0, static_cast<double>(kBins - 1));
  const auto bin = static_cast<std::size_t>(at);
  const double alive = survival_[bin] + (at - static_cast<double>(bin)) * (survival_[bin + 1] - survival_[bin]);
  if (alive <= 1e-12) return 0;
  return std::min(horizon, (area_to(generated + horizon) - area_to(generated)) / alive);
}

}  // namespace switchyard
