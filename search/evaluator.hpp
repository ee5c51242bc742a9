// Many policies on many seeds, in parallel.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/metrics/summary.hpp"
#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"

namespace switchyard {

struct Outcome {
  std::string failure;              // empty: it ran on every seed
  std::vector<Summary> by_seed;     // in the order of the seeds
  std::vector<double> e2e() const;  // mean end-to-end time by seed, s
  double mean_e2e() const;          // over seeds; infinity if it failed
};

using Progress = std::function<void(std::size_t done, std::size_t total)>;

// Outcome i is that of policy i. All policies face the same workloads (common random numbers). A policy that stalls or
// throws fails with the reason of its first seed. The result does not depend on `threads`. `progress` is called from
// any thread, one at a time. Throws InputError if a workload cannot be made.
std::vector<Outcome> evaluate(const Experiment& experiment, const std::vector<PolicySpec>& policies,
                              const std::vector<std::uint64_t>& seeds, int threads, const Progress& progress = {});

}  // namespace switchyard
