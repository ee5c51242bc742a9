// A replay as Python holds it: what it was of, and what it left.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/cluster/simulation.hpp"
#include "core/metrics/summary.hpp"
#include "search/python/src/experiment_of.hpp"

namespace switchyard::python {

struct HeldReplay {
  std::shared_ptr<HeldScenario> scenario;
  std::shared_ptr<const Workload> workload;
  std::shared_ptr<const std::vector<Time>> alone;  // interference-free times
  std::string policy;                              // canonical spec, or the class of one in Python
  std::uint64_t seed = 0;
  Replay replay;
  Summary summary;
};

}  // namespace switchyard::python
