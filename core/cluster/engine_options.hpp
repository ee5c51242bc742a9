// The engines that a replica can run, and the options of each. A replica's limits, as a policy sees them, follow from
// these.
#pragma once

#include <cstdint>
#include <variant>

#include "core/api/time.hpp"
#include "core/api/views.hpp"

namespace switchyard {

// Prefills first, whole prompts; then decodes. The scheduler of vLLM before V1, as Vidur has it.
struct VllmV0Options {
  std::int32_t num_blocks = 0;  // KV blocks
  std::int32_t block_size = 16;
  std::int32_t watermark_blocks = 0;        // kept free when a request is admitted
  std::int32_t batch_size_cap = 128;        // running requests
  std::int32_t max_tokens_in_batch = 4096;  // of a prefill batch: members times the longest prompt
  std::int32_t max_tokens = 4096;           // context: prompt + output of one request
};

// Decodes and chunks of prompts in one batch.
struct SarathiOptions {
  std::int32_t num_blocks = 0;
  std::int32_t block_size = 16;
  std::int32_t watermark_blocks = 0;
  std::int32_t batch_size_cap = 128;
  std::int32_t chunk_size = 512;  // tokens of a batch that prefills
  std::int32_t max_tokens = 4096;
};

// Reserves a whole sequence of max_tokens for each request.
struct OrcaOptions {
  std::int32_t num_blocks = 0;
  std::int32_t block_size = 16;
  std::int32_t batch_size_cap = 128;
  std::int32_t max_tokens = 4096;
};

// How vllm_v1's engine learns that an output ends: it knows the length from the start, or a stop token comes up that
// nobody can foresee.
enum class OutputEnds : std::uint8_t { length, stop };

// vLLM's V1 scheduler and KV-cache manager. Names and defaults are vLLM's.
struct VllmV1Options {
  std::int32_t num_gpu_blocks = 0;  // KV blocks, with block 0, which is never given out
  std::int32_t block_size = 16;
  std::int32_t max_num_batched_tokens = 2048;     // the budget: tokens that one step computes
  std::int32_t max_num_seqs = 256;                // running requests
  std::int32_t max_model_len = 4096;              // context: prompt + output of one request
  std::int32_t long_prefill_token_threshold = 0;  // tokens of one request in one step; 0: no such limit
  bool enable_prefix_caching = true;              // blocks are found again by their content
  bool reserve_full_prompt = true;                // admission looks at the whole sequence, not at its first chunk
  bool async_scheduling = true;                   // a step is planned while the one before it runs
  OutputEnds output_ends = OutputEnds::length;    // matters to asynchronous scheduling
  Time sleep_after_empty_plan = kTicksPerSecond / 1000;  // of the asynchronous engine's loop
};

// In the order of EngineKind.
using EngineOptions = std::variant<VllmV0Options, SarathiOptions, OrcaOptions, VllmV1Options>;
static_assert(std::variant_size_v<EngineOptions> == kNumEngines);

EngineKind engine_of(const EngineOptions& options);

// What a policy may know of a replica with these options.
ReplicaLimits limits_of(const EngineOptions& options);

}  // namespace switchyard
