// Other traces like this one.
#pragma once

#include <cstdint>
#include <vector>

#include "core/workload/workload.hpp"

namespace switchyard {

enum class TraceHalf : std::uint8_t { first, second };

// A moving-block bootstrap (Kuensch 1989) of a trace, as long as the trace: blocks of 60 s (half of the part drawn
// from if that is shorter, or if rows say what they hold, as reuse takes minutes) that begin anywhere in one half of
// the trace's time are put end to end, each with the arrivals and lengths that it holds. Seeds for training draw from
// one half, held out ones from the other, so that nothing learnt on the former has seen the latter. Throws InputError
// if all rows arrive at once, or so far apart that the blocks drawn hold none.
std::vector<RawRequest> bootstrap_trace(const std::vector<RawRequest>& rows, std::uint64_t seed, TraceHalf from);

}  // namespace switchyard
