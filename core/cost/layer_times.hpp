// Times of one layer, as profiles and prediction tables give them, and how they become those of a model.
#pragma once

#include "core/cost/cost_model.hpp"
#include "core/cost/model_shape.hpp"

namespace switchyard {

inline constexpr double kGroupedQueryFactor = 1.1;  // Vidur's, for attention over several requests
inline constexpr double kTicksPerMillisecond = 1e9;

// Turns tables in milliseconds per layer, without any grouped-query factor, into ticks of the whole model with it.
CostTables whole_model(CostTables layer_ms, const ModelShape& shape);

// What load_profile and load_cost_tables read, before it becomes ticks.
struct LayerTimes {
  ModelShape shape;
  CostTables ms;  // per layer, no grouped-query factor
};

}  // namespace switchyard
