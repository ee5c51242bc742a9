#include "search/methods/parzen.hpp"

#include <algorithm>
#include <cmath>

#include "search/space.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kMostGood = 25;
constexpr int kDraws = 24;

// Of a normal distribution cut to the axis.
double normal_share(double centre, double width) {
  const auto below = [&](double u) { return 0.5 * std::erfc((centre - u) / width / std::sqrt(2.0)); };
  return below(1) - below(0);
}

}  // namespace

ParzenSampler::ParzenSampler(const std::vector<ParamSpec>& params, const std::vector<ParamValues>& settings)
    : params_(params) {
  const std::size_t good = std::min(kMostGood, (settings.size() + 9) / 10);
  for (std::size_t p = 0; p < params.size(); ++p) {
    std::vector<double> of_good, of_others;
    for (std::size_t i = 0; i < settings.size(); ++i) {
      if (!is_active(params, settings[i], p)) continue;
      const double at = params[p].type == ParamType::choice ? settings[i][p] : coordinate_of(params[p], settings[i][p]);
      (i < good ? of_good : of_others).push_back(at);
    }
    good_.push_back(density_of(params[p], std::move(of_good)));
    others_.push_back(density_of(params[p], std::move(of_others)));
  }
}

ParzenSampler::Density ParzenSampler::density_of(const ParamSpec& param, std::vector<double> values) {
  Density density;
  if (param.type == ParamType::choice) {
    const auto choices = static_cast<std::size_t>(param.high) + 1;
    density.shares.assign(choices, 1.0 / static_cast<double>(choices));
    for (const double value : values) ++density.shares[static_cast<std::size_t>(value)];
    for (double& share : density.shares) share /= static_cast<double>(values.size()) + 1;
    return density;
  }
  // A kernel is as wide as the larger gap to its neighbours, the prior (the middle, as wide as the axis) among them.
  values.push_back(0.5);
  std::sort(values.begin(), values.end());
  const double narrowest = 1.0 / std::min(100.0, static_cast<double>(values.size()) + 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double left = values[i] - (i == 0 ? 0.0 : values[i - 1]);
    const double right = (i + 1 == values.size() ? 1.0 : values[i + 1]) - values[i];
    density.kernels.push_back({values[i], std::clamp(std::max(left, right), narrowest, 1.0)});
  }
  density.kernels.push_back({0.5, 1.0});
  return density;
}

double ParzenSampler::Density::at(double u) const {
  if (!shares.empty()) return shares[static_cast<std::size_t>(u)];
  double sum = 0;
  for (const Kernel& kernel : kernels) {
    const double z = (u - kernel.centre) / kernel.width;
    sum += std::exp(-0.5 * z * z) / (kernel.width * normal_share(kernel.centre, kernel.width));
  }
  return sum / static_cast<double>(kernels.size());
}

double ParzenSampler::Density::draw(RandomStream& random) const {
  if (!shares.empty()) {
    double u = uniform(random);
    std::size_t choice = 0;
    while (choice + 1 < shares.size() && u >= shares[choice]) u -= shares[choice++];
    return static_cast<double>(choice);
  }
  const Kernel& kernel = kernels[static_cast<std::size_t>(random.below(static_cast<std::int32_t>(kernels.size())))];
  for (int tries = 0; tries < 100; ++tries) {
    const double u = kernel.centre + kernel.width * normal(random);
    if (u >= 0 && u <= 1) return u;
  }
  return kernel.centre;
}

ParamValues ParzenSampler::draw(RandomStream& random) const {
  std::vector<double> coordinates;
  for (std::size_t p = 0; p < params_.size(); ++p) {
    double best = 0, best_ratio = -1;
    for (int i = 0; i < kDraws; ++i) {
      const double u = good_[p].draw(random);
      const double ratio = good_[p].at(u) / others_[p].at(u);
      if (ratio > best_ratio) best = u, best_ratio = ratio;
    }
    coordinates.push_back(params_[p].type == ParamType::choice ? coordinate_of(params_[p], best) : best);
  }
  return values_at(params_, coordinates);
}

}  // namespace switchyard
