#include "search/methods/listed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/random/sobol.hpp>
#include <cmath>
#include <functional>
#include <utility>

#include "core/input/error.hpp"
#include "search/space.hpp"

namespace switchyard {

namespace {

// Settings from a source, each on all seeds.
class Listed final : public Method {
 public:
  // `next` gives settings until it gives an empty one (of a policy that has parameters); `most` of them a batch, or
  // what a declared width takes, if that is more.
  Listed(std::size_t num_seeds, std::function<ParamValues()> next, std::size_t most)
      : num_seeds_(num_seeds), next_(std::move(next)), most_(most) {}

  std::vector<Query> ask(std::size_t replays) override {
    std::vector<Query> queries;
    while (queries.size() < most_ && (queries.size() + 1) * num_seeds_ <= replays) {
      ParamValues values = next_();
      if (values.empty()) break;
      queries.push_back({std::move(values), num_seeds_});
    }
    return queries;
  }
  void tell(std::span<const Answer>) override {}

 private:
  std::size_t num_seeds_;
  std::function<ParamValues()> next_;
  std::size_t most_;
};

std::size_t batch_of(const MethodOptions& options) {
  return std::max<std::size_t>(64, (options.width + options.num_seeds - 1) / options.num_seeds);
}

std::vector<ParamValues> grid_settings(const std::string& policy, const std::vector<ParamSpec>& params,
                                       std::size_t grid_points) {
  std::vector<std::size_t> points;
  double total = 1;
  for (const ParamSpec& param : params) {
    const double distinct = param.type == ParamType::real ? HUGE_VAL : param.high - param.low + 1;
    const double wanted = param.type == ParamType::choice ? distinct : static_cast<double>(grid_points);
    points.push_back(static_cast<std::size_t>(std::min(distinct, wanted)));
    total *= static_cast<double>(points.back());
  }
  if (total > 1e6) {
    throw InputError(fmt::format("--grid-points: {} makes {:.0f} settings of '{}'; allowed: at most 1000000",
                                 grid_points, total, policy));
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
    if (i == at.size()) break;
  }
  std::sort(settings.begin(), settings.end());  // combinations of parameters that do not matter are one setting
  settings.erase(std::unique(settings.begin(), settings.end()), settings.end());
  return settings;
}

}  // namespace

std::unique_ptr<Method> make_grid(const std::string& policy, const std::vector<ParamSpec>& params,
                                  const MethodOptions& options) {
  auto next = [settings = grid_settings(policy, params, options.grid_points), at = std::size_t{0}]() mutable {
    return at < settings.size() ? settings[at++] : ParamValues{};
  };
  return std::make_unique<Listed>(options.num_seeds, std::move(next), SIZE_MAX);
}

std::unique_ptr<Method> make_random(const std::string& policy, const std::vector<ParamSpec>& params,
                                    const MethodOptions& options) {
  auto next = [=, trial = std::uint64_t{0}]() mutable {
    RandomStream random(options.study_seed * SplitMix64::kStep + trial++, policy);
    return random_values(params, random);
  };
  return std::make_unique<Listed>(options.num_seeds, std::move(next), batch_of(options));
}

std::unique_ptr<Method> make_sobol(const std::string& policy, const std::vector<ParamSpec>& params,
                                   const MethodOptions& options) {
  auto settings = std::make_shared<SobolSettings>(policy, params, options.study_seed);
  return std::make_unique<Listed>(
      options.num_seeds, [settings] { return settings->next(); }, batch_of(options));
}

struct SobolSettings::Engine {
  explicit Engine(std::size_t dimensions) : sobol(std::max<std::size_t>(dimensions, 1)) {}
  boost::random::sobol sobol;
};

SobolSettings::SobolSettings(const std::string& policy, const std::vector<ParamSpec>& params, std::uint64_t study_seed)
    : params_(params), engine_(std::make_unique<Engine>(params.size())) {
  RandomStream random(study_seed, "sobol " + policy);
  for (std::size_t i = 0; i < params.size(); ++i) shift_.push_back(uniform(random));
}
SobolSettings::~SobolSettings() = default;
SobolSettings::SobolSettings(SobolSettings&&) noexcept = default;

ParamValues SobolSettings::next() {
  std::vector<double> coordinates;
  for (const double shift : shift_) {
    const double u = static_cast<double>(engine_->sobol()) * 0x1.0p-64 + shift;
    coordinates.push_back(std::min(u - std::floor(u), 1 - 0x1.0p-53));
  }
  return values_at(params_, coordinates);
}

}  // namespace switchyard
