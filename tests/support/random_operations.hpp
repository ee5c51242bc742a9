// Clusters that are operated, at random.
#pragma once

#include "core/cluster/kinds.hpp"
#include "core/workload/random.hpp"
#include "tests/support/random_signals.hpp"

namespace switchyard {

// Failures, repairs, drains and joins within the first seconds, at any instant; drawn ones as often as given ones.
inline ClusterConfig with_random_operations(ClusterConfig config, WorkloadRandom& random) {
  OperationOptions& operations = config.operations;
  const auto n = static_cast<std::size_t>(config.num_replicas());
  const auto within = [&](double seconds) {
    const Time time = static_cast<Time>(random.uniform() * seconds * static_cast<double>(kTicksPerSecond));
    return random.below(2) == 0 ? time : time / (kTicksPerSecond / 1000) * (kTicksPerSecond / 1000);
  };
  for (std::size_t i = random.below(8); i > 0; --i) {
    ReplicaEvent event{.at = within(random.below(2) == 0 ? 0.1 : 1.0),
                       .kind = static_cast<ReplicaEvent::Kind>(random.below(3)),
                       .replica = static_cast<std::int32_t>(random.below(n))};
    if (event.kind == ReplicaEvent::Kind::fail && random.below(4) != 0) event.lasts = within(0.2);
    operations.events.push_back(event);
  }
  if (random.below(4) == 0) operations.initial_replicas = static_cast<std::int32_t>(1 + random.below(n));
  if (random.below(2) == 0) {
    operations.mean_time_to_failure = 1 + within(1.0);
    operations.mean_time_to_repair = 1 + within(0.1);
  }
  operations.detection = random_time(random);
  operations.start_up = random_time(random);
  operations.max_retries = static_cast<std::int32_t>(random.below(random.below(2) == 0 ? 3 : 30));
  if (random.below(3) == 0) {
    operations.scale_above = 0.5 * static_cast<double>(1 + random.below(6));
    operations.scale_after = random.below(2) == 0 ? 0 : kTicksPerSecond;
    operations.scale_idle = random.below(2) == 0 ? 0 : kTicksPerSecond / 2;
  }
  return config;
}

}  // namespace switchyard
