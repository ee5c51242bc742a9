// Prompt and output lengths that no trace gives, and how lengths are fitted into a context.
#pragma once

#include <vector>

#include "core/workload/spec.hpp"

namespace switchyard {

// Cuts a row that is longer than the context as Vidur does: what is in excess comes off prompt and output in
// proportion, each part rounded up, and at least 1 token of each is left.
void cut_to_context(RawRequest& row, std::int32_t max_tokens);

// Sets the lengths of all rows from the spec's distribution (lognormal, fixed or uniform).
void draw_lengths(const WorkloadSpec& spec, std::uint64_t seed, std::vector<RawRequest>& rows);

// Multiplies the stated shares of prompts and, independently, of outputs by the spec's factor.
void inflate_lengths(const WorkloadSpec& spec, std::uint64_t seed, std::vector<RawRequest>& rows);

}  // namespace switchyard
