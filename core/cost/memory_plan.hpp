// How many KV blocks fit beside the weights, as Vidur's memory planner counts them.
#pragma once

#include <cstdint>

#include "core/cost/model_shape.hpp"

namespace switchyard {

// Whole sequences of `max_tokens` tokens that fit, 2 bytes per weight and per cached number:
//   floor((gpu_memory_gib * 2^30 * (1 - memory_margin) - 2 * parameters)
//         / (4 * head_dim * kv_heads * max_tokens * layers))
// Throws InputError, with the figures, if not one fits.
std::int32_t plan_slots(const ModelShape& shape, double gpu_memory_gib, double memory_margin, std::int32_t max_tokens);

// KV blocks of `block_size` tokens: (max_tokens / block_size) * slots. Throws InputError as above, or if a sequence is
// shorter than a block.
std::int32_t plan_num_blocks(const ModelShape& shape, double gpu_memory_gib, double memory_margin,
                             std::int32_t max_tokens, std::int32_t block_size);

// KV blocks as vllm_v1 plans them: as many as fit, whatever the context, block 0 included. Throws InputError, with the
// figures, if fewer than two fit.
std::int32_t plan_gpu_blocks(const ModelShape& shape, double gpu_memory_gib, double memory_margin,
                             std::int32_t block_size);

}  // namespace switchyard
