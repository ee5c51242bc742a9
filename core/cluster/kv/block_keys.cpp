#include "core/cluster/kv/block_keys.hpp"

#include <algorithm>
#include <cassert>

namespace switchyard {

namespace {

// Above all names of shared content, which count from 0.
constexpr BlockKey own_key(RequestId request, std::size_t block) {
  return BlockKey{1} << 63 | BlockKey{static_cast<std::uint32_t>(request)} << 32 | BlockKey{block};
}

}  // namespace

void BlockKeys::assign(RequestId request, std::int32_t num_blocks, std::vector<BlockKey>& keys) const {
  const auto wanted = static_cast<std::size_t>(num_blocks);
  keys.clear();
  assert(static_cast<std::size_t>(request) < rows_->size());
  const std::int32_t row = (*rows_)[static_cast<std::size_t>(request)];
  content_->append_block_names(static_cast<std::size_t>(row), block_size_, keys);
  keys.resize(std::min(keys.size(), wanted));
  while (keys.size() < wanted) keys.push_back(own_key(request, keys.size()));
}

}  // namespace switchyard
