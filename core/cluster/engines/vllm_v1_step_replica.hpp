// A replica that runs vLLM's V1 engine step by step: the loop around VllmV1Scheduler, synchronous or asynchronous. It
// is the plain reading of the rules, which a faster one is tested against, and the one that observers watch.
#pragma once

#include <deque>
#include <vector>

#include "core/cluster/engines/vllm_v1_scheduler.hpp"
#include "core/cluster/kinds.hpp"
#include "core/cluster/replica_context.hpp"

namespace switchyard {

class VllmV1StepReplica {
 public:
  static constexpr bool kLeaps = false;

  void reset(std::int32_t id, const ReplicaKind& kind, ReplicaContext& context);

  // A request has been assigned. (Never cuts a step short.)
  bool enqueue(RequestId id, Time now, const VllmV1StepReplica* caller);

  // Where prefill and decode are apart, at an event from outside; as enqueue() they are true if a leap ends at this
  // very instant. What they mean: see VllmV1Scheduler.
  bool receive(RequestId id, Time now);
  bool release(RequestId id, Time now);
  bool withdraw(RequestId id, Time now);

  // Plans, if the engine is not waiting for the end of a step or of its sleep. True if ends_at() is new.
  bool start(Time now, StartCause cause);

  // What the engine waited for has come: books the oldest step, if it was that; fills `completed`, which is empty, in
  // order of id.
  void finish(std::vector<RequestId>& completed);

  // It fails: all that it has is gone, and its prefix cache. The steps that were planned count as a whole.
  void lose(Time now);

  bool go_on() { return false; }
  // The end of the oldest step or of the sleep.
  Time ends_at() const { return ends_at_; }

  // What ends at the same instant is in order of replicas.
  static bool ended_before(const VllmV1StepReplica& a, const VllmV1StepReplica& b) { return a.id_ < b.id_; }

  ReplicaState state(Time now, const VllmV1StepReplica* caller) const;
  void waiting(std::vector<ResidentRequest>& out) const;
  void running(std::vector<ResidentRequest>& out, Time now, const VllmV1StepReplica* caller) const;
  // Whose KV is held for another replica; they neither wait nor run.
  void held(std::vector<ResidentRequest>& out) const;
  std::int32_t cached_tokens(RequestId request, Time now, const VllmV1StepReplica* caller) const;
  // What routers know, where KV events take time.
  std::int32_t cached_tokens_ago(RequestId request, Time now, const VllmV1StepReplica* caller);
  void tell_later(Time now, const KvChange& change) {
    if (known_.is_used()) known_.add(now, change);
  }
  std::int64_t waiting_uncached_tokens(Time, const VllmV1StepReplica*) {
    return scheduler_.num_waiting_uncached_tokens();
  }
  bool has_requests() const { return scheduler_.has_requests(); }
  ReplicaTotals totals() const;

 private:
  // Planned and not booked.
  struct StepInFlight {
    VllmV1Scheduler::Step step;
    BatchShape shape;
    Time starts_at = 0;
    Time ends_at = 0;
  };

  void forget();
  RequestRecord& record(RequestId id) { return context_->table->records[static_cast<std::size_t>(id)]; }
  void go_round(Time now);
  bool plan(Time now);
  bool plan_again(Time now);
  void launch(StepInFlight& planned);
  bool must_sleep() const;
  void publish_waiting();
  void observe_plan(const StepInFlight& planned, Time now);
  void observe_start();
  void show(ResidentRequest& request, std::vector<ResidentRequest>& out) const;

  std::int32_t id_ = 0;
  const CostModel* cost_ = nullptr;
  ReplicaContext* context_ = nullptr;
  VllmV1Options options_;
  VllmV1Scheduler scheduler_;
  DelayedKeys known_;
  std::deque<StepInFlight> in_flight_;  // at most two, the oldest first
  StepInFlight spare_;                  // for the next plan: its vectors stay allocated
  VllmV1Scheduler::Booking booking_;
  Time ends_at_ = kNever;                   // kNever: idle, or about to plan
  Time ends_at_told_ = kNever;              // what the last start() left
  bool last_plan_was_empty_ = false;        // or there was nobody to plan for
  bool finished_since_plan_ = false;        // some request
  std::size_t num_taken_in_ = 0;            // requests that the engine knew at its last plan and that have not finished
  std::int32_t num_waiting_published_ = 0;  // what the board says
  ReplicaTotals totals_;
};

}  // namespace switchyard
