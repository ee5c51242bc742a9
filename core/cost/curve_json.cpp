#include "core/cost/curve_json.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/cost/profile.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

constexpr double kLongestMs = 1e6;

const Json& list(const JsonFile& file, const std::string& pointer, std::size_t least, std::string_view of) {
  const Json::json_pointer path(pointer);
  if (!file.root().contains(path)) throw InputError(fmt::format("{}: '{}' is missing", file.where(""), pointer));
  const Json& found = file.root().at(path);
  if (!found.is_array() || found.size() < least) {
    throw InputError(fmt::format("{}: must be a list of at least {} {}", file.where(pointer), least, of));
  }
  return found;
}

// A number in [low, high], and above `last` if there is one before it.
double number(const JsonFile& file, const std::string& pointer, std::string_view what, double low, double high,
              const double* last = nullptr) {
  const Json& value = file.root().at(Json::json_pointer(pointer));
  if (!value.is_number() || !(value.get<double>() >= low && value.get<double>() <= high) ||
      (last && value.get<double>() <= *last)) {
    throw file.fail(pointer, fmt::format("{} must be a number from {} to {}{}", what, low, high,
                                         last ? ", above the one before it" : ""));
  }
  return value.get<double>();
}

}  // namespace

Curve curve_from(const JsonFile& file, const std::string& pointer, std::size_t least) {
  Curve curve;
  const Json& knots = list(file, pointer, least, "knots, pairs of a position and ms");
  for (std::size_t i = 0; i < knots.size(); ++i) {
    const std::string knot = fmt::format("{}/{}", pointer, i);
    if (!knots[i].is_array() || knots[i].size() != 2) throw file.fail(knot, "must be a pair of a position and ms");
    curve.x.push_back(
        number(file, knot + "/0", "a knot's position", 0, kLongestProfile, i ? &curve.x.back() : nullptr));
    curve.y.push_back(number(file, knot + "/1", "a knot's time in ms", 0, kLongestMs));
  }
  return curve;
}

CurveSet curve_set_from(const JsonFile& file, const std::string& pointer, double low, double high) {
  CurveSet set;
  const Json& curves = list(file, pointer, 2, "curves, objects with 'at' and 'knots'");
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const std::string curve = fmt::format("{}/{}", pointer, i);
    if (!curves[i].is_object() || !curves[i].contains("at")) throw file.fail(curve, "must be an object with 'at'");
    set.position.push_back(number(file, curve + "/at", "'at'", low, high, i ? &set.position.back() : nullptr));
    set.curves.push_back(curve_from(file, curve + "/knots", 1));
  }
  return set;
}

std::vector<double> numbers_from(const JsonFile& file, const std::string& pointer, std::size_t least, double most) {
  std::vector<double> numbers;
  const Json& all = list(file, pointer, least, "numbers");
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].is_number() && all[i].get<double>() >= 0 && all[i].get<double>() <= most) {
      numbers.push_back(all[i].get<double>());
    } else {
      throw file.fail(fmt::format("{}/{}", pointer, i), fmt::format("must be a number from 0 to {}", most));
    }
  }
  return numbers;
}

std::string json_string(const JsonFile& file, const std::string& key) {
  const auto found = file.root().find(key);
  if (found == file.root().end() || !found->is_string())
    throw file.fail("/" + key, fmt::format("'{}' must be text", key));
  return found->get<std::string>();
}

std::string curve_json(const Curve& curve) {
  std::string text = "[";
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    text += fmt::format("{}[{},{}]", i > 0 ? "," : "", curve.x[i], std::round(curve.y[i] * 1e6) / 1e6);
  }
  return text + "]";
}

std::string curve_set_json(const CurveSet& set) {
  std::string text = "[";
  for (std::size_t i = 0; i < set.curves.size(); ++i) {
    text += fmt::format("{}\n    {{\"at\": {}, \"knots\": {}}}", i > 0 ? "," : "", set.position[i],
                        curve_json(set.curves[i]));
  }
  return text + "\n  ]";
}

}  // namespace switchyard
