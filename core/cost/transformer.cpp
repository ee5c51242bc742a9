#include "core/cost/transformer.hpp"

#include <algorithm>
#include <cctype>

#include "core/cost/json_fields.hpp"
#include "core/input/error.hpp"

namespace switchyard {

namespace {

struct Known {
  std::string_view hub_name;  // without the owner
  Transformer model;
};

// From the models' published config.json. Layers, query heads, KV heads, head size, hidden, MLP, context;
// vocabulary.
const std::vector<Known>& known_models() {
  static const std::vector<Known> models = {
      {"codellama-34b-instruct-hf", {"codellama-34b", {48, 64, 8, 128, 8192, 22016, 16384}, 32000}},
      {"llama-2-70b-hf", {"llama2-70b", {80, 64, 8, 128, 8192, 28672, 4096}, 32000}},
      {"llama-2-7b-hf", {"llama2-7b", {32, 32, 32, 128, 4096, 11008, 4096}, 32000}},
      {"llama-3.1-70b", {"llama3.1-70b", {80, 64, 8, 128, 8192, 28672, 131072}, 128256}},
      {"llama-3.1-8b", {"llama3.1-8b", {32, 32, 8, 128, 4096, 14336, 131072}, 128256}},
      {"mixtral-8x7b-v0.1", {"mixtral-8x7b", {32, 32, 8, 128, 4096, 14336, 32768}, 32000, 8, 2}},
      {"qwen3-14b", {"qwen3-14b", {40, 40, 8, 128, 5120, 17408, 40960}, 151936, 0, 0, false, true}},
      {"qwen3-32b", {"qwen3-32b", {64, 64, 8, 128, 5120, 25600, 40960}, 151936, 0, 0, false, true}},
  };
  return models;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

bool flag(const JsonFile& file, const char* key) {
  const auto found = file.root().find(key);
  if (found == file.root().end()) return false;
  if (!found->is_boolean()) throw file.fail(std::string("/") + key, std::string("'") + key + "' must be true or false");
  return found->get<bool>();
}

Transformer read_config(const JsonFile& file) {
  if (!file.root().is_object()) throw file.fail("", "must be an object");
  constexpr std::int32_t kLargest = 10'000'000;
  const auto field = [&](const char* key) { return json_integer(file, key, 1, kLargest); };
  const auto optional = [&](const char* key, std::int32_t otherwise) {
    return file.root().contains(key) && !file.root()[key].is_null() ? json_integer(file, key, 0, kLargest) : otherwise;
  };
  Transformer model;
  ModelShape& shape = model.shape;
  shape.num_layers = json_integer(file, "num_hidden_layers", 1, 10'000);
  shape.num_q_heads = field("num_attention_heads");
  shape.num_kv_heads = optional("num_key_value_heads", shape.num_q_heads);
  shape.embedding_dim = field("hidden_size");
  shape.head_dim = optional("head_dim", shape.embedding_dim / shape.num_q_heads);
  shape.mlp_dim = field("intermediate_size");
  shape.max_model_len = optional("max_position_embeddings", 0);
  if (shape.num_kv_heads < 1 || shape.num_kv_heads > shape.num_q_heads) {
    throw file.fail("/num_key_value_heads", "'num_key_value_heads' must be from 1 to 'num_attention_heads'");
  }
  model.vocabulary = field("vocab_size");
  model.num_experts = optional("num_local_experts", 0);
  model.experts_per_token = optional("num_experts_per_tok", 0);
  if (model.num_experts > 0 && (model.experts_per_token < 1 || model.experts_per_token > model.num_experts)) {
    throw file.fail("/num_experts_per_tok", "'num_experts_per_tok' must be from 1 to 'num_local_experts'");
  }
  model.tied_embeddings = flag(file, "tie_word_embeddings");
  const auto type = file.root().find("model_type");
  model.query_key_norm =
      type != file.root().end() && type->is_string() && type->get<std::string>().rfind("qwen3", 0) == 0;
  model.name = std::filesystem::path(file.name()).parent_path().filename().string();
  if (model.name.empty()) model.name = std::filesystem::path(file.name()).stem().string();
  return model;
}

}  // namespace

std::int64_t Transformer::layer_parameters() const {
  const std::int64_t mlp = std::int64_t{3} * shape.embedding_dim * shape.mlp_dim * shape.num_layers;
  return shape.num_parameters() + mlp * (std::max(num_experts, 1) - 1);
}

std::int64_t Transformer::active_parameters() const {
  const std::int64_t mlp = std::int64_t{3} * shape.embedding_dim * shape.mlp_dim * shape.num_layers;
  return shape.num_parameters() + mlp * (std::max(experts_per_token, 1) - 1);
}

Transformer load_transformer(const std::string& name_or_file) {
  if (name_or_file.ends_with(".json")) return read_config(JsonFile(std::filesystem::path(name_or_file)));
  std::string wanted = lower_case(name_or_file);
  wanted = wanted.substr(wanted.rfind('/') + 1);  // the owner on the hub
  for (const Known& known : known_models()) {
    if (wanted == known.model.name || wanted == known.hub_name) return known.model;
    if (wanted == std::string(known.hub_name) + "-instruct") return known.model;
  }
  throw unknown_name("--model", "model", name_or_file, transformer_names());
}

std::vector<std::string> transformer_names() {
  std::vector<std::string> names;
  for (const Known& known : known_models()) names.push_back(known.model.name);
  return names;
}

}  // namespace switchyard
