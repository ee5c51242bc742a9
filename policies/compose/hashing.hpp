#pragma once

#include "policies/compose/part.hpp"

namespace switchyard {

PartInfo<Placement> ring_part();
PartInfo<Placement> rendezvous_part();

}  // namespace switchyard
