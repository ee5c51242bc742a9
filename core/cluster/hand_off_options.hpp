// What lies between replicas that prefill and those that decode.
#pragma once

#include <cstdint>

#include "core/api/time.hpp"

namespace switchyard {

// What a link or a port carries. 0 bytes/s: no limit.
struct LinkSpeed {
  std::int64_t bytes_per_s = 0;

  bool operator==(const LinkSpeed&) const = default;
};

struct HandOffOptions {
  std::int64_t kv_bytes_per_token = 0;
  LinkSpeed link;    // of each pair of replicas; their ports have speeds of their own (ReplicaKind)
  Time latency = 0;  // of each transfer, in ticks, before its bytes flow

  bool operator==(const HandOffOptions&) const = default;
};

}  // namespace switchyard
