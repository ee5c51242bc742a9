#include "search/space.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace switchyard {

namespace {

double value_at(const ParamSpec& param, double u) {
  if (param.type == ParamType::choice || (param.type == ParamType::integer && param.scale == ParamScale::linear)) {
    return std::min(param.high, param.low + std::floor(u * (param.high - param.low + 1)));
  }
  double value = param.scale == ParamScale::log ? param.low * std::pow(param.high / param.low, u)
                                                : param.low + u * (param.high - param.low);
  if (param.type == ParamType::integer) return std::clamp(std::round(value), param.low, param.high);
  const std::string text = fmt::format("{:.4g}", value);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::clamp(value, param.low, param.high);
}

}  // namespace

ParamValues values_at(const std::vector<ParamSpec>& params, std::span<const double> coordinates) {
  ParamValues values;
  for (std::size_t i = 0; i < params.size(); ++i) values.push_back(value_at(params[i], coordinates[i]));
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!is_active(params, values, i)) values[i] = params[i].default_value;
  }
  return values;
}

}  // namespace switchyard
