// Zipf's law: of n things the k-th is wanted as often as k to the power of -s says.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/workload/random.hpp"

namespace switchyard {

class Popularity {
 public:
  Popularity(std::int32_t num_things, double exponent) {
    double sum = 0;
    for (std::int32_t k = 1; k <= num_things; ++k) below_.push_back(sum += std::pow(k, -exponent));
  }

  // From 0, the most popular.
  std::int32_t draw(WorkloadRandom& random) const {
    const auto at = std::upper_bound(below_.begin(), below_.end(), random.uniform() * below_.back());
    return static_cast<std::int32_t>(std::min<std::ptrdiff_t>(at - below_.begin(), std::ssize(below_) - 1));
  }

 private:
  std::vector<double> below_;  // by thing: weight of all up to it
};

}  // namespace switchyard
