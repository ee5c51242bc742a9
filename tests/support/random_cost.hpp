// Made-up batch times for the property tests of the kernels.
#pragma once

#include "core/cost/cost_model.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

// Fills in tables whose sizes are set.
inline CostModel random_cost(CostTables tables, WorkloadRandom& random, bool flat) {
  // Flat times make replicas run in lockstep, so that batches end together all the time.
  const double unit = flat ? 0.0 : 1e6;
  for (int i = 0; i <= tables.max_tokens; ++i) tables.tokens.push_back(1e9 + unit * ((i + 7) / 8));
  for (int b = 0; b <= tables.max_decodes; ++b) {
    for (int k = 0; k <= tables.max_decode_kv_steps; ++k) {
      tables.decode.push_back(unit * (b * (k + 1)) + (flat ? 0.0 : static_cast<double>(random.below(1000))));
    }
  }
  for (int k = 0; k <= tables.max_prefill_kv_steps; ++k) {
    for (int c = 0; c <= tables.max_chunk; ++c) tables.prefill.push_back(unit * (c + k));
  }
  return CostModel("random", std::move(tables));
}

}  // namespace switchyard
