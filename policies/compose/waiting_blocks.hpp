// The KV blocks that a replica's waiting prompts will take.
#pragma once

#include "policies/compose/scene.hpp"

namespace switchyard {

inline std::int64_t waiting_blocks(Scene& scene, std::int32_t replica) {
  if (scene.cluster().num_waiting(replica) == 0) return 0;
  const std::int32_t block_size = scene.cluster().limits(replica).block_size;
  std::int64_t blocks = 0;
  for (const ResidentRequest& request : scene.cluster().waiting(replica)) {
    blocks += (request.num_prefill_tokens + block_size - 1) / block_size;
  }
  return blocks;
}

}  // namespace switchyard
