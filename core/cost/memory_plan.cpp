#include "core/cost/memory_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/input/error.hpp"

namespace switchyard {

std::int32_t plan_slots(const ModelShape& shape, double gpu_memory_gib, double memory_margin, std::int32_t max_tokens) {
  const double usable = gpu_memory_gib * 1073741824.0 * (1.0 - memory_margin);
  const double weights = 2.0 * static_cast<double>(shape.num_parameters());
  const double sequence =
      4.0 * shape.head_dim * shape.num_kv_heads * static_cast<double>(max_tokens) * shape.num_layers;
  const double slots = std::floor((usable - weights) / sequence);
  if (!(slots >= 1.0)) {
    throw InputError(fmt::format(
        "--gpu-memory-gib {} with --memory-margin {}: not one sequence of --max-tokens {} fits: usable are {:.2f} GiB, "
        "the weights take {:.2f} GiB and the KV cache of one sequence {:.2f} GiB",
        gpu_memory_gib, memory_margin, max_tokens, usable / 1073741824.0, weights / 1073741824.0,
        sequence / 1073741824.0));
  }
  return static_cast<std::int32_t>(std::min(slots, 1e9));
}

std::int32_t plan_num_blocks(const ModelShape& shape, double gpu_memory_gib, double memory_margin,
                             std::int32_t max_tokens, std::int32_t block_size) {
  const std::int64_t slots = plan_slots(shape, gpu_memory_gib, memory_margin, max_tokens);
  const std::int64_t blocks = max_tokens / block_size * slots;
  if (blocks < 1 || blocks > INT32_MAX) {
    throw InputError(fmt::format("--block-size {}: gives {} KV blocks with --max-tokens {}; allowed are 1 to {}",
                                 block_size, blocks, max_tokens, INT32_MAX));
  }
  return static_cast<std::int32_t>(blocks);
}

std::int32_t plan_gpu_blocks(const ModelShape& shape, double gpu_memory_gib, double memory_margin,
                             std::int32_t block_size) {
  const double usable = gpu_memory_gib * 1073741824.0 * (1.0 - memory_margin);
  const double weights = 2.0 * static_cast<double>(shape.num_parameters());
  const double block = 4.0 * shape.head_dim * shape.num_kv_heads * static_cast<double>(block_size) * shape.num_layers;
  const double blocks = std::floor((usable - weights) / block);
  if (!(blocks >= 2.0) || blocks > 1e9) {
    throw InputError(
        fmt::format("--gpu-memory-gib {} with --memory-margin {}: {:.0f} KV blocks of --block-size {} fit, 2 to "
                    "1000000000 are wanted: "
                    "usable are {:.2f} GiB, the weights take {:.2f} GiB and a block {:.6f} GiB",
                    gpu_memory_gib, memory_margin, std::max(blocks, 0.0), block_size, usable / 1073741824.0,
                    weights / 1073741824.0, block / 1073741824.0));
  }
  return static_cast<std::int32_t>(blocks);
}

}  // namespace switchyard
