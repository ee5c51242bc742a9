// Tree-structured Parzen estimators: settings drawn where good ones are dense and others are not.
#pragma once

#include <vector>

#include "core/api/params.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

// After Bergstra and others 2011. Every parameter by itself: the best tenth of the settings (at most 25) in which it
// matters give a density of normal kernels along its axis, or of shares of choices, each with a flat prior; so do the
// others; of some draws from the first the one with the largest ratio of the two is taken.
class ParzenSampler {
 public:
  // `settings` from the best to the worst, at least one.
  ParzenSampler(const std::vector<ParamSpec>& params, const std::vector<ParamValues>& settings);

  ParamValues draw(RandomStream& random) const;

 private:
  struct Kernel {
    double centre = 0, width = 0;
  };
  struct Density {
    std::vector<Kernel> kernels;  // numbers: equal weights, the prior among them
    std::vector<double> shares;   // choices
    double at(double u) const;
    double draw(RandomStream& random) const;
  };
  static Density density_of(const ParamSpec& param, std::vector<double> values);

  std::vector<ParamSpec> params_;
  std::vector<Density> good_, others_;  // by parameter
};

}  // namespace switchyard
