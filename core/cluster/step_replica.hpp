// A replica that takes one batch at a time and looks at every member: the plain reading of the rules. It is the
// reference that LeapReplica is tested against, and the kernel that observers watch.
#pragma once

#include <vector>

#include "core/cluster/replica_context.hpp"

namespace switchyard {

class StepReplica {
 public:
  static constexpr bool kLeaps = false;

  void reset(std::int32_t id, const ReplicaKind& kind, ReplicaContext& context);

  // A request has been assigned, by a policy call that follows a completion on `caller`, or an arrival (nullptr).
  // (Never cuts a batch short, and shows the same to any call.)
  bool enqueue(RequestId id, Time now, const StepReplica* caller);

  // Forms a batch if none is running and there is work. True if one was started.
  bool start(Time now, StartCause cause);

  // Bookkeeping of the batch that has just ended; fills `completed`, which is empty, in order of id.
  void finish(std::vector<RequestId>& completed);

  // It fails: all that it has is gone. The batch that ran counts as a whole.
  void lose(Time now);

  bool go_on() { return false; }
  Time ends_at() const { return ends_at_; }

  // Whether the batch of `a` ended before that of `b`, both at the same instant.
  static bool ended_before(const StepReplica& a, const StepReplica& b) { return a.created_ < b.created_; }

  ReplicaState state(Time now, const StepReplica* caller) const;
  void waiting(std::vector<ResidentRequest>& out) const;
  void running(std::vector<ResidentRequest>& out, Time now, const StepReplica* caller) const;
  // Without a prefix cache, none.
  std::int32_t cached_tokens(RequestId, Time, const StepReplica*) const { return 0; }
  std::int32_t cached_tokens_ago(RequestId, Time, const StepReplica*) const { return 0; }
  std::int64_t waiting_uncached_tokens(Time now, const StepReplica* caller) const {
    return state(now, caller).waiting_prefill_tokens;
  }
  bool has_requests() const { return !waiting_.empty() || !running_.empty(); }
  const ReplicaTotals& totals() const { return totals_; }

 private:
  LiveRequest& live(RequestId id) { return context_->table->live[static_cast<std::size_t>(id)]; }
  const LiveRequest& live(RequestId id) const { return context_->table->live[static_cast<std::size_t>(id)]; }
  std::int32_t blocks_free() const { return limits_->num_blocks - blocks_used_; }

  void form_vllm_v0();
  void form_sarathi();
  void form_orca();
  bool admissible(RequestId id) const;
  void admit(std::int32_t blocks, std::int32_t chunk);  // the front of the FIFO
  void restart(RequestId id);
  // Makes room for one decode at position `i` of `list`, restarting from the end of the list; `end` shrinks.
  bool make_room(const std::vector<RequestId>& list, std::size_t i, std::size_t& end);
  void join_decode(RequestId id);
  bool holds_its_blocks() const;  // for assertions: no more than there are, and all by those that run

  std::int32_t id_ = 0;
  const ReplicaLimits* limits_ = nullptr;
  const CostModel* cost_ = nullptr;
  ReplicaContext* context_ = nullptr;
  Time now_ = 0;
  WaitingFifo waiting_;
  std::vector<RequestId> running_;  // vllm_v0: by arrival; sarathi, orca: left out of the last batch, then its members
  std::vector<RequestId> members_;  // of the running batch, in its order
  std::vector<RequestId> scratch_;
  std::int32_t blocks_used_ = 0;
  Time started_at_ = 0;
  Time ends_at_ = kNever;
  BatchShape shape_;
  std::uint64_t created_ = 0;
  ReplicaTotals totals_;
};

}  // namespace switchyard
