#include "search/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/input/error.hpp"
#include "policies/random_stream.hpp"
#include "search/space.hpp"

namespace switchyard {

namespace {

// Settings that do not depend on any score: one batch.
class Listed final : public Sampler {
 public:
  explicit Listed(std::vector<ParamValues> settings) : settings_(std::move(settings)) {}
  std::vector<ParamValues> ask() override { return std::exchange(settings_, {}); }
  void tell(std::span<const double>) override {}

 private:
  std::vector<ParamValues> settings_;
};

std::vector<ParamValues> random_settings(const std::string& policy, const std::vector<ParamSpec>& params,
                                         const SamplerOptions& options) {
  std::vector<ParamValues> settings;
  for (std::size_t trial = 0; trial < options.trials; ++trial) {
    RandomStream random(options.study_seed * 0x9e3779b97f4a7c15ULL + trial, policy);
    std::vector<double> coordinates;
    for (std::size_t i = 0; i < params.size(); ++i) {
      coordinates.push_back(static_cast<double>(random.next() >> 11) * 0x1.0p-53);
    }
    settings.push_back(values_at(params, coordinates));
  }
  return settings;
}

std::vector<ParamValues> grid_settings(const std::string& policy, const std::vector<ParamSpec>& params,
                                       const SamplerOptions& options) {
  std::vector<std::size_t> points;
  double total = 1;
  for (const ParamSpec& param : params) {
    const double distinct = param.type == ParamType::real ? HUGE_VAL : param.high - param.low + 1;
    const double wanted = param.type == ParamType::choice ? distinct : static_cast<double>(options.grid_points);
    points.push_back(static_cast<std::size_t>(std::min(distinct, wanted)));
    total *= static_cast<double>(points.back());
  }
  if (total > 1e6) {
    throw InputError(fmt::format("--grid-points: {} makes {:.0f} settings of '{}'; allowed: at most 1000000",
                                 options.grid_points, total, policy));
  }
  std::vector<ParamValues> settings;
  std::vector<std::size_t> at(params.size(), 0);
  while (true) {
    std::vector<double> coordinates;
    for (std::size_t i = 0; i < params.size(); ++i) {
      const auto n = static_cast<double>(points[i]);
      // Numbers go from end to end; equal shares of the axis stand for choices and whole numbers.
      const bool shares = params[i].type == ParamType::choice ||
                          (params[i].type == ParamType::integer && params[i].scale == ParamScale::linear);
      coordinates.push_back(points[i] == 1 ? 0.5
                            : shares       ? (static_cast<double>(at[i]) + 0.5) / n
                                           : static_cast<double>(at[i]) / (n - 1));
    }
    settings.push_back(values_at(params, coordinates));
    std::size_t i = 0;
    while (i < at.size() && ++at[i] == points[i]) at[i++] = 0;
    if (i == at.size()) return settings;
  }
}

}  // namespace

std::vector<std::string> sampler_names() { return {"grid", "random"}; }

std::unique_ptr<Sampler> make_sampler(const std::string& method, const std::string& policy,
                                      const std::vector<ParamSpec>& params, const SamplerOptions& options) {
  if (method == "grid") return std::make_unique<Listed>(grid_settings(policy, params, options));
  if (method == "random") return std::make_unique<Listed>(random_settings(policy, params, options));
  throw unknown_name("--method", "method", method, sampler_names());
}

}  // namespace switchyard
