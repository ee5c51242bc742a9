#include "core/api/cluster_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <stdexcept>

namespace switchyard {

namespace detail {

void MinIndex::reset(std::size_t num_replicas) {
  leaves_ = std::bit_ceil(std::max<std::size_t>(num_replicas, 2));
  built_ = false;
}

void MinIndex::build(std::span<const std::int32_t> counts) {
  nodes_.assign(2 * leaves_, UINT64_MAX);
  for (std::size_t i = 0; i < counts.size(); ++i) nodes_[leaves_ + i] = key(static_cast<std::int32_t>(i), counts[i]);
  for (std::size_t i = leaves_ - 1; i >= 1; --i) nodes_[i] = std::min(nodes_[2 * i], nodes_[2 * i + 1]);
  built_ = true;
}

void refuse_replica(std::int32_t replica, std::size_t num_replicas) {
  throw std::out_of_range(
      fmt::format("policy asked for replica {}; there are {}, from 0 to {}", replica, num_replicas, num_replicas - 1));
}

void refuse_request(RequestId id, const Books& books) {
  const auto i = static_cast<std::size_t>(id);
  const bool known = i < books.lifecycle.size() && books.lifecycle[i] != Lifecycle::future;
  const char* why = !known                                  ? "has not arrived"
                    : books.lifecycle[i] == Lifecycle::sent ? "has been assigned to a replica"
                                                            : "has completed";
  throw std::out_of_range(
      fmt::format("policy asked for request {} of the global queue, which {}; {} requests are "
                  "queued (first_queued, next_queued)",
                  id, why, books.queue_length));
}

void refuse_apart(RequestId id, std::int32_t prefill, std::int32_t decode) {
  throw std::logic_error(fmt::format(
      "policy assigned request {} to replica {} for its prompt and to replica {} for the rest: the first must "
      "have the role prefill, the second another one, and nobody may have prefilled the request",
      id, prefill, decode));
}

}  // namespace detail

std::span<const ResidentRequest> ClusterView::waiting(std::int32_t replica) const {
  index(replica);
  residents_.clear();
  kernel_->waiting_of(replica, residents_);
  return residents_;
}

std::span<const BlockName> ClusterView::prompt_blocks(RequestId id, std::int32_t block_size) const {
  if (block_size < 1) throw std::out_of_range(fmt::format("policy asked for blocks of {} tokens", block_size));
  prompt_blocks_.clear();
  kernel_->prompt_blocks_of(in_queue(id), block_size, prompt_blocks_);
  return prompt_blocks_;
}

std::span<const ResidentRequest> ClusterView::running(std::int32_t replica) const {
  index(replica);
  residents_.clear();
  kernel_->running_of(replica, residents_);
  std::sort(residents_.begin(), residents_.end(),
            [](const ResidentRequest& a, const ResidentRequest& b) { return a.id < b.id; });
  return residents_;
}

}  // namespace switchyard
