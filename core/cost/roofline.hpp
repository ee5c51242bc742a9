// An analytic profile for hardware that nobody profiled, after the roofline model (Williams, Waterman, Patterson 2009):
// an operator takes the longer of its arithmetic at the achieved FLOP/s and its traffic at the achieved bandwidth.
//
// Per layer, with n tokens in the batch, P weights of the layer, w bytes a weight, d = num_q_heads * head_dim,
// g = 2 * num_kv_heads * head_dim KV values a token:
//   token operators   max(2 n P / F, w P / B) + overhead / layers
//   decode, b members of k tokens each      max(4 b k d / F, 2 b k g / B)
//   prefill of c tokens after k             max(2 c (2 k + c) d / F, 2 (k + c) g / B)
// F = peak_flops * compute_efficiency, B = memory_bandwidth * memory_efficiency; KV values take 2 bytes.
#pragma once

#include "core/cost/layer_times.hpp"
#include "core/input/json_file.hpp"

namespace switchyard {

// Whether the file describes a roofline (it has "peak_flops").
bool is_roofline(const JsonFile& file);

// Throws InputError for fields that are missing, unknown or out of range.
LayerTimes read_roofline(const JsonFile& file);

}  // namespace switchyard
