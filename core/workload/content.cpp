#include "core/workload/content.hpp"

#include <stdexcept>

namespace switchyard {

void Content::append_block_names(std::size_t request, std::int32_t block_size,
                                 std::vector<std::uint64_t>& names) const {
  visit_block_names(request, block_size, [&names](NameRun run) {
    for (std::uint32_t i = 0; i < run.count; ++i) names.push_back(run.first + i);
  });
}

void Content::add(std::span<const StoredRun> runs, std::int32_t num_hashed_tokens) {
  auto left = static_cast<std::uint32_t>((num_hashed_tokens + hash_id_tokens_ - 1) / hash_id_tokens_);
  for (const StoredRun& run : runs) {
    if (left == 0) break;
    const std::uint32_t count = std::min(run.count, left);
    runs_.push_back({run.first, count});
    num_names_ = std::max(num_names_, std::uint64_t{run.first} + count);
    left -= count;
  }
  if (left > 0) throw std::invalid_argument("a request's content has fewer blocks than its hashed tokens fill");
  num_hashed_tokens_.push_back(num_hashed_tokens);
  begins_.push_back(runs_.size());
}

void Content::reserve(std::size_t num_requests) {
  num_hashed_tokens_.reserve(num_requests);
  begins_.reserve(num_requests + 1);
}

}  // namespace switchyard
