#include "core/cost/json_fields.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace switchyard {

namespace {

constexpr std::int32_t kLargestDimension = 10'000'000;

const nlohmann::json& member(const JsonFile& file, const std::string& key, const std::string& parent) {
  const auto& object = parent.empty() ? file.root() : file.root().at(nlohmann::json::json_pointer(parent));
  if (!object.is_object()) throw file.fail(parent, "must be an object");
  const auto found = object.find(key);
  if (found == object.end()) throw InputError(fmt::format("{}: '{}' is missing", file.where(parent), key));
  return *found;
}

}  // namespace

double json_number(const JsonFile& file, const std::string& key, double low, double high, const std::string& parent) {
  const auto& value = member(file, key, parent);
  if (!value.is_number() || !(value.get<double>() >= low && value.get<double>() <= high)) {
    throw file.fail(parent + "/" + key, fmt::format("'{}' must be a number from {} to {}", key, low, high));
  }
  return value.get<double>();
}

std::int32_t json_integer(const JsonFile& file, const std::string& key, std::int32_t low, std::int32_t high,
                          const std::string& parent) {
  const auto& value = member(file, key, parent);
  if (!value.is_number_integer() || !(value.get<double>() >= low && value.get<double>() <= high)) {
    throw file.fail(parent + "/" + key, fmt::format("'{}' must be a whole number from {} to {}", key, low, high));
  }
  return value.get<std::int32_t>();
}

void json_check_keys(const JsonFile& file, std::span<const std::string> known, const std::string& parent) {
  if (!parent.empty() && !file.root().contains(nlohmann::json::json_pointer(parent))) {
    throw InputError(fmt::format("{}: '{}' is missing", file.where(""), parent.substr(1)));
  }
  const auto& object = parent.empty() ? file.root() : file.root().at(nlohmann::json::json_pointer(parent));
  if (!object.is_object()) throw file.fail(parent, "must be an object");
  for (const auto& item : object.items()) {
    if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
      throw unknown_name(file.where(parent + "/" + item.key()), "key", item.key(), known);
    }
  }
}

std::span<const std::string> model_shape_keys() {
  static const std::array<std::string, 7> keys = {"num_layers",    "num_q_heads", "num_kv_heads", "head_dim",
                                                  "embedding_dim", "mlp_dim",     "max_model_len"};
  return keys;
}

ModelShape json_model_shape(const JsonFile& file, bool need_all, const std::string& parent) {
  const auto keys = model_shape_keys();
  const auto field = [&](std::size_t i) { return json_integer(file, keys[i], 1, kLargestDimension, parent); };
  ModelShape shape;
  shape.num_layers = json_integer(file, keys[0], 1, 10'000, parent);
  shape.num_q_heads = field(1);
  shape.num_kv_heads = field(2);
  if (shape.num_kv_heads > shape.num_q_heads) {
    throw file.fail(parent + "/" + keys[2],
                    fmt::format("'num_kv_heads' must be at most 'num_q_heads', which is {}", shape.num_q_heads));
  }
  const auto& object = parent.empty() ? file.root() : file.root().at(nlohmann::json::json_pointer(parent));
  const bool any = object.contains(keys[3]) || object.contains(keys[4]) || object.contains(keys[5]);
  if (need_all || any) {
    shape.head_dim = field(3);
    shape.embedding_dim = field(4);
    shape.mlp_dim = field(5);
  }
  if (object.contains(keys[6])) shape.max_model_len = field(6);
  return shape;
}

}  // namespace switchyard
