// A replica that runs vLLM's V1 engine as VllmV1StepReplica does, and takes all steps between two changes of their
// make-up in one leap.
//
// Wherever the engine may do something new it plans a step as the rules say, but looks only at the members that change:
// prompts are looked at one by one, decodes as a whole (DecodeSet), blocks as runs (RunPool). Then it leaps: while
// every running request decodes and nobody can be admitted, the coming plans have the same members and take the same
// time, until the first of these happens:
//   - a member's last token is planned,
//   - the mean KV length enters its next bucket,
//   - the free blocks do not suffice,
//   - a member publishes a block that the front of the waiting requests, which lacks memory, could find,
//   - a request is assigned that might be admitted (enqueue).
// These plans are carried out together, at the end of the leap or when somebody looks (catch_up).
#pragma once

#include <algorithm>
#include <vector>

#include "core/cluster/decode_set.hpp"
#include "core/cluster/kinds.hpp"
#include "core/cluster/kv/run_pool.hpp"
#include "core/cluster/replica_context.hpp"

namespace switchyard {

class VllmV1LeapReplica {
 public:
  static constexpr bool kLeaps = true;

  void reset(std::int32_t id, const ReplicaKind& kind, ReplicaContext& context);

  // A request has been assigned, by a policy call that follows a completion on `caller`, or an arrival (nullptr). True
  // if a leap was cut short so that it ends at this very instant.
  bool enqueue(RequestId id, Time now, const VllmV1LeapReplica* caller);

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

  // The commonest end of a leap is that of a KV bucket, when nothing completes and nothing waits: goes straight on with
  // the next leap. False if there may be more to do; then nothing has been done.
  bool go_on();

  // The end of the leap or of the sleep.
  Time ends_at() const { return ends_at_; }

  // What ends at the same instant is in order of replicas.
  static bool ended_before(const VllmV1LeapReplica& a, const VllmV1LeapReplica& b) { return a.id_ < b.id_; }

  ReplicaState state(Time now, const VllmV1LeapReplica* caller);
  void waiting(std::vector<ResidentRequest>& out) const;
  void running(std::vector<ResidentRequest>& out, Time now, const VllmV1LeapReplica* caller);
  // Whose KV is held for another replica; they neither wait nor run.
  void held(std::vector<ResidentRequest>& out) const;
  std::int32_t cached_tokens(RequestId request, Time now, const VllmV1LeapReplica* caller);
  // What routers know, where KV events take time.
  std::int32_t cached_tokens_ago(RequestId request, Time now, const VllmV1LeapReplica* caller);
  void settle_known(Time now) { known_.settle(now); }
  std::int64_t waiting_uncached_tokens(Time now, const VllmV1LeapReplica* caller);
  // Adds the replica to an index that has just been built. From then on the pool keeps it current.
  void fill(HolderIndex& holders) const { pool_.fill(holders, id_); }
  // Whether the rest of the leap may store the first block of a prompt that others have in common with it.
  bool may_store_a_beginning() const;
  ReplicaTotals totals() const;

 private:
  using Slot = std::int32_t;  // of a request that the replica has

  static constexpr std::int64_t kNeverYet = INT64_MAX;

  enum class Phase : std::uint8_t {
    waiting,
    prefilling,  // some of its tokens are in no planned step yet
    decoding,    // in decoding_
    ending,      // its last token is in flight: it is passed over until that is booked
    held,        // it decodes elsewhere
  };

  // Its tokens are num_tokens until its prefill is planned to the end. Then it decodes, and DecodeSet counts those in
  // flight as well: see position_of.
  struct Request {
    RequestId id = 0;
    Phase phase = Phase::waiting;
    Stage stage = Stage::whole;
    bool has_first_token = false;
    bool decodes_elsewhere = false;  // its answer does not end with the first token
    bool end_is_foreseen = true;     // the engine knows when it ends
    std::int32_t num_prompt_tokens = 0;
    std::int32_t num_tokens = 0;     // prompt and what is known of the output
    std::int32_t num_computed = 0;   // tokens that planned steps compute; of those that prefill
    std::int32_t num_booked = 0;     // the same of booked steps, up to `target`
    std::int32_t target = 0;         // num_tokens at its admission
    std::int32_t end = 0;            // num_tokens with which it ends
    std::int32_t most_computed = 0;  // the largest num_computed before its last preemption
    bool was_admitted = false;
    std::int64_t admission = 0;    // increases in the order of admissions, which is that of running requests
    std::int64_t first_yield = 0;  // the step that ends its prefill
    std::int64_t last_yield = 0;   // the step that computes its last token, once that is planned
    RunPool::Holder holder;
  };

  struct Prefill {
    Slot slot = 0;
    std::int32_t num_tokens = 0;
    bool yields = false;
  };

  // A step that is planned. Its decodes are the requests that had joined decoding_ before it, up to last_decode.
  struct Step {
    std::int64_t index = 0;  // steps are numbered as they are planned
    Time starts_at = 0;
    Time ends_at = 0;
    Time duration = 0;
    bool extrapolated = false;
    std::int64_t last_decode = 0;         // admission of the last request that it decodes; -1: none
    std::int64_t index_before = 0;        // the step that was in flight when it was planned, or -1
    std::int64_t last_decode_before = 0;  // of that one
    std::int32_t num_yielding = 0;        // members that still run and will get a token
    BatchShape shape;
    std::vector<Prefill> prefills;  // in the scheduler's order
    std::vector<Slot> ends;         // members that get their last token and run
    std::vector<Slot> victims;      // decodes that were preempted since

    bool is_plain() const { return prefills.empty() && ends.empty() && victims.empty(); }
  };

  Request& at(Slot slot) { return requests_[static_cast<std::size_t>(slot)]; }
  const Request& at(Slot slot) const { return requests_[static_cast<std::size_t>(slot)]; }
  LiveRequest& live(Slot slot) { return live_[static_cast<std::size_t>(slot)]; }
  const LiveRequest& live(Slot slot) const { return live_[static_cast<std::size_t>(slot)]; }
  RequestRecord& record(Slot slot) { return context_->table->records[static_cast<std::size_t>(at(slot).id)]; }
  std::int32_t full_blocks(std::int64_t tokens) const {
    return static_cast<std::int32_t>(tokens / options_.block_size);
  }
  std::int32_t blocks_of(std::int32_t tokens) const { return blocks_for(tokens, options_.block_size); }
  std::int32_t num_running() const {
    return decoding_.size() + static_cast<std::int32_t>(prefilling_.size() + ending_.size());
  }
  // As of VllmV1Scheduler.
  bool has_requests() const { return !waiting_.empty() || !received_.empty() || num_running() > 0; }
  std::int32_t num_waiting() const {
    return static_cast<std::int32_t>(waiting_.size() + reserved_.size() + received_.size());
  }
  // The oldest is number 0.
  Step& step_in_flight(std::int32_t i) { return in_flight_[(oldest_ + i) % 2]; }
  const Step& step_in_flight(std::int32_t i) const { return in_flight_[(oldest_ + i) % 2]; }
  Step& oldest() { return step_in_flight(0); }
  Step& newest() { return step_in_flight(num_in_flight_ - 1); }
  void drop_oldest() {
    oldest_ = 1 - oldest_;
    --num_in_flight_;
  }

  // Known tokens and those in flight of a request that decodes or is ending; it has computed one fewer.
  std::int32_t position_of(Slot slot) const {
    return at(slot).phase == Phase::decoding ? decoding_.processed(live(slot)) : at(slot).end;
  }
  // Whether a step is to give a request that decodes or is ending a token (the successor of a stop token included).
  static bool yields(const Request& request, std::int64_t index, std::int64_t last_decode) {
    return index == request.first_yield ||
           (index > request.first_yield && index <= request.last_yield && request.admission <= last_decode);
  }
  std::int32_t tokens_in_flight(const Request& request) const {
    std::int32_t tokens = 0;
    for (std::int32_t i = is_booked_ ? 1 : 0; i < num_in_flight_; ++i) {
      tokens += yields(request, step_in_flight(i).index, step_in_flight(i).last_decode);
    }
    return tokens;
  }
  bool has_to_publish(const Request& request) const;
  void insert(std::vector<Slot>& list, Slot slot);
  static void erase(std::vector<Slot>& list, Slot slot) {
    const auto found = std::find(list.begin(), list.end(), slot);
    if (found != list.end()) list.erase(found);
  }

  void forget();

  // Planning.
  void go_round(Time now);
  bool plan(Time now);
  bool plan_again(Time now) { return num_in_flight_ == 0 && preempted_ && plan(now); }  // see VllmV1StepReplica
  bool continue_all(Step& step);
  void continue_one_by_one(Step& step);
  void preempt_last();
  void admit_waiting(Step& step);
  bool reserve(Slot slot);
  void continue_received();
  std::int32_t chunk(std::int32_t tokens) const;
  void publish_decode(Slot slot);
  void publish_prefill(const Prefill& prefill);
  void compute(Step& step, Time now);
  void end_prefill(Slot slot, Step& step);
  void note_last_tokens(Step& step);
  std::int32_t num_decodes_before(std::int64_t admission) const;

  // Booking.
  void book(Step& step, Time now, std::vector<RequestId>& completed);
  void complete(Slot slot, Time now, std::vector<RequestId>& completed);
  void hold(Slot slot);
  Slot take_out(std::vector<Slot>& slots, RequestId id);  // -1: it is not among them

  // Leaping.
  void leap();
  bool cut(Time now, const VllmV1LeapReplica* caller, bool cannot_join);
  std::int64_t plans_before_front_may_find_more() const;
  // How far the leap has come, seen from a policy call.
  struct Progress {
    std::int64_t ended = 0;  // steps of it that are booked
    bool runs = true;        // the engine has planned again since
  };
  Progress progress_at(Time now, const VllmV1LeapReplica* caller) const;
  void catch_up(std::int64_t plans);
  void catch_up_at_once(std::int64_t plans);
  void catch_up(Time now, const VllmV1LeapReplica* caller);
  void publish_in_leap(std::int64_t plans);

  bool must_sleep() const;
  void tell_waiting();
  void show(Slot slot, std::vector<ResidentRequest>& out) const;

  std::int32_t id_ = 0;
  ReplicaContext* context_ = nullptr;
  const CostModel* cost_ = nullptr;
  bool is_uneven_ = false;  // each step of decodes takes its own time (StepTimes::uneven)
  VllmV1Options options_;
  RunPool pool_;
  DelayedLines known_;
  std::vector<Request> requests_;  // by slot
  std::vector<LiveRequest> live_;  // by slot: what decoding_ keeps of a request
  std::vector<Slot> free_slots_;
  WaitingFifo waiting_;              // of slots
  std::int64_t waiting_tokens_ = 0;  // that they have to compute
  std::vector<Slot> reserved_;       // they wait for their KV, whose blocks are taken
  std::vector<Slot> received_;       // it has come, in this order
  std::vector<Slot> held_;           // their KV is needed elsewhere
  // Running requests, each list in order of admission.
  DecodeSet decoding_;
  std::vector<Slot> prefilling_;
  std::vector<Slot> ending_;
  std::vector<Slot> publishers_;          // that decode or are ending, and will publish blocks that others can find
  std::int64_t prefilling_computed_ = 0;  // sums of tokens
  std::int64_t ending_computed_ = 0;
  std::int64_t num_admissions_ = 0;
  std::int64_t num_plans_ = 0;  // of steps that were not empty

  // The plan that is being made.
  std::int32_t budget_ = 0;
  std::int32_t num_decodes_ = 0;  // those that get a place: the first of decoding_
  bool preempted_ = false;
  bool lacks_memory_ = false;  // what the front of waiting_ would need

  Step in_flight_[2];
  std::int32_t oldest_ = 0;  // of in_flight_
  std::int32_t num_in_flight_ = 0;
  Time ends_at_ = kNever;       // kNever: idle, or about to plan
  Time ends_at_told_ = kNever;  // what the last start() left
  bool last_plan_was_empty_ = false;
  bool finished_since_plan_ = false;
  std::int64_t num_taken_in_ = 0;
  std::int32_t num_waiting_told_ = 0;

  // The running leap: events at first_event_, and then every `duration` of the newest step. Each but the last books a
  // step in which nothing ends and plans another one like the newest.
  Time first_event_ = 0;
  std::int64_t num_events_ = 1;
  std::int64_t num_caught_up_ = 0;  // plans that have been carried out
  bool is_booked_ = false;          // the oldest step is, for the one who looks
  bool goes_on_ = false;            // the leap ends with the KV bucket and nothing else

  struct Publication {
    std::int64_t plan = 0;
    std::int64_t admission = 0;
    Slot slot = 0;
    std::int32_t num_blocks = 0;
  };
  std::vector<Publication> publications_;  // scratch
  ReplicaTotals totals_;
};

}  // namespace switchyard
