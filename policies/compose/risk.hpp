// Admission by the chance that the running requests outgrow the KV memory.
#pragma once

#include "policies/compose/part.hpp"

namespace switchyard {

PartInfo<Admission> risk_part();

}  // namespace switchyard
