// Many replays in parallel.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/metrics/summary.hpp"
#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"

namespace switchyard {

struct ReplayResult {
  std::string failure;  // empty: it ran, and `summary` holds
  Summary summary;
};

struct Job {
  const PolicySpec* policy = nullptr;
  std::uint64_t seed = 0;
};

using Progress = std::function<void(std::size_t done, std::size_t total)>;

class Evaluator {
 public:
  // `experiment` outlives the evaluator.
  Evaluator(const Experiment& experiment, RequestLimits limits, int threads);
  ~Evaluator();

  const Experiment& experiment() const { return experiment_; }

  // Result i is that of job i, whatever the number of threads. Policies on the same seed face the same workload
  // (common random numbers). A policy that stalls or throws fails with the reason. Throws InputError if a workload
  // cannot be made. `progress` is called from any thread, one call at a time.
  std::vector<ReplayResult> run(std::span<const Job> jobs, const Progress& progress = {});

 private:
  struct Workers;  // threads, and a simulation for each

  const Experiment& experiment_;
  RequestLimits limits_;
  std::unique_ptr<Workers> workers_;
};

}  // namespace switchyard
