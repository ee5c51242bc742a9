#include "core/cost/layer_times.hpp"

namespace switchyard {

CostTables whole_model(LayerTimes layer) {
  CostTables& tables = layer.ms;
  const double scale = layer.shape.num_layers * kTicksPerMillisecond;
  for (double& entry : tables.tokens) entry *= scale;
  tables.operators_slope *= scale;
  tables.cache_save_slope *= scale;
  for (double& entry : tables.prefill) entry *= scale;
  for (double& entry : tables.decode) entry *= scale;
  if (layer.shape.grouped_query()) {
    const double factor = layer.grouped_query_factor;
    for (std::int32_t b = 2; b <= tables.max_decodes; ++b) {
      for (std::int32_t k = 0; k <= tables.max_decode_kv_steps; ++k) tables.decode_at(b, k) *= factor;
    }
    tables.prefill_many_factor = factor;
  }
  return std::move(tables);
}

}  // namespace switchyard
