#pragma once

#include "policies/compose/part.hpp"

namespace switchyard {

PartInfo<Placement> pick_part();

}  // namespace switchyard
