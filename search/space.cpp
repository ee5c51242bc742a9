#include "search/space.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

namespace switchyard {

namespace {

// Whether an axis falls into equal shares, one a value.
bool in_shares(const ParamSpec& param) {
  return param.type == ParamType::choice || (param.type == ParamType::integer && param.scale == ParamScale::linear);
}

double reflected(double u) {
  u = std::abs(std::fmod(u, 2.0));
  return u > 1 ? 2 - u : u;
}

}  // namespace

double value_on_axis(const ParamSpec& param, double u) {
  if (in_shares(param)) return std::min(param.high, param.low + std::floor(u * (param.high - param.low + 1)));
  double value = param.scale == ParamScale::log ? param.low * std::pow(param.high / param.low, u)
                                                : param.low + u * (param.high - param.low);
  if (param.type == ParamType::integer) return std::clamp(std::round(value), param.low, param.high);
  const std::string text = fmt::format("{:.4g}", value);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::clamp(value, param.low, param.high);
}

double uniform(RandomStream& random) { return static_cast<double>(random.next() >> 11) * 0x1.0p-53; }

double normal(RandomStream& random) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(random)));
  return radius * std::cos(2.0 * std::numbers::pi * uniform(random));
}

double coordinate_of(const ParamSpec& param, double value) {
  if (param.high <= param.low) return 0.5;
  if (in_shares(param)) return (value - param.low + 0.5) / (param.high - param.low + 1);
  const double u = param.scale == ParamScale::log ? std::log(value / param.low) / std::log(param.high / param.low)
                                                  : (value - param.low) / (param.high - param.low);
  return std::clamp(u, 0.0, 1.0);
}

void settle(const std::vector<ParamSpec>& params, ParamValues& values) {
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < params.size(); ++i) {
      if (values[i] == params[i].default_value || is_active(params, values, i)) continue;
      values[i] = params[i].default_value;
      changed = true;
    }
  }
}

ParamValues values_at(const std::vector<ParamSpec>& params, std::span<const double> coordinates) {
  ParamValues values;
  for (std::size_t i = 0; i < params.size(); ++i) values.push_back(value_on_axis(params[i], coordinates[i]));
  settle(params, values);
  return values;
}

ParamValues random_values(const std::vector<ParamSpec>& params, RandomStream& random) {
  std::vector<double> coordinates;
  for (std::size_t i = 0; i < params.size(); ++i) coordinates.push_back(uniform(random));
  return values_at(params, coordinates);
}

ParamValues mutated(const std::vector<ParamSpec>& params, const ParamValues& from, double changes, double step,
                    RandomStream& random) {
  ParamValues values = from;
  std::vector<std::size_t> active;
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (is_active(params, from, i)) active.push_back(i);
  }
  if (active.empty()) return values;
  const double chance = std::min(1.0, changes / static_cast<double>(active.size()));
  const std::size_t always = active[static_cast<std::size_t>(random.below(static_cast<std::int32_t>(active.size())))];
  for (const std::size_t i : active) {
    if (i != always && uniform(random) >= chance) continue;
    const ParamSpec& param = params[i];
    if (param.type == ParamType::choice) {
      const auto others = static_cast<std::int32_t>(param.high - param.low);
      if (others > 0) {
        const double other = param.low + random.below(others);
        values[i] = other < values[i] ? other : other + 1;
      }
      continue;
    }
    const double before = values[i];
    values[i] = value_on_axis(param, reflected(coordinate_of(param, before) + step * normal(random)));
    if (values[i] == before && param.type == ParamType::integer && param.high > param.low) {
      values[i] = before == param.high || (before > param.low && uniform(random) < 0.5) ? before - 1 : before + 1;
    }
  }
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!is_active(params, from, i) && is_active(params, values, i) && uniform(random) < 0.5) {
      values[i] = value_on_axis(params[i], uniform(random));
    }
  }
  settle(params, values);
  return values;
}

ParamValues crossed(const std::vector<ParamSpec>& params, const ParamValues& a, const ParamValues& b,
                    RandomStream& random) {
  ParamValues values;
  for (std::size_t i = 0; i < params.size(); ++i) values.push_back(uniform(random) < 0.5 ? a[i] : b[i]);
  settle(params, values);
  return values;
}

}  // namespace switchyard
