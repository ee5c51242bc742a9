// The requests of a scenario as they are run: at a seed's load, with what becomes of those longer than the context.
#pragma once

#include <cstdint>

#include "core/scenario/scenario.hpp"
#include "core/workload/spec.hpp"

namespace switchyard {

// `trace` is trace_of(scenario.workload); `context` the tokens that a request may have. What the rule for long requests
// refuses, or an engine would, is still there. Throws InputError if nothing is left.
WorkloadRows scenario_rows(const Scenario& scenario, const TraceRows* trace, std::uint64_t seed, std::int32_t context);

}  // namespace switchyard
