#include <fmt/format.h>

#include <array>
#include <cmath>

#include "core/cost/json_fields.hpp"
#include "core/cost/profile.hpp"
#include "core/input/json_text.hpp"

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

CurveSet set_from(const JsonFile& file, const std::string& pointer, double low, double high) {
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

std::string text_from(const JsonFile& file, const std::string& key) {
  const auto found = file.root().find(key);
  if (found == file.root().end() || !found->is_string())
    throw file.fail("/" + key, fmt::format("'{}' must be text", key));
  return found->get<std::string>();
}

std::string curve_json(const Curve& thin) {
  std::string text = "[";
  for (std::size_t i = 0; i < thin.x.size(); ++i) {
    text += fmt::format("{}[{},{}]", i > 0 ? "," : "", thin.x[i], std::round(thin.y[i] * 1e6) / 1e6);
  }
  return text + "]";
}

std::string set_json(const CurveSet& set) {
  std::string text = "[";
  for (std::size_t i = 0; i < set.curves.size(); ++i) {
    text += fmt::format("{}\n    {{\"at\": {}, \"knots\": {}}}", i > 0 ? "," : "", set.position[i],
                        curve_json(set.curves[i]));
  }
  return text + "\n  ]";
}

std::string shape_json(const ModelShape& shape) {
  std::string text = fmt::format("{{\"num_layers\": {}, \"num_q_heads\": {}, \"num_kv_heads\": {}", shape.num_layers,
                                 shape.num_q_heads, shape.num_kv_heads);
  if (shape.embedding_dim > 0) {
    text += fmt::format(", \"head_dim\": {}, \"embedding_dim\": {}, \"mlp_dim\": {}", shape.head_dim,
                        shape.embedding_dim, shape.mlp_dim);
  }
  return text + "}";
}

}  // namespace

Profile read_profile_json(const JsonFile& file) {
  static const std::array<std::string, 8> keys = {"name",         "source",
                                                  "model",        "token_operators",
                                                  "attn_decode",  "attn_kv_cache_save",
                                                  "attn_prefill", "grouped_query_factor"};
  json_check_keys(file, keys);
  json_check_keys(file, model_shape_keys(), "/model");
  Profile profile;
  profile.name = text_from(file, "name");
  profile.source = text_from(file, "source");
  profile.shape = json_model_shape(file, false, "/model");
  profile.tokens = curve_from(file, "/token_operators", 2);
  profile.save = curve_from(file, "/attn_kv_cache_save", 0);
  profile.decode = set_from(file, "/attn_decode", 1, kLargestProfileBatch);
  profile.prefill = set_from(file, "/attn_prefill", 0, kLongestProfile);
  if (file.root().contains(keys[7])) profile.grouped_query_factor = json_number(file, keys[7], 0.1, 10);
  return profile;
}

std::string profile_json(const Profile& profile, double tolerance) {
  std::string text = fmt::format("{{\n  \"name\": {},\n  \"source\": {},\n  \"model\": {},\n",
                                 json_quoted(profile.name), json_quoted(profile.source), shape_json(profile.shape));
  if (profile.grouped_query_factor != kGroupedQueryFactor) {
    text += fmt::format("  \"grouped_query_factor\": {},\n", profile.grouped_query_factor);
  }
  return text + fmt::format(
                    "  \"token_operators\": {},\n  \"attn_kv_cache_save\": {},\n  \"attn_decode\": {},\n"
                    "  \"attn_prefill\": {}\n}}\n",
                    curve_json(profile.tokens.thinned(tolerance)), curve_json(profile.save.thinned(tolerance)),
                    set_json(profile.decode.thinned(tolerance)), set_json(profile.prefill.thinned(tolerance)));
}

}  // namespace switchyard
