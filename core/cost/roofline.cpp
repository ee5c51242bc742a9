#include "core/cost/roofline.hpp"

#include <algorithm>
#include <vector>

#include "core/cost/json_fields.hpp"

namespace switchyard {

bool is_roofline(const JsonFile& file) { return file.root().is_object() && file.root().contains("peak_flops"); }

LayerTimes read_roofline(const JsonFile& file) {
  const std::vector<std::string> known = {"name",
                                          "source",
                                          "model",
                                          "peak_flops",
                                          "memory_bandwidth",
                                          "compute_efficiency",
                                          "memory_efficiency",
                                          "bytes_per_weight",
                                          "batch_overhead_ms"};
  json_check_keys(file, known);
  LayerTimes times{.shape = json_model_shape(file, true, "/model"), .ms = {}};
  const double flops = json_number(file, "peak_flops", 1e9, 1e18) * json_number(file, "compute_efficiency", 0.01, 1);
  const double bandwidth =
      json_number(file, "memory_bandwidth", 1e6, 1e15) * json_number(file, "memory_efficiency", 0.01, 1);
  const double weight_bytes = json_number(file, "bytes_per_weight", 0.125, 8);
  const double layers = times.shape.num_layers;
  const double overhead = json_number(file, "batch_overhead_ms", 0, 1000) / layers;
  const double weights = static_cast<double>(times.shape.num_parameters()) / layers;
  const double width = static_cast<double>(times.shape.num_q_heads) * times.shape.head_dim;
  const double kv_values = 2.0 * times.shape.num_kv_heads * times.shape.head_dim;
  constexpr double kMs = 1e3;

  CostTables& ms = times.ms;
  ms.max_tokens = ms.max_chunk = 4096;
  ms.max_decodes = 256;
  ms.max_decode_kv_steps = ms.max_prefill_kv_steps = 4096 / kKvGrain;
  ms.allocate();
  for (std::int32_t t = 1; t <= ms.max_tokens; ++t) {
    const double n = (t + kTokenGrain - 1) / kTokenGrain * kTokenGrain;
    ms.tokens[static_cast<std::size_t>(t)] =
        kMs * std::max(2 * n * weights / flops, weight_bytes * weights / bandwidth) + overhead;
  }
  for (std::int32_t k = 0; k <= ms.max_decode_kv_steps; ++k) {
    const double kv = k * kKvGrain;
    for (std::int32_t b = 1; b <= ms.max_decodes; ++b) {
      ms.decode_at(b, k) = kMs * std::max(4 * b * kv * width / flops, 2 * b * kv * kv_values / bandwidth);
    }
    for (std::int32_t c = 1; c <= ms.max_chunk; ++c) {
      ms.prefill_at(k, c) = kMs * std::max(2 * c * (2 * kv + c) * width / flops, 2 * (kv + c) * kv_values / bandwidth);
    }
  }
  return times;
}

}  // namespace switchyard
