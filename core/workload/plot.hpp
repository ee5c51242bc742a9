// Small plots made of characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace switchyard {

enum class PlotStyle : std::uint8_t {
  ascii,   // for files, pipes and terminals that show nothing else
  unicode  // block characters
};

// One character a value, higher for larger ones: 0 and below are blank, the largest is full.
std::string sparkline(const std::vector<double>& values, PlotStyle style);

// A bar for a share of 1, as many characters wide as given if it is whole.
std::string bar(double share, std::size_t width, PlotStyle style);

}  // namespace switchyard
