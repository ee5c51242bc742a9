#include "core/api/cluster_view.hpp"

#include <algorithm>
#include <bit>

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

}  // namespace detail

std::span<const ResidentRequest> ClusterView::waiting(std::int32_t replica) const {
  residents_.clear();
  kernel_->waiting_of(replica, residents_);
  return residents_;
}

std::span<const ResidentRequest> ClusterView::running(std::int32_t replica) const {
  residents_.clear();
  kernel_->running_of(replica, residents_);
  std::sort(residents_.begin(), residents_.end(),
            [](const ResidentRequest& a, const ResidentRequest& b) { return a.id < b.id; });
  return residents_;
}

}  // namespace switchyard
