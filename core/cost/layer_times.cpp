#include "core/cost/layer_times.hpp"

namespace switchyard {

CostTables whole_model(CostTables layer_ms, const ModelShape& shape) {
  const double scale = shape.num_layers * kTicksPerMillisecond;
  for (double& entry : layer_ms.tokens) entry *= scale;
  for (double& entry : layer_ms.prefill) entry *= scale;
  for (double& entry : layer_ms.decode) entry *= scale;
  if (shape.grouped_query()) {
    for (std::int32_t b = 2; b <= layer_ms.max_decodes; ++b) {
      for (std::int32_t k = 0; k <= layer_ms.max_decode_kv_steps; ++k) layer_ms.decode_at(b, k) *= kGroupedQueryFactor;
    }
    layer_ms.prefill_many_factor = kGroupedQueryFactor;
  }
  return layer_ms;
}

}  // namespace switchyard
