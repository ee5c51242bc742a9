// The cluster as a policy sees it during a call, and the one thing it may do: assign.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/api/batch_time.hpp"
#include "core/api/views.hpp"

namespace switchyard {

namespace detail {

// Ordered index over per-replica counts: the replica with the smallest count, ties to the lowest id, in O(log n) per
// change. Built on first use, so policies that never ask pay nothing.
class MinIndex {
 public:
  void reset(std::size_t num_replicas);
  bool built() const { return built_; }
  void build(std::span<const std::int32_t> counts);
  void update(std::int32_t replica, std::int32_t count) {
    std::size_t i = leaves_ + static_cast<std::size_t>(replica);
    std::uint64_t least = key(replica, count);
    nodes_[i] = least;
    for (; i > 1; i /= 2) {
      least = std::min(least, nodes_[i ^ 1]);
      nodes_[i / 2] = least;
    }
  }
  std::int32_t argmin() const { return static_cast<std::int32_t>(nodes_[1] & UINT32_MAX); }

 private:
  static std::uint64_t key(std::int32_t replica, std::int32_t count) {
    return std::uint64_t{static_cast<std::uint32_t>(count)} << 32 | static_cast<std::uint32_t>(replica);
  }
  std::vector<std::uint64_t> nodes_;  // a winner tree of keys: count, then replica; leaves from leaves_ on
  std::size_t leaves_ = 2;
  bool built_ = false;
};

// The observable side of the cluster, kept current by the kernel. Holds nothing that leads to hidden state.
struct Board {
  Time now = 0;
  std::vector<std::int32_t> num_waiting;  // per replica
  std::vector<std::int32_t> outstanding;  // per replica: waiting + running
  MinIndex least_waiting;
  MinIndex least_outstanding;
  // The global queue: a ring through the ids in arrival order. Id i is entry i + 1, and entry 0, id -1, both ends.
  std::span<const QueuedRequest> requests;
  std::vector<RequestId> next;
  std::vector<RequestId> previous;
  std::int32_t queue_length = 0;
};

// What the view asks of the kernel beyond the board; implemented by each kernel.
class Observatory {
 public:
  virtual ReplicaState state_of(std::int32_t replica) = 0;
  virtual void waiting_of(std::int32_t replica, std::vector<ResidentRequest>& out) = 0;
  virtual void running_of(std::int32_t replica, std::vector<ResidentRequest>& out) = 0;
  virtual const ReplicaLimits& limits_of(std::int32_t replica) const = 0;
  virtual const CostModel& cost_of(std::int32_t replica) const = 0;
  virtual void assign(RequestId request, std::int32_t replica) = 0;

 protected:
  ~Observatory() = default;
};

}  // namespace detail

class ClusterView {
 public:
  ClusterView(detail::Board& board, detail::Observatory& kernel) : board_(&board), kernel_(&kernel) {}

  Time now() const { return board_->now; }
  std::int32_t num_replicas() const { return static_cast<std::int32_t>(board_->outstanding.size()); }

  // Counts, current at every moment of the call. O(1).
  std::int32_t num_waiting(std::int32_t replica) const { return board_->num_waiting[std::size_t(replica)]; }
  std::int32_t outstanding(std::int32_t replica) const { return board_->outstanding[std::size_t(replica)]; }

  // The replica with the fewest waiting or outstanding requests, ties to the lowest id. O(log replicas).
  std::int32_t least_waiting() const {
    if (!board_->least_waiting.built()) board_->least_waiting.build(board_->num_waiting);
    return board_->least_waiting.argmin();
  }
  std::int32_t least_outstanding() const {
    if (!board_->least_outstanding.built()) board_->least_outstanding.build(board_->outstanding);
    return board_->least_outstanding.argmin();
  }

  // Aggregates of one replica. O(1), dearer than the counts.
  ReplicaState state(std::int32_t replica) const { return kernel_->state_of(replica); }

  // The requests of one replica: its FIFO from the front, or those that run, in order of (arrival, id). O(requests).
  // The span is valid until the next call of either.
  std::span<const ResidentRequest> waiting(std::int32_t replica) const;
  std::span<const ResidentRequest> running(std::int32_t replica) const;

  const ReplicaLimits& limits(std::int32_t replica) const { return kernel_->limits_of(replica); }
  BatchTimes batch_times(std::int32_t replica) const { return BatchTimes(kernel_->cost_of(replica)); }

  // The global queue in arrival order.
  bool queue_empty() const { return board_->queue_length == 0; }
  std::int32_t queue_length() const { return board_->queue_length; }
  RequestId first_queued() const { return next_queued(-1); }                               // -1 if empty
  RequestId next_queued(RequestId id) const { return board_->next[std::size_t(id + 1)]; }  // -1 at the end
  // A request that has arrived and is queued.
  const QueuedRequest& queued(RequestId id) const { return board_->requests[std::size_t(id)]; }

  // Moves a queued request to the end of a replica's FIFO. Takes effect at once. Throws std::logic_error if the
  // request is not queued or there is no such replica.
  void assign(RequestId request, std::int32_t replica) { kernel_->assign(request, replica); }

 private:
  detail::Board* board_;
  detail::Observatory* kernel_;
  mutable std::vector<ResidentRequest> residents_;
};

}  // namespace switchyard
