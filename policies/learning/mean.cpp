#include "policies/learning/mean.hpp"

#include <algorithm>
#include <cmath>

namespace switchyard {

double MeanLengths::survival(std::int32_t, double, double steps) const {
  steps = std::max(0.0, steps);
  for (const Answer& answer : known_) {
    if (answer.steps == steps) return answer.survival;
  }
  Answer& answer = known_[oldest_++ % known_.size()];
  answer = {steps, std::pow(1.0 - 1.0 / std::max(1.0, mean_.mean()), steps)};
  return answer.survival;
}

double MeanLengths::growth(std::int32_t prompt, double generated, double horizon) const {
  if (horizon <= 0) return 0;
  return std::max(1.0, mean_.mean()) * (1.0 - survival(prompt, generated, horizon));
}

}  // namespace switchyard
