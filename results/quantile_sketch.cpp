#include "results/quantile_sketch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace switchyard {

const std::vector<double>& sketch_levels() {
  static const std::vector<double> levels = [] {
    std::vector<double> made;
    for (int percent = 0; percent < 100; ++percent) made.push_back(percent / 100.0);
    for (int thousandth = 991; thousandth <= 1000; ++thousandth) made.push_back(thousandth / 1000.0);
    return made;
  }();
  return levels;
}

std::vector<double> sketch(std::vector<double> values) {
  std::vector<double> quantiles;
  if (values.empty()) return quantiles;
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  for (const double level : sketch_levels()) {
    const double rank = std::max(1.0, std::ceil(level * n - 1e-9));  // 0.07 * 100 is a little over 7
    quantiles.push_back(
        std::strtod(fmt::format("{:.5g}", values[static_cast<std::size_t>(rank) - 1]).c_str(), nullptr));
  }
  return quantiles;
}

void RequestTimes::add(double e2e_s, double ttft_s, double outputs) {
  e2e.push_back(e2e_s);
  ttft.push_back(ttft_s);
  if (outputs > 1) tpot.push_back((e2e_s - ttft_s) / (outputs - 1));
}

nlohmann::ordered_json sketches(const RequestTimes& times) {
  return {{"e2e_s", sketch(times.e2e)}, {"ttft_s", sketch(times.ttft)}, {"tpot_s", sketch(times.tpot)}};
}

}  // namespace switchyard
