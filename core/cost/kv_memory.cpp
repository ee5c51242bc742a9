#include "core/cost/kv_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/input/error.hpp"

namespace switchyard {

KvMemory plan_kv_memory(const Transformer& model, double gpu_bytes, double bytes_per_weight,
                        std::int32_t tensor_parallel, std::int32_t batched_tokens, std::int32_t max_num_seqs) {
  const ModelShape& shape = model.shape;
  const double gpus = tensor_parallel;
  KvMemory memory;
  memory.gpu_bytes = gpu_bytes;
  memory.weight_bytes = (static_cast<double>(model.layer_parameters()) * bytes_per_weight +
                         2.0 * static_cast<double>(model.embedding_parameters())) /
                        gpus;
  memory.reserved_bytes = 0.6e9 + 2.0 * batched_tokens * (3.0 * shape.mlp_dim / gpus + 6.0 * shape.embedding_dim) +
                          3.0 * 4.0 * max_num_seqs * model.vocabulary;
  const double kv_heads = std::max(1.0, shape.num_kv_heads / gpus);
  memory.kv_bytes_per_token = 2.0 * 2.0 * shape.num_layers * kv_heads * shape.head_dim;
  return memory;
}

std::int32_t num_kv_blocks(const KvMemory& memory, double margin, std::int32_t block_size) {
  if (memory.gpu_bytes <= 0 && memory.kv_tokens <= 0) {
    throw InputError("--num-blocks: must be given: the profile does not say how much memory its GPU has");
  }
  const double usable = memory.gpu_bytes * (1 - margin);
  const double left = usable - memory.weight_bytes - memory.reserved_bytes;
  const double tokens = memory.kv_tokens > 0 ? static_cast<double>(memory.kv_tokens) : left / memory.kv_bytes_per_token;
  const double blocks = std::floor(tokens / block_size);
  if (!(blocks >= 1)) {
    constexpr double kGiB = 1073741824.0;
    throw InputError(fmt::format(
        "--memory-margin {}: no KV block fits: of {:.1f} GiB a GPU, {:.1f} are usable, the weights take {:.1f} and "
        "activations {:.1f}; more GPUs (--tp) leave more",
        margin, memory.gpu_bytes / kGiB, usable / kGiB, memory.weight_bytes / kGiB, memory.reserved_bytes / kGiB));
  }
  return static_cast<std::int32_t>(std::min(blocks, 1e8));
}

}  // namespace switchyard
