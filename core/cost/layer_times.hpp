// Times of one layer, as profiles and prediction tables give them, and how they become those of a model.
#pragma once

#include "core/cost/cost_model.hpp"
#include "core/cost/model_shape.hpp"

namespace switchyard {

inline constexpr double kGroupedQueryFactor = 1.1;  // Vidur's, for attention over several requests
inline constexpr double kTicksPerMillisecond = 1e9;

// What load_profile and load_cost_tables read, before it becomes ticks.
struct LayerTimes {
  ModelShape shape;
  CostTables ms;  // per layer, no grouped-query factor
  double grouped_query_factor = kGroupedQueryFactor;
};

// Turns times of one layer into ticks of the whole model; where several requests share attention, those of a
// grouped-query model get its factor.
CostTables whole_model(LayerTimes layer);

}  // namespace switchyard
