// Refused: board_.* is (a )?private
// Nor the board, whose requests include those that have not arrived.
#include "core/api/policy.hpp"

std::size_t requests_to_come(const switchyard::ClusterView& cluster) {
#ifdef REFUSED
  return cluster.board_->requests.size();
#else
  return static_cast<std::size_t>(cluster.queue_length());
#endif
}
