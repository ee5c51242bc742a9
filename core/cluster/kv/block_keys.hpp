// The keys of a workload's requests.
#pragma once

#include <cstdint>
#include <vector>

#include "core/api/views.hpp"
#include "core/cluster/kv/block_key.hpp"
#include "core/workload/content.hpp"

namespace switchyard {

// For blocks of `block_size` tokens. `rows`: of the workload, by request, as far as they have arrived. A block whose
// tokens the workload names may be another request's too; every other one is the request's own.
class BlockKeys {
 public:
  BlockKeys() = default;

  // Whether a key is that of a block whose tokens the workload does not name.
  static bool is_own(BlockKey key) { return key >> 63 != 0; }

  BlockKeys(const Content& content, const std::vector<std::int32_t>& rows, std::int32_t block_size)
      : content_(&content), rows_(&rows), block_size_(block_size) {}

  // Sets `keys` to those of the request's blocks 0 .. num_blocks - 1.
  void assign(RequestId request, std::int32_t num_blocks, std::vector<BlockKey>& keys) const;

 private:
  const Content* content_ = nullptr;
  const std::vector<std::int32_t>* rows_ = nullptr;
  std::int32_t block_size_ = 1;
};

}  // namespace switchyard
