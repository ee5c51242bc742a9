// Other traces like this one.
#pragma once

#include <cstdint>
#include <vector>

#include "core/workload/workload.hpp"

namespace switchyard {

// A moving-block bootstrap (Kuensch 1989) of a trace, as long as the trace: blocks of 60 s (or half of the part drawn
// from, if that is shorter) that begin anywhere in one half of it are put end to end, each with the arrivals and
// lengths that it holds. Seeds 1 to 99, for training, draw from the first half of the trace's time; seeds from 100 on,
// held out, from the second, so that nothing learnt on the former has seen the latter. Throws InputError if all rows
// arrive at once, or so far apart that the blocks drawn hold none.
std::vector<RawRequest> bootstrap_trace(const std::vector<RawRequest>& rows, std::uint64_t seed);

}  // namespace switchyard
