#include "core/cost/attention_grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "core/cost/cost_model.hpp"
#include "core/cost/curve_json.hpp"
#include "core/cost/json_fields.hpp"
#include "core/cost/profile.hpp"

namespace switchyard {

namespace {

const std::array<std::string, 4> kAxes = {"chunk", "processed", "decodes", "context"};

// The interval of an axis that holds a value, the last one for what lies beyond, and how far along it the value is.
struct Place {
  std::size_t low = 0;
  double part = 0;

  Place(const std::vector<double>& axis, double value) {
    const auto above = std::upper_bound(axis.begin(), axis.end(), value) - axis.begin();
    low = static_cast<std::size_t>(
        std::clamp<std::ptrdiff_t>(above - 1, 0, static_cast<std::ptrdiff_t>(axis.size()) - 2));
    part = std::max(0.0, (value - axis[low]) / (axis[low + 1] - axis[low]));
  }
};

}  // namespace

double AttentionGrid::corner(std::array<std::size_t, 4> index) const {
  if (index[0] == 0 && index[2] == 0) return 0;
  if (index[0] == 0) index[1] = 0;
  if (index[2] == 0) index[3] = 0;
  std::size_t at = 0;
  for (std::size_t axis = 0; axis < 4; ++axis) at = at * axes[axis].size() + index[axis];
  return us[at];
}

double AttentionGrid::at(double chunk, double processed, double decodes, double context) const {
  const std::array<Place, 4> places = {Place(axes[0], chunk), Place(axes[1], processed), Place(axes[2], decodes),
                                       Place(axes[3], context)};
  double sum = 0;
  for (unsigned corner_bits = 0; corner_bits < 16; ++corner_bits) {
    double weight = 1;
    std::array<std::size_t, 4> index{};
    for (std::size_t axis = 0; axis < 4; ++axis) {
      const bool high = (corner_bits >> axis) & 1U;
      weight *= high ? places[axis].part : 1 - places[axis].part;
      index[axis] = places[axis].low + (high ? 1 : 0);
    }
    if (weight != 0) sum += weight * corner(index);
  }
  return std::max(0.0, sum);
}

bool AttentionGrid::holds(double chunk, double processed, double decodes, double context) const {
  return chunk <= axes[0].back() && processed <= axes[1].back() && decodes <= axes[2].back() &&
         context <= axes[3].back();
}

double GridTimes::milliseconds(const BatchShape& step, bool& outside) const {
  const auto tokens = static_cast<double>(step.prefill_tokens + step.num_decodes);
  const double requests = step.num_decodes + step.num_prefills;
  const auto chunk = static_cast<double>(step.prefill_tokens);
  const double processed = chunk > 0 ? static_cast<double>(step.prefill_products) / chunk : 0;
  const double decodes = step.num_decodes;
  const double context = decodes > 0 ? static_cast<double>(step.decode_kv_tokens) / decodes : 0;
  outside |= tokens > sum_.tokens.x.back() || requests > sum_.requests.x.back() ||
             !sum_.attention.holds(chunk, processed, decodes, context);
  double attention = sum_.attention.at(chunk, processed, decodes, context);
  if (sum_.skew > 0 && static_cast<double>(step.decode_kv_max) > context) {
    const double longest = sum_.attention.at(chunk, processed, decodes, static_cast<double>(step.decode_kv_max));
    attention += sum_.skew * (longest - attention);
  }
  return sum_.overhead_ms + sum_.tokens.at(tokens) + sum_.requests.at(requests) + 1e-3 * sum_.layers * attention;
}

std::string GridTimes::json() const {
  std::string text = fmt::format(
      "{{\n    \"overhead_ms\": {}, \"layers\": {}, \"skew\": {},\n    \"tokens\": {},\n    \"requests\": {}",
      sum_.overhead_ms, sum_.layers, sum_.skew, curve_json(sum_.tokens), curve_json(sum_.requests));
  for (std::size_t axis = 0; axis < 4; ++axis) {
    text += fmt::format(",\n    \"{}\": [{}]", kAxes[axis], fmt::join(sum_.attention.axes[axis], ","));
  }
  text += ",\n    \"us\": [";
  for (std::size_t i = 0; i < sum_.attention.us.size(); ++i) {
    text += fmt::format("{}{:.5g}", i == 0 ? "" : (i % 24 == 0 ? ",\n      " : ","), sum_.attention.us[i]);
  }
  return text + "]\n  }";
}

std::shared_ptr<const GridTimes> GridTimes::from_json(const JsonFile& file, const std::string& pointer) {
  static const std::array<std::string, 10> keys = {"overhead_ms", "layers", "skew",   "tokens", "requests",
                                                   kAxes[0],      kAxes[1], kAxes[2], kAxes[3], "us"};
  json_check_keys(file, keys, pointer);
  GridSum sum;
  sum.overhead_ms = json_number(file, keys[0], 0, 1000, pointer);
  sum.layers = json_number(file, keys[1], 1, 10'000, pointer);
  sum.skew = json_number(file, keys[2], 0, 1, pointer);
  sum.tokens = curve_from(file, pointer + "/tokens", 2);
  sum.requests = curve_from(file, pointer + "/requests", 2);
  std::size_t size = 1;
  for (std::size_t axis = 0; axis < 4; ++axis) {
    sum.attention.axes[axis] = numbers_from(file, pointer + "/" + kAxes[axis], 2, kLongestProfile);
    if (!std::is_sorted(sum.attention.axes[axis].begin(), sum.attention.axes[axis].end(), std::less_equal<>())) {
      throw file.fail(pointer + "/" + kAxes[axis], "must rise");
    }
    size *= sum.attention.axes[axis].size();
  }
  sum.attention.us = numbers_from(file, pointer + "/us", 1, 1e9);
  if (sum.attention.us.size() != size) {
    throw InputError(
        fmt::format("{}: 'us' must be a list of {} numbers, one for each point of the four axes (found {})",
                    file.where(pointer + "/us"), size, sum.attention.us.size()));
  }
  return std::make_shared<GridTimes>(std::move(sum));
}

}  // namespace switchyard
