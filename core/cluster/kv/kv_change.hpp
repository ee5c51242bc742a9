// What a replica's prefix cache tells of itself.
#pragma once

#include <vector>

#include "core/cluster/kv/block_key.hpp"

namespace switchyard {

// From now on some block with this key can be found, or none any more.
struct KvChange {
  BlockKey key = 0;
  bool stored = false;
};

// In the order in which they happen.
using KvChanges = std::vector<KvChange>;

}  // namespace switchyard
