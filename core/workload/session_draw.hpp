// Other sessions like those of a trace.
#pragma once

#include <cstdint>
#include <vector>

#include "core/workload/bootstrap.hpp"
#include "core/workload/spec.hpp"

namespace switchyard {

// Whole sessions of the trace, drawn with replacement from one half of them (of seed 0, from all), in order of their
// first arrivals: `sessions_at_start` that are under way at a turn drawn at random, which metrics leave out, then one
// for each of `begin_at_s`. A row without a session is one by itself. Turns beyond turns_max, or from a prompt longer
// than prompt_max (if that is not 0) on, are left out; later turns follow when the one before has completed and the
// trace's time to think, at most think_max_s, is over.
std::vector<RawRequest> draw_sessions(const WorkloadSpec& spec, const std::vector<RawRequest>& trace,
                                      std::uint64_t seed, const std::vector<double>& begin_at_s);

// The rows of each session, in order: indices.
std::vector<std::vector<std::int32_t>> sessions_of(const std::vector<RawRequest>& rows);

}  // namespace switchyard
