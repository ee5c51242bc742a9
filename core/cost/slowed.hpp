// A source of batch times that takes longer by a factor: a replica that is slower than others of its kind.
#pragma once

#include <memory>

#include "core/cost/cost_model.hpp"

namespace switchyard {

// All times of the model by this factor, which is above 0; 1 gives the model itself.
std::shared_ptr<const CostModel> slowed(const std::shared_ptr<const CostModel>& model, double factor);

}  // namespace switchyard
