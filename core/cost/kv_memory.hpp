// How many tokens of KV cache an engine has, as vLLM plans it: what a share of the GPU's memory leaves beside weights
// and activations, or what its log said.
#pragma once

#include <cstdint>

#include "core/cost/transformer.hpp"

namespace switchyard {

struct KvMemory {
  double gpu_bytes = 0;           // of one GPU
  double weight_bytes = 0;        // on one GPU
  double reserved_bytes = 0;      // on one GPU, for activations and the driver
  double kv_bytes_per_token = 0;  // on one GPU
  std::int64_t kv_tokens = 0;     // "GPU KV cache size" of the engine's log; 0: planned from the others
};

// Memory of a model in `bytes_per_weight` (embedding and head always 2) over `tensor_parallel` GPUs of `gpu_bytes`.
// What an engine reserves for steps of `batched_tokens` tokens and `max_num_seqs` requests: 0.6 GB for the driver, MLP
// activations and six hidden states of each token, three times the logits of all requests in 4 bytes.
KvMemory plan_kv_memory(const Transformer& model, double gpu_bytes, double bytes_per_weight,
                        std::int32_t tensor_parallel, std::int32_t batched_tokens, std::int32_t max_num_seqs);

// KV blocks of `block_size` tokens with `margin` of the GPU's memory left alone (1 - gpu_memory_utilization). Throws
// InputError, with the figures, if there is no room for one.
std::int32_t num_kv_blocks(const KvMemory& memory, double margin, std::int32_t block_size);

}  // namespace switchyard
