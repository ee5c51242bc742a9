// The small clusters and workloads that policies are tried on: tight memory, bursts, made-up batch times.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/cluster/kinds.hpp"
#include "core/cost/cost_model.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

class TrialCluster {
 public:
  static constexpr std::int32_t kMostOutputs = 100;

  TrialCluster();
  TrialCluster(const TrialCluster&) = delete;
  TrialCluster& operator=(const TrialCluster&) = delete;

  // Engines and numbers of replicas take turns: 15 of them, with live signals and one router; then the same with old
  // signals, several routers and a network. From kFirstOperated on, replicas fail, are repaired, drain and join; from
  // kFirstSplit on, prefill and decode are apart. Then it begins again.
  static constexpr int kFirstOperated = 30, kFirstSplit = 35, kNumRounds = 40;
  const ClusterConfig& config(int round) const;
  static std::string engine_text(int round);

  // 60 requests: bursts, gaps, and arrivals at the same instant; all fit.
  static std::vector<RawRequest> rows(std::uint64_t seed);

 private:
  CostModel cost_;
  std::vector<ClusterConfig> configs_;
};

}  // namespace switchyard
