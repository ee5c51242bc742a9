#pragma once

#include "policies/compose/part.hpp"

namespace switchyard {

PartInfo<Scoring> scorers_part();

}  // namespace switchyard
