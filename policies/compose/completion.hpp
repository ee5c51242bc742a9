// Routing by expected completion, for replicas with prefix caches: what a request's uncached prompt costs there and
// whom it delays; and late binding by the same measure.
#pragma once

#include "policies/compose/part.hpp"

namespace switchyard {

PartInfo<Order> completion_order_part();          // `slack`
PartInfo<Admission> completion_admission_part();  // `pending`
PartInfo<Admission> surge_part();                 // `surge`
PartInfo<Scoring> completion_scoring_part();      // `completion`

}  // namespace switchyard
