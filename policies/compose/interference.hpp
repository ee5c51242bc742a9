// What a request does to those that a replica already has: its prefill interrupts their decodes, and its decode steps
// lengthen theirs.
#pragma once

#include "policies/compose/part.hpp"

namespace switchyard {

PartInfo<Admission> interruption_part();
PartInfo<Scoring> interference_part();

}  // namespace switchyard
