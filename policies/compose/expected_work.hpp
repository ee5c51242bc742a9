// The expected cost of placing a request on a replica.
#pragma once

#include "policies/compose/part.hpp"

namespace switchyard {

PartInfo<Scoring> expected_work_part();

}  // namespace switchyard
