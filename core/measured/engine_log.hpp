// What vLLM logs of itself when it starts.
#pragma once

#include <cstdint>
#include <filesystem>

namespace switchyard {

// 0: the log does not say.
struct EngineLog {
  std::int64_t kv_tokens = 0;  // GPU KV cache size: N tokens
  std::int32_t max_num_batched_tokens = 0;
  std::int32_t max_num_seqs = 0;
  std::int32_t tensor_parallel = 0;
  std::int32_t max_model_len = 0;
};

// Reads the standard output and error of `vllm serve`, as it is: other lines are left alone, the last word counts, and
// the size of the cache is that of the GPU with the least. Throws InputError if there is no line with that size.
EngineLog read_engine_log(const std::filesystem::path& file);

}  // namespace switchyard
