// The cluster as a policy sees it during a call, and the one thing it may do: assign.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/api/batch_time.hpp"
#include "core/api/block_name.hpp"
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

// Where a request is, as far as the router's own books go.
enum class Lifecycle : std::uint8_t { future, queued, sent, done };

// The router's own books: what arrived, what it sent where, what came back. Always current.
struct Books {
  // By id; what has not arrived is not filled in.
  std::span<const QueuedRequest> requests;
  std::span<const Lifecycle> lifecycle;
  // The global queue: a ring through the ids in arrival order. Id i is entry i + 1, and entry 0, id -1, both ends.
  std::vector<RequestId> next;
  std::vector<RequestId> previous;
  std::int32_t queue_length = 0;
  std::vector<std::int32_t> outstanding;  // per replica: sent there and not completed
  MinIndex least_outstanding;
};

// What the replicas have published of themselves. Today that is their state at every call; what they publish beyond
// these counts is asked of the kernel (Observatory).
struct Published {
  std::vector<std::int32_t> num_waiting;  // per replica
  MinIndex least_waiting;
};

// Which replicas take requests, as far as routers know; shared by all of them.
struct Fleet {
  std::vector<std::uint8_t> accepts;  // by replica
  bool all_accept = true;
  bool all_fit = true;  // every request fits every replica

  bool serves_all() const { return all_accept && all_fit; }
};

// The observable side of the cluster, kept current by the kernel. Holds nothing that leads to hidden state.
struct Board {
  Time now = 0;
  std::int32_t router = 0;  // whose board it is
  std::int32_t num_routers = 1;
  bool is_split = false;  // some replica's role is `prefill`
  Books books;
  Published published;
  const Fleet* fleet = nullptr;  // nullptr: every replica takes every request
};

[[noreturn]] void refuse_apart(RequestId id, std::int32_t prefill, std::int32_t decode);

// What the view asks of the kernel beyond the board; implemented by each kernel.
class Observatory {
 public:
  virtual ReplicaState state_of(std::int32_t replica) = 0;
  virtual void waiting_of(std::int32_t replica, std::vector<ResidentRequest>& out) = 0;
  virtual void running_of(std::int32_t replica, std::vector<ResidentRequest>& out) = 0;
  virtual std::int32_t cached_tokens_of(RequestId request, std::int32_t replica) = 0;
  virtual void prefix_holders_of(RequestId, std::vector<PrefixHolder>& /*out*/) {}  // by replica
  virtual void prompt_blocks_of(RequestId, std::int32_t /*block_size*/, std::vector<BlockName>& /*out*/) {}
  virtual bool fits(RequestId, std::int32_t /*replica*/) const { return true; }
  virtual const ReplicaLimits& limits_of(std::int32_t replica) const = 0;
  virtual const CostModel& cost_of(std::int32_t replica) const = 0;
  virtual void assign(RequestId request, std::int32_t replica) = 0;
  // Refused where there are no roles.
  virtual void assign_apart(RequestId request, std::int32_t prefill, std::int32_t decode) {
    refuse_apart(request, prefill, decode);
  }

 protected:
  ~Observatory() = default;
};

// What is wrong with an argument of a view's.
[[noreturn]] void refuse_replica(std::int32_t replica, std::size_t num_replicas);
[[noreturn]] void refuse_request(RequestId id, const Books& books);

}  // namespace detail

// Every function that takes a replica or a request throws std::out_of_range if there is no such replica, or if the
// request is not in the global queue now: one that has not arrived is as unknown as one that never will.
class ClusterView {
 public:
  ClusterView(detail::Board& board, detail::Observatory& kernel) : board_(&board), kernel_(&kernel) {}

  Time now() const { return board_->now; }
  std::int32_t num_replicas() const { return static_cast<std::int32_t>(board_->books.outstanding.size()); }

  // Which router this is, of how many that share the arrivals. Each has a policy, a queue and books of its own, and
  // knows of the others' work what replicas publish.
  std::int32_t router() const { return board_->router; }
  std::int32_t num_routers() const { return board_->num_routers; }

  // Whether the replica takes requests, as far as the router knows: one that has failed does until that is noticed. One
  // that drains, that has left or has not started yet, does not. O(1).
  bool accepts(std::int32_t replica) const {
    const std::size_t i = index(replica);
    return !board_->fleet || board_->fleet->accepts[i] != 0;
  }
  // Whether it takes this queued request: it does, and the request fits, with as long an output as its client allows.
  // That is the same for all: as long as any of the workload, or as the largest replica has room for. O(1).
  bool can_serve(RequestId id, std::int32_t replica) const {
    in_queue(id);
    return accepts(replica) && (!board_->fleet || board_->fleet->all_fit || kernel_->fits(id, replica));
  }
  // Whether every replica takes every request, now. O(1).
  bool serves_all() const { return !board_->fleet || board_->fleet->serves_all(); }

  // Counts. O(1). What a replica has waiting is what it has published: as old as the scenario's signals are, the
  // present by default. What is outstanding is this router's own books: what it sent there and has not seen come back,
  // current at every moment of the call.
  std::int32_t num_waiting(std::int32_t replica) const { return board_->published.num_waiting[index(replica)]; }
  std::int32_t outstanding(std::int32_t replica) const { return board_->books.outstanding[index(replica)]; }

  // The replica with the fewest waiting or outstanding requests, ties to the lowest id, whether it takes any or not.
  // O(log replicas).
  std::int32_t least_waiting() const {
    if (!board_->published.least_waiting.built()) board_->published.least_waiting.build(board_->published.num_waiting);
    return board_->published.least_waiting.argmin();
  }
  std::int32_t least_outstanding() const {
    if (!board_->books.least_outstanding.built()) board_->books.least_outstanding.build(board_->books.outstanding);
    return board_->books.least_outstanding.argmin();
  }

  // Aggregates of one replica, as it has published them (taken_at says when). O(1), dearer than the counts.
  ReplicaState state(std::int32_t replica) const {
    index(replica);
    return kernel_->state_of(replica);
  }

  // The requests of one replica: its FIFO from the front, or those that run, in order of (arrival, id). O(requests).
  // The span is valid until the next call of either. Where signals are old they are those of the published snapshot,
  // which lists them only for policies that ask for it (Subscription::requests); else std::logic_error.
  std::span<const ResidentRequest> waiting(std::int32_t replica) const;
  std::span<const ResidentRequest> running(std::int32_t replica) const;

  // Leading tokens of a queued request's prompt that the replica's prefix cache holds, by the KV events that have come
  // from it (without delay, by default), in full blocks; 0 if it has none. The engine itself computes the last block
  // again if that is the whole prompt. O(blocks found).
  std::int32_t cached_tokens(RequestId id, std::int32_t replica) const {
    index(replica);
    return kernel_->cached_tokens_of(in_queue(id), replica);
  }

  // Sets `out` to the replicas with cached_tokens above 0, by replica. O(replicas that hold the first block), however
  // many replicas there are.
  void prefix_holders(RequestId id, std::vector<PrefixHolder>& out) const {
    out.clear();
    kernel_->prefix_holders_of(in_queue(id), out);
  }

  // The names of a queued request's prompt, a block of `block_size` tokens each: what a router could hash itself.
  // Blocks that are full, and of which it is known what they hold: all after these occur in no other prompt, now or
  // later, and get no names. O(blocks). The span is valid until the next call.
  std::span<const BlockName> prompt_blocks(RequestId id, std::int32_t block_size) const;

  const ReplicaLimits& limits(std::int32_t replica) const {
    index(replica);
    return kernel_->limits_of(replica);
  }
  BatchTimes batch_times(std::int32_t replica) const {
    index(replica);
    return BatchTimes(kernel_->cost_of(replica));
  }

  // The global queue in arrival order.
  bool queue_empty() const { return board_->books.queue_length == 0; }
  std::int32_t queue_length() const { return board_->books.queue_length; }
  RequestId first_queued() const { return board_->books.next[0]; }  // -1 if empty
  RequestId next_queued(RequestId id) const {
    return board_->books.next[std::size_t(in_queue(id)) + 1];
  }  // -1 at the end
  // A copy: there is no way from it to the requests beside it.
  QueuedRequest queued(RequestId id) const { return board_->books.requests[std::size_t(in_queue(id))]; }

  // Moves a queued request to the end of a replica's FIFO. Takes effect at once. Throws std::logic_error if the
  // request is not queued, there is no such replica, or it does not take the request (can_serve). A replica whose role
  // is `prefill` computes its prompt and first token; then the request is queued again (prefilled_on), to be assigned
  // to one that decodes. Any other computes all of a request that nobody has prefilled.
  void assign(RequestId request, std::int32_t replica) { kernel_->assign(request, replica); }

  // The same with both places, once for all: the request goes on from the prefill replica to the one that decodes. Both
  // have it outstanding until their part is done. Throws std::logic_error if they have not these roles.
  void assign(RequestId request, std::int32_t prefill, std::int32_t decode) {
    kernel_->assign_apart(request, prefill, decode);
  }

  // Whether prefill and decode are apart: some replica's role is `prefill`.
  bool is_split() const { return board_->is_split; }
  Role role(std::int32_t replica) const { return limits(replica).role; }

 private:
  std::size_t index(std::int32_t replica) const {
    const auto i = static_cast<std::size_t>(replica);  // a negative one becomes huge
    if (i >= board_->books.outstanding.size()) [[unlikely]]
      detail::refuse_replica(replica, board_->books.outstanding.size());
    return i;
  }
  RequestId in_queue(RequestId id) const {
    const auto i = static_cast<std::size_t>(id);
    if (i >= board_->books.lifecycle.size() || board_->books.lifecycle[i] != detail::Lifecycle::queued) [[unlikely]]
      detail::refuse_request(id, board_->books);
    return id;
  }

  detail::Board* board_;
  detail::Observatory* kernel_;
  mutable std::vector<ResidentRequest> residents_;
  mutable std::vector<BlockName> prompt_blocks_;
};

}  // namespace switchyard
