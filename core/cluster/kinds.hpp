// What the replicas of a cluster are: each is of a kind, and replicas may share one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/cluster/engine_options.hpp"
#include "core/cluster/hand_off_options.hpp"
#include "core/cluster/operation_options.hpp"
#include "core/cluster/signal_options.hpp"

namespace switchyard {

class CostModel;

// An engine with its options, on hardware that takes so long for its batches.
class ReplicaKind {
 public:
  // `cost` outlives every simulation of this kind.
  ReplicaKind(const EngineOptions& options, const CostModel& cost, Role role = Role::both, LinkSpeed port = {})
      : options_(options), limits_(limits_of(options)), cost_(&cost), port_(port) {
    limits_.role = role;
  }

  const EngineOptions& options() const { return options_; }
  EngineKind engine() const { return limits_.engine; }
  const ReplicaLimits& limits() const { return limits_; }
  const CostModel& cost() const { return *cost_; }
  Role role() const { return limits_.role; }
  LinkSpeed port() const { return port_; }  // by which KV comes and leaves

 private:
  EngineOptions options_;
  ReplicaLimits limits_;
  const CostModel* cost_;
  LinkSpeed port_;
};

struct ClusterConfig {
  std::vector<ReplicaKind> kinds;
  std::vector<std::int32_t> kind_of_replica;  // by replica: its place in kinds
  SignalOptions signals;
  RouterOptions routers;
  OperationOptions operations;
  HandOffOptions hand_off;  // matters where a kind has the role `prefill`

  // `num_replicas` replicas of one kind.
  static ClusterConfig uniform(std::int32_t num_replicas, const ReplicaKind& kind) {
    return {{kind}, std::vector<std::int32_t>(static_cast<std::size_t>(num_replicas), 0), {}, {}, {}, {}};
  }

  std::int32_t num_replicas() const { return static_cast<std::int32_t>(kind_of_replica.size()); }
  // Whether prefill and decode are apart.
  bool is_split() const {
    return std::any_of(kinds.begin(), kinds.end(),
                       [](const ReplicaKind& kind) { return kind.role() == Role::prefill; });
  }
  const ReplicaKind& kind(std::int32_t replica) const {
    return kinds[static_cast<std::size_t>(kind_of_replica[static_cast<std::size_t>(replica)])];
  }
};

}  // namespace switchyard
