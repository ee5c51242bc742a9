// GPUs by name: what their data sheets say, as far as no table of operators holds it.
#pragma once

#include <string>
#include <string_view>

namespace switchyard {

struct Gpu {
  std::string name;
  double memory_bandwidth = 0;  // bytes a second
  double memory_bytes = 0;      // as nvidia-smi reports it
  int batched_tokens = 0;       // vLLM's default budget of a step on it, as a server
};

// a100, h100, h200, l40s. Throws InputError with the nearest name.
const Gpu& gpu_by_name(std::string_view name);

}  // namespace switchyard
