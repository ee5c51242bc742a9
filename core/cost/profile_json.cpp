#include <fmt/format.h>

#include <array>

#include "core/cost/curve_json.hpp"
#include "core/cost/json_fields.hpp"
#include "core/cost/profile.hpp"
#include "core/input/json_text.hpp"

namespace switchyard {

namespace {

std::string shape_json(const ModelShape& shape) {
  std::string text = fmt::format("{{\"num_layers\": {}, \"num_q_heads\": {}, \"num_kv_heads\": {}", shape.num_layers,
                                 shape.num_q_heads, shape.num_kv_heads);
  if (shape.embedding_dim > 0) {
    text += fmt::format(", \"head_dim\": {}, \"embedding_dim\": {}, \"mlp_dim\": {}", shape.head_dim,
                        shape.embedding_dim, shape.mlp_dim);
  }
  if (shape.max_model_len > 0) text += fmt::format(", \"max_model_len\": {}", shape.max_model_len);
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
  profile.name = json_string(file, "name");
  profile.source = json_string(file, "source");
  profile.shape = json_model_shape(file, false, "/model");
  profile.tokens = curve_from(file, "/token_operators", 2);
  profile.save = curve_from(file, "/attn_kv_cache_save", 0);
  profile.decode = curve_set_from(file, "/attn_decode", 1, kLargestProfileBatch);
  profile.prefill = curve_set_from(file, "/attn_prefill", 0, kLongestProfile);
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
                    curve_set_json(profile.decode.thinned(tolerance)),
                    curve_set_json(profile.prefill.thinned(tolerance)));
}

}  // namespace switchyard
