// A scenario made ready to replay: cost model compiled, memory planned, workloads by seed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/cluster/simulation.hpp"
#include "core/scenario/digest.hpp"
#include "core/scenario/scenario.hpp"

namespace switchyard {

// The most tokens of a request, prompt and output together. Reads the source of batch times where that alone says so.
// Throws InputError.
std::int32_t context_of(const Scenario& scenario);

class Experiment {
 public:
  // Loads and checks everything that does not depend on a seed. Throws InputError.
  explicit Experiment(Scenario scenario);

  const Scenario& scenario() const { return scenario_; }
  const ClusterConfig& cluster() const { return cluster_; }

  // Where batch times come from, for reports.
  const std::string& cost_description() const { return cost_description_; }

  // See core/README.md, "Identity", for what goes into it. Made once, for a pass over the trace's rows and the tables
  // of batch times and for one workload; no seed list changes it, unless training is spread over loads. Thread-safe.
  // Throws InputError if the workload cannot be made.
  const Digest& digest() const;

  // The workload of a seed, checked to fit the replicas; made once and then shared read-only. Thread-safe.
  std::shared_ptr<const Workload> workload(std::uint64_t seed) const;

  // What these seeds' workloads are, for reports: their source, and how many of their requests were cut to the context.
  std::string workload_title(const std::vector<std::uint64_t>& seeds) const;

  // How long each request of that workload would take alone on an idle replica (interference_free_times); made once and
  // then shared read-only. Thread-safe.
  std::shared_ptr<const std::vector<Time>> alone(std::uint64_t seed) const;

 private:
  void make_kinds();

  Scenario scenario_;
  std::vector<std::shared_ptr<const CostModel>> costs_;  // of the kinds of replica
  std::shared_ptr<const TraceRows> trace_;               // read once, whatever becomes of the file
  std::string cost_description_;
  ClusterConfig cluster_;
  ReplicaLimits largest_;  // of the kind that takes the longest requests
  mutable std::once_flag digest_made_;
  mutable Digest digest_;
  mutable std::mutex mutex_;
  mutable std::map<std::uint64_t, std::shared_ptr<const Workload>> workloads_;
  mutable std::map<std::uint64_t, std::shared_ptr<const std::vector<Time>>> alone_;
};

}  // namespace switchyard
