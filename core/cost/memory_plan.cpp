#include "core/cost/memory_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/input/error.hpp"

namespace switchyard {

std::int32_t plan_num_blocks(const ModelShape& shape, double gpu_memory_gib, double margin, std::int32_t max_tokens,
                             std::int32_t block_size) {
  const double embedding = shape.embedding_dim;
  const double head = shape.head_dim;
  const double per_layer = embedding * head * (shape.num_q_heads + 2.0 * shape.num_kv_heads) +
                           embedding * head * shape.num_q_heads + 3.0 * embedding * shape.mlp_dim;
  const double memory = gpu_memory_gib * 1073741824.0 * (1.0 - margin) - 2.0 * shape.num_layers * per_layer;
  const double per_sequence = 4.0 * head * shape.num_kv_heads * max_tokens * shape.num_layers;
  const double slots = std::floor(memory / per_sequence);
  if (slots < 1.0) {
    throw InputError(fmt::format("--gpu-memory-gib: {} GiB hold the model's weights and no sequence of {} tokens; "
                                 "give more memory, a smaller --max-tokens, or --num-blocks",
                                 gpu_memory_gib, max_tokens));
  }
  return static_cast<std::int32_t>(std::min(1e8, std::floor(static_cast<double>(max_tokens / block_size)) * slots));
}

}  // namespace switchyard
