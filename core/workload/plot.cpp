#include "core/workload/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace switchyard {

namespace {

// From nothing to full.
constexpr std::array<std::string_view, 9> kHeights = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 9> kWidths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
constexpr std::string_view kDensities = " .:-=+*#@";

}  // namespace

std::string sparkline(const std::vector<double>& values, PlotStyle style) {
  const double most = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  std::string line;
  for (const double value : values) {
    // Rounded up: whatever is above 0 is seen.
    const auto level = value > 0 ? static_cast<std::size_t>(std::ceil(std::min(value / most, 1.0) * 8)) : 0;
    line += style == PlotStyle::unicode ? kHeights[level] : kDensities.substr(level, 1);
  }
  return line;
}

std::string bar(double share, std::size_t width, PlotStyle style) {
  const double length = std::clamp(share, 0.0, 1.0) * static_cast<double>(width);
  if (style == PlotStyle::ascii) return std::string(static_cast<std::size_t>(std::lround(length)), '#');
  const auto eighths = static_cast<std::size_t>(std::lround(length * 8));
  std::string line;
  for (std::size_t i = 0; i < eighths / 8; ++i) line += kWidths[8];
  line += kWidths[eighths % 8];
  return line;
}

}  // namespace switchyard
