// A folder of operator times as LLMServingSim profiles them: dense.csv, per_sequence.csv, attention.csv, and meta.yaml.
#pragma once

#include <filesystem>

#include "core/cost/attention_grid.hpp"
#include "core/cost/transformer.hpp"

namespace switchyard {

// Between tensor-parallel GPUs, where the grid does not hold the all-reduce: 2 a layer, each a latency and the hidden
// states over a bandwidth.
struct Link {
  double latency_us = 0;
  double bytes_per_second = 0;  // 0: not given
};

// Whether a folder holds such a grid.
bool is_operator_grid(const std::filesystem::path& folder);

// Step times of `model` from the grid. Points that the profiler left out (chunk and decodes together above its budget)
// are what the chunk alone takes more than half of it, on top of half of it with the decodes. `skew` is what meta.yaml
// states as alpha_default for this number of GPUs; without it 0. Throws InputError.
GridSum read_operator_grid(const std::filesystem::path& folder, const Transformer& model, std::int32_t tensor_parallel,
                           const Link& link);

}  // namespace switchyard
