#pragma once

#include "core/cost/source.hpp"

namespace switchyard {

// KV blocks of a replica, as Vidur plans them: slots = floor((memory * (1 - margin) - 2 * parameters) /
// (4 * head_dim * kv_heads * max_tokens * layers)), blocks = max_tokens / block_size * slots. Throws InputError if not
// even one sequence fits.
std::int32_t plan_num_blocks(const ModelShape& shape, double gpu_memory_gib, double margin, std::int32_t max_tokens,
                             std::int32_t block_size);

}  // namespace switchyard
