// Small random workloads whose requests wait for each other.
#pragma once

#include "core/workload/random.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

// Lets some rows wait for an earlier one: chains, trees, several at once, no time to think at all.
inline void close_at_random(WorkloadRandom& random, std::vector<RawRequest>& rows) {
  const std::size_t closed = 1 + random.below(4);  // of four
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].session = static_cast<std::int32_t>(i);
    if (i == 0 || random.below(4) >= closed) continue;
    const std::size_t parent = random.below(2) ? i - 1 : random.below(i);
    rows[i].parent = static_cast<std::int32_t>(parent);
    rows[i].session = rows[parent].session;
    const std::size_t kind = random.below(3);
    rows[i].think_s = kind == 0   ? 0.0
                      : kind == 1 ? 0.001 * static_cast<double>(random.below(20))
                                  : 0.01 * random.exponential();
  }
}

}  // namespace switchyard
