// Models by name or from their config.json: what the operators of a GPU compute, and what its memory holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/cost/model_shape.hpp"

namespace switchyard {

struct Transformer {
  std::string name;
  ModelShape shape;
  std::int32_t vocabulary = 0;
  std::int32_t num_experts = 0;  // 0: a dense model
  std::int32_t experts_per_token = 0;
  bool tied_embeddings = false;  // the head shares its weights with the embedding
  bool query_key_norm = false;

  // Weights of the layers, all experts included.
  std::int64_t layer_parameters() const;
  // Weights of the layers that one token passes through.
  std::int64_t active_parameters() const;
  std::int64_t embedding_parameters() const {
    return std::int64_t{vocabulary} * shape.embedding_dim * (tied_embeddings ? 1 : 2);
  }
};

// A known model by name (llama3.1-8b; upper case and the name on Hugging Face, meta-llama/Llama-3.1-8B, will do), or a
// config.json of Hugging Face's. Throws InputError.
Transformer load_transformer(const std::string& name_or_file);

// In alphabetical order.
std::vector<std::string> transformer_names();

}  // namespace switchyard
