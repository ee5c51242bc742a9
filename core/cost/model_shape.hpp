// The size of a transformer, as far as batch times and memory depend on it.
#pragma once

#include <cstdint>

namespace switchyard {

struct ModelShape {
  std::int32_t num_layers = 0;
  std::int32_t num_q_heads = 0;
  std::int32_t num_kv_heads = 0;
  std::int32_t head_dim = 0;
  std::int32_t embedding_dim = 0;
  std::int32_t mlp_dim = 0;
  std::int32_t max_model_len = 0;  // context that the model is made for, tokens; 0: not known

  bool grouped_query() const { return num_kv_heads < num_q_heads; }

  // Weights of the layers: attention projections and a gated MLP; no embeddings.
  std::int64_t num_parameters() const {
    const std::int64_t projections = std::int64_t{embedding_dim} * head_dim * (2 * num_q_heads + 2 * num_kv_heads);
    const std::int64_t mlp = std::int64_t{3} * embedding_dim * mlp_dim;
    return num_layers * (projections + mlp);
  }
};

}  // namespace switchyard
