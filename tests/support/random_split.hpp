// Clusters whose prefill and decode are apart, at random.
#pragma once

#include <algorithm>

#include "core/cluster/kinds.hpp"
#include "tests/support/random_clusters.hpp"
#include "tests/support/random_signals.hpp"

namespace switchyard {

// Replicas of two or three kinds that prefill, decode or do both, and links between them.
inline ClusterConfig random_split(WorkloadRandom& random, const VllmV1Options& first, std::int32_t longest,
                                  const CostModel& cost) {
  const auto speed = [&] {
    return LinkSpeed{random.below(3) == 0 ? 0 : static_cast<std::int64_t>(10'000 << random.below(10))};
  };
  ClusterConfig config;
  for (const Role role : {Role::prefill, Role::decode, random.below(2) == 0 ? Role::both : Role::prefill}) {
    VllmV1Options options = random_options(random, longest);
    options.block_size = first.block_size;
    options.num_gpu_blocks = std::max(options.num_gpu_blocks, longest / options.block_size + 3);
    options.max_model_len = first.max_model_len;
    config.kinds.emplace_back(options, cost, role, speed());
  }
  config.kind_of_replica = {0, 1};
  for (std::size_t more = random.below(6); more > 0; --more) {
    config.kind_of_replica.push_back(static_cast<std::int32_t>(random.below(3)));
  }
  config.hand_off = {.kv_bytes_per_token = static_cast<std::int64_t>(random.below(3) * 100),
                     .link = speed(),
                     .latency = random_time(random) / 2};
  return config;
}

}  // namespace switchyard
