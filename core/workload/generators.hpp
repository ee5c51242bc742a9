// Made-up requests whose prompts have something in common: system prompts of tenants, chats that carry their history
// along, agents that call tools, retrieved passages.
#pragma once

#include <cstdint>

#include "core/workload/spec.hpp"

namespace switchyard {

// The rows of spec.generator, which is not none, by nominal arrival. All of their content is named, outputs too: that
// something occurs nowhere else is nothing that a router could know. With --lengths resample, what users add and
// outputs are as long as those of rows of the trace, drawn with replacement. Throws InputError for contradictory specs.
WorkloadRows generate_requests(const WorkloadSpec& spec, std::uint64_t seed,
                               const std::vector<RawRequest>* trace = nullptr);

// Puts rows, each after its parent, into the order of their nominal arrival, in which each still comes after its
// parent.
void sort_by_arrival(std::vector<RawRequest>& rows);

}  // namespace switchyard
