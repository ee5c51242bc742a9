// A draw among candidates, the likelier the less the score.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "policies/compose/part.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

// Chances are in proportion to exp(-x / temperature), x the score scaled over the candidates to 0 ... 1. At temperature
// 0 the least score wins.
class SoftmaxDraw {
 public:
  SoftmaxDraw() = default;
  explicit SoftmaxDraw(RandomStream stream) : stream_(stream) {}

  std::size_t choose(const std::vector<Score>& scores, double temperature) {
    const auto [least, most] = std::minmax_element(scores.begin(), scores.end());
    const double range = most->value - least->value;
    if (temperature <= 0) return static_cast<std::size_t>(least - scores.begin());
    chances_.clear();
    double total = 0;
    for (const Score& score : scores) {
      const double x = range > 0 ? (score.value - least->value) / range : 0.0;
      chances_.push_back(total += std::exp(-x / temperature));
    }
    const double draw = static_cast<double>(stream_.next() >> 11) * 0x1.0p-53 * total;
    const auto drawn = std::upper_bound(chances_.begin(), chances_.end(), draw);
    return std::min(static_cast<std::size_t>(drawn - chances_.begin()), scores.size() - 1);
  }

 private:
  RandomStream stream_;
  std::vector<double> chances_;  // cumulative
};

}  // namespace switchyard
