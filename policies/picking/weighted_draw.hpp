// At random in proportion to scores, as llm-d's picker draws.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "policies/random_stream.hpp"

namespace switchyard {

// Uniform in (0, 1].
inline double positive_uniform(RandomStream& stream) {
  return static_cast<double>((stream.next() >> 11) + 1) * 0x1.0p-53;
}

// The index of the greatest u^(1/score) (Efraimidis and Spirakis's A-Res); any, if no score is above 0. A draw for each
// that is.
inline std::size_t weighted_draw(RandomStream& stream, std::span<const double> scores) {
  std::size_t best = scores.size();
  double best_key = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] <= 0) continue;
    const double key = std::log(positive_uniform(stream)) / scores[i];
    if (key <= best_key) continue;
    best = i;
    best_key = key;
  }
  return best < scores.size() ? best : static_cast<std::size_t>(stream.below(static_cast<std::int32_t>(scores.size())));
}

}  // namespace switchyard
