// Our own random numbers for workloads. The standard library's distributions differ between implementations; these are
// the same everywhere, as far as std::log, exp, sin and cos are (see README.md).
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "core/api/split_mix64.hpp"

namespace switchyard {

// Streams of one seed for different purposes are independent.
class WorkloadRandom : public SplitMix64 {
 public:
  enum class Purpose : std::uint64_t {
    arrivals = 1,
    lengths = 2,
    inflation = 3,
    blocks = 4,
    model = 5,
    policy = 6,
    prefixes = 7,
    sessions = 8,
    tools = 9,
    failures = 10
  };

  WorkloadRandom(std::uint64_t seed, Purpose purpose) : SplitMix64(seed * 0xd1342543de82ef95ULL) {
    state_ = next() ^ (static_cast<std::uint64_t>(purpose) * 0xaef17502108ef2d9ULL);
    next();
  }

  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }  // [0, 1)

  // Uniform in 0..bound-1; the bias of the product method is below bound / 2^53.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(uniform() * static_cast<double>(bound)); }

  double exponential() { return -std::log(1.0 - uniform()); }  // mean 1

  double normal() {  // Box, Muller 1958; one of the pair
    const double radius = std::sqrt(2.0 * exponential());
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

  // Mean shape, variance shape: Marsaglia, Tsang 2000, with the boost for shapes below 1.
  double gamma(double shape) {
    if (shape < 1.0) {
      const double boost = std::pow(1.0 - uniform(), 1.0 / shape);
      return boost * gamma(shape + 1.0);
    }
    const double d = shape - 1.0 / 3.0;
    const double c = 1.0 / std::sqrt(9.0 * d);
    while (true) {
      const double x = normal();
      const double v = (1.0 + c * x) * (1.0 + c * x) * (1.0 + c * x);
      const double u = 1.0 - uniform();
      if (v > 0.0 && std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
    }
  }
};

}  // namespace switchyard
