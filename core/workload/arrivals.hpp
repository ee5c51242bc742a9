#pragma once

#include <vector>

#include "core/workload/spec.hpp"

namespace switchyard {

// Arrival times of a synthetic process, s, rising, before spec.duration_s (and at most spec.num_requests of them).
std::vector<double> generate_arrivals(const WorkloadSpec& spec, std::uint64_t seed);

}  // namespace switchyard
