// Signals, routers and networks at random, for comparing kernels.
#pragma once

#include "core/cluster/kinds.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

// A few ms each, some of them 0; on the grid of ms as often as not, so that events fall on one instant.
inline Time random_time(WorkloadRandom& random) {
  const std::size_t kind = random.below(3);
  if (kind == 0) return 0;
  const auto ms = static_cast<Time>(1 + random.below(random.below(3) == 0 ? 200 : 12));
  return ms * (kTicksPerSecond / 1000) + (kind == 1 ? 0 : static_cast<Time>(random.below(1'000'000'000)));
}

inline ClusterConfig with_random_signals(ClusterConfig config, WorkloadRandom& random) {
  SignalOptions& signals = config.signals;
  signals.interval = random_time(random);
  signals.delay = random.below(2) == 0 ? 0 : random_time(random);
  signals.phase = random.below(2) == 0 ? SnapshotPhase::spread : SnapshotPhase::aligned;
  signals.kv_delay = random_time(random);
  RouterOptions& routers = config.routers;
  routers.count = static_cast<std::int32_t>(random.below(2) == 0 ? 1 : 1 + random.below(5));
  routers.split = random.below(2) == 0 ? Split::round_robin : Split::session;
  if (random.below(2) == 0) {
    routers.dispatch = random_time(random);
    routers.response = random_time(random);
    routers.decision = random.below(2) == 0 ? 0 : random_time(random) / 4;
  }
  return config;
}

}  // namespace switchyard
