// Interpolation on sorted knots.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace switchyard {

// The segment of x: knots[segment] <= x <= knots[segment + 1], and how far into it x lies, 0 to 1. At the ends, and
// for a single knot, the weight is clamped.
struct Segment {
  std::size_t first = 0;
  std::size_t second = 0;
  double weight = 0;  // of the second

  double mix(double at_first, double at_second) const { return at_first + weight * (at_second - at_first); }
};

inline Segment segment_of(std::span<const double> knots, double x) {
  if (x <= knots.front()) return {};
  const std::size_t last = knots.size() - 1;
  if (x >= knots[last]) return {last, last, 0.0};
  const auto second = static_cast<std::size_t>(std::upper_bound(knots.begin(), knots.end(), x) - knots.begin());
  const double from = knots[second - 1];
  return {second - 1, second, (x - from) / (knots[second] - from)};
}

// Linear between knots; the first value before them; after them the secant over the upper half, never downwards.
inline double interpolate(std::span<const double> knots, std::span<const double> values, double x) {
  if (x > knots.back() && knots.size() > 1) {
    const double middle = std::min((knots.front() + knots.back()) / 2, knots[knots.size() - 2]);
    const Segment s = segment_of(knots, middle);
    const double rise = values.back() - s.mix(values[s.first], values[s.second]);
    return values.back() + std::max(0.0, rise / (knots.back() - middle)) * (x - knots.back());
  }
  const Segment s = segment_of(knots, x);
  return s.mix(values[s.first], values[s.second]);
}

// The median of at least one value; between the middle two if their number is even.
inline double median_of(std::span<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

}  // namespace switchyard
