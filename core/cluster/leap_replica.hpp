// A replica that takes all batches between two changes of a batch's make-up in one leap. While only decodes run, each
// member gains one token a batch, so the members need not be touched (DecodeSet), and the batch time stays the same
// until the mean KV length enters the next bucket. A leap ends at the first completion, the end of the KV bucket, the
// batch before free blocks run out, or (enqueue) the batch that runs when a request arrives. Every result is the one
// that StepReplica computes batch by batch.
//
// What each step takes is inline, so that the event loop holds it in one piece: how a batch is formed
// (leap_forming.hpp), begins and ends (leap_batches.hpp). The rest is in leap_replica.cpp.
#pragma once

#include <vector>

#include "core/cluster/decode_set.hpp"
#include "core/cluster/replica_context.hpp"

namespace switchyard {

class LeapReplica {
 public:
  static constexpr bool kLeaps = true;

  void reset(std::int32_t id, const ReplicaKind& kind, ReplicaContext& context);

  // A request has been assigned, by a policy call that follows a completion on `caller`, or an arrival (nullptr). True
  // if a leap was cut short so that it ends at this very instant.
  bool enqueue(RequestId id, Time now, const LeapReplica* caller);

  // Forms a batch if none is running and there is work. True if one was started.
  bool start(Time now, StartCause cause) { return ends_at_ == kNever && form(now, cause); }

  // Bookkeeping of the batch that has just ended; fills `completed`, which is empty, in order of id.
  void finish(std::vector<RequestId>& completed);

  // It fails: all that it has is gone. The batch that ran counts as a whole.
  void lose(Time now);

  // The commonest end of a leap is that of a KV bucket, when nothing completes and nothing waits: goes straight on with
  // the next leap. False if there may be more to do; then nothing has been done.
  bool go_on();

  Time ends_at() const { return ends_at_; }

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
  // Both leaps have ended, and neither replica has started another.
  static bool ended_before(const LeapReplica& a, const LeapReplica& b) { return before(a.order_, b.order_); }

  ReplicaState state(Time now, const LeapReplica* caller) const;
  void waiting(std::vector<ResidentRequest>& out) const;
  void running(std::vector<ResidentRequest>& out, Time now, const LeapReplica* caller) const;
  // Without a prefix cache, none.
  std::int32_t cached_tokens(RequestId, Time, const LeapReplica*) const { return 0; }
  std::int32_t cached_tokens_ago(RequestId, Time, const LeapReplica*) const { return 0; }
  std::int64_t waiting_uncached_tokens(Time, const LeapReplica*) const { return waiting_tokens_; }
  const ReplicaTotals& totals() const { return totals_; }

 private:
  LiveRequest& live(RequestId id) { return live_[id]; }
  const LiveRequest& live(RequestId id) const { return live_[id]; }
  RequestRecord& record(RequestId id) { return records_[id]; }
  bool reserves_sequences() const { return limits_.engine == EngineKind::orca; }
  std::int32_t num_running() const {
    return decoding_.size() + static_cast<std::int32_t>(left_out_.size() + prefilling_.size());
  }
  std::int32_t blocks_free() const { return limits_.num_blocks - blocks_used_; }
  bool admissible(std::int32_t blocks) const { return blocks_free() - blocks >= limits_.watermark_blocks; }
  std::int32_t blocks_of(const LiveRequest& request) const;

  void forget();
  bool form(Time now, StartCause cause);
  // What the next batch computes is then in prefilling_, prefills_ and, if decodes_, decoding_.
  void form_vllm_v0(Time now);
  void form_sarathi(Time now);
  void form_orca(Time now);
  void admit(Time now, std::int32_t blocks, std::int64_t chunk);
  void add_chunk(LiveRequest& request, std::int64_t chunk);
  void make_room_for_decodes();
  void restart_for_decodes();
  void restart_last();
  std::int64_t continue_prefills(std::int64_t room);
  void sort_left_out();

  CostModel::Lookup begin_prefill_batch();
  CostModel::Lookup begin_decode_leap(std::int64_t steps_to_bucket);
  void limit_by_blocks(std::int64_t spare);
  void set_end(Time now, CostModel::Lookup cost, StartCause cause);
  void count_batches();
  void finish_decodes(Time now, std::vector<RequestId>& completed);
  void finish_prefills(Time now, std::vector<RequestId>& completed);
  void begin_decoding(RequestId id, LiveRequest& request);
  void complete(RequestId id, Time now, std::vector<RequestId>& completed);

  // How far the running leap has come, seen from a policy call.
  struct Progress {
    std::int64_t ended = 0;  // batches whose bookkeeping is done
    bool runs = true;        // the batch after those has started
  };
  Progress progress(Time now, const LeapReplica* caller) const;

  std::int32_t id_ = 0;
  bool restarted_ = false;  // requests may have been restarted to form the batch
  ReplicaContext* context_ = nullptr;
  const CostModel* cost_ = nullptr;
  LiveRequest* live_ = nullptr;  // by id
  RequestRecord* records_ = nullptr;
  ReplicaLimits limits_;
  WaitingFifo waiting_;
  std::int64_t waiting_tokens_ = 0;
  // Running requests in the scheduler's order are left_out_, decoding_, prefilling_.
  std::vector<RequestId> left_out_;  // sarathi: prefill incomplete and not in the last batch
  DecodeSet decoding_;
  std::vector<RequestId> prefilling_;  // in the last batch
  std::int64_t partial_tokens_ = 0;    // processed by those whose prefill is incomplete
  std::int32_t blocks_used_ = 0;
  std::int32_t blocks_per_decode_ = 0;  // the most that a decoding request allocates in two leaps

  // The running leap.
  Time started_at_ = 0;
  Time ends_at_ = kNever;
  std::int64_t num_batches_ = 0;
  bool ends_with_bucket_ = false;  // and with nothing else
  bool extrapolated_ = false;
  bool decodes_ = false;
  BatchShape prefills_;               // its prefills; zeros between batches
  std::int64_t resident_tokens_ = 0;  // processed tokens of all running requests as it starts
  std::int64_t kv_step_ = 0;          // of decodes alone: where their times are read

  Order order_;        // of the leap that runs or ran last
  Order ended_order_;  // of the leap that ended last with a completion
  ReplicaTotals totals_;
};

}  // namespace switchyard

#include "core/cluster/leap_batches.hpp"
#include "core/cluster/leap_forming.hpp"
