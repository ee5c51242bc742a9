// A replica that takes all batches between two changes of a batch's make-up in one leap. While only decodes run, each
// member gains one token a batch, so the members need not be touched: a member's processed tokens are its offset plus
// the replica's count of decode steps, its KV blocks follow from them, and the batch time stays the same until the mean
// KV length enters the next bucket. A leap ends at the first completion, the end of the KV bucket, the batch before
// free blocks run out, or (interrupt) the batch that runs when a request arrives. Every result is the one that
// StepReplica computes batch by batch.
#pragma once

#include <vector>

#include "core/cluster/replica_context.hpp"

namespace switchyard {

class LeapReplica {
 public:
  static constexpr bool kLeaps = true;

  void reset(std::int32_t id, ReplicaContext& context);

  // A request has been assigned. True if a leap was cut short so that it ends at this very instant.
  bool enqueue(RequestId id, Time now, Moment moment);

  bool start(Time now, StartCause cause);
  void finish(std::vector<RequestId>& completed);

  Time ends_at() const { return ends_at_; }

  // Whether an inner batch of the leap, neither its start nor its end, begins at `now`.
  bool has_inner_boundary(Time now) const {
    return ends_at_ != kNever && now > started_at_ && now < ends_at_ && (now - started_at_) % order_.duration == 0;
  }

  // Orders batches of two replicas that end at the same instant as the step kernel creates them. Batches of equal
  // duration that follow one another form a run. Of two batches that end together the longer was created first; two of
  // equal length go back in lockstep to the start of the younger run, where its cause decides.
  struct Order {
    Time duration = 0;
    Time run_started_at = 0;
    std::uint64_t created = 0;   // of the run's first batch
    bool before_others = false;  // the run's first batch was created before any inner batch at the same instant
  };
  static bool before(const Order& a, const Order& b);
  static bool ended_before(const LeapReplica& a, const LeapReplica& b) { return before(a.order_, b.order_); }
  const Order& order() const { return order_; }              // of the leap that runs or ran last
  const Order& ended_order() const { return ended_order_; }  // of the leap that ended last

  ReplicaState state(Time now, Moment moment) const;
  void waiting(std::vector<ResidentRequest>& out) const;
  void running(std::vector<ResidentRequest>& out, Time now, Moment moment) const;
  bool has_requests() const { return !waiting_.empty() || num_running() > 0; }
  const ReplicaTotals& totals() const { return totals_; }

 private:
  struct Completion {
    std::int64_t at_step = 0;  // decode steps of the replica
    RequestId id = 0;
  };

  LiveRequest& live(RequestId id) { return context_->table->live[static_cast<std::size_t>(id)]; }
  const LiveRequest& live(RequestId id) const { return context_->table->live[static_cast<std::size_t>(id)]; }
  std::int32_t num_running() const {
    return static_cast<std::int32_t>(decoding_.size() + left_out_.size() + prefilling_.size());
  }
  std::int32_t blocks_free() const { return context_->limits->num_blocks - blocks_used_; }
  std::int64_t kv_tokens() const { return offset_sum_ + static_cast<std::int64_t>(decoding_.size()) * decode_steps_; }
  std::int32_t processed_of(const LiveRequest& request) const {
    return static_cast<std::int32_t>(request.step_offset + decode_steps_);
  }
  std::size_t phase_of(std::int64_t value) const {
    const auto size = static_cast<std::int64_t>(allocations_at_.size());
    const std::int64_t remainder = value % size;
    return static_cast<std::size_t>(remainder < 0 ? remainder + size : remainder);
  }

  void begin_decoding(RequestId id);
  void stop_decoding(RequestId id);  // updates the sums; the caller takes it out of decoding_
  std::int32_t blocks_of(RequestId id) const;

  bool admissible(RequestId id) const;
  void admit(std::int32_t blocks, std::int32_t chunk);
  void restart(RequestId id);
  void form_vllm();
  void form_sarathi();
  void form_orca();
  bool decodes_fit() const;  // the next decode step, surely, without a restart
  void make_room_for_decodes(bool prefilling_too);
  std::int64_t steps_until_change() const;
  std::int64_t allocated_in(std::int64_t steps) const;  // blocks, in that many decode steps from now on
  std::int64_t ended_batches(Time now, Moment moment) const;

  std::int32_t id_ = 0;
  ReplicaContext* context_ = nullptr;
  WaitingFifo waiting_;
  std::int64_t waiting_tokens_ = 0;
  // Running requests in the scheduler's order are left_out_, decoding_, prefilling_.
  std::vector<RequestId> left_out_;  // sarathi: prefill incomplete and not in the last batch
  std::vector<RequestId> decoding_;
  std::vector<RequestId> prefilling_;  // in the last batch
  std::vector<RequestId> scratch_;
  std::vector<Completion> completions_;  // of decoding requests, the next one last

  std::int64_t decode_steps_ = 0;
  Time decode_time_ = 0;  // sum of the durations of batches that decoded
  std::int64_t offset_sum_ = 0;
  std::int64_t original_sum_ = 0;             // prompts of decoding requests as they arrived
  std::vector<std::int32_t> allocations_at_;  // blocks that decode step s allocates, by s modulo block size
  std::int32_t blocks_used_ = 0;

  bool decodes_ = false;          // the running batch (or leap) decodes
  bool restarted_ = false;        // requests may have been restarted to form it
  std::int64_t num_batches_ = 0;  // of the leap
  Time started_at_ = 0;
  Time ends_at_ = kNever;
  BatchShape shape_;
  bool extrapolated_ = false;
  std::int64_t resident_tokens_ = 0;  // processed tokens of all running requests as the leap starts
  Order order_;
  Order ended_order_;
  ReplicaTotals totals_;
};

}  // namespace switchyard
