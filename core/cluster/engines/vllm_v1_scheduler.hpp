// The scheduler and the KV-cache manager of vLLM's V1 engine, plainly: request by request and block by block. It plans
// steps and books them; when that happens, and how long a step takes, is its caller's to say. Synchronous scheduling
// books each step before it plans the next. Asynchronous scheduling may plan one more step before it books the first.
//
// Where prefill and decode are apart (Stage), a request whose prompt is computed is held: it has left the running ones,
// and keeps its blocks until release(). One that decodes waits for blocks among the others, in its turn; then its
// blocks are reserved and its KV is on its way, until receive(). It joins the running ones as soon as there is a seat
// and budget for its next token, before any that wait; if it is preempted later it computes all of it again, here.
#pragma once

#include <deque>
#include <vector>

#include "core/cluster/engine_options.hpp"
#include "core/cluster/kv/block_keys.hpp"
#include "core/cluster/kv/block_pool.hpp"
#include "core/cluster/stage.hpp"

namespace switchyard {

class VllmV1Scheduler {
 public:
  using Slot = std::int32_t;

  // A request's share of a step.
  struct Member {
    RequestId id = 0;
    Slot slot = 0;
    std::int32_t num_tokens = 0;           // that the step computes
    std::int32_t num_computed_before = 0;  // prefix that was found in the cache included
    bool is_prefill = false;               // not a decode: the time of the step depends on it
    bool yields = false;                   // one token, when the step ends
  };
  struct Admission {
    RequestId id = 0;
    std::int32_t num_cached_tokens = 0;
    bool is_first = true;  // not after a preemption
  };
  struct Step {
    std::vector<Member> members;          // in the scheduler's order; empty: nothing to compute
    std::vector<RequestId> preempted;     // while it was planned, in order
    std::vector<Admission> admitted;      // in order
    std::vector<Reservation> reserved;    // in order
    std::int64_t num_running_tokens = 0;  // computed before it, by all running requests

    void clear();
  };
  // All in order of members.
  struct Booking {
    std::vector<RequestId> computed;      // all but those that had ended before: their decode was wasted
    std::vector<RequestId> prefilled;     // begin to decode
    std::vector<RequestId> first_tokens;  // yielded their first token
    std::vector<RequestId> finished;
    std::vector<RequestId> held;  // prompts that are computed, and decode elsewhere
  };
  struct Totals {
    std::int64_t num_scheduled_tokens = 0;
    std::int64_t hit_tokens = 0;             // found in the cache at first admissions
    std::int64_t hit_tokens_resumed = 0;     // found after a preemption
    std::int64_t num_recomputed_tokens = 0;  // computed again after a preemption
  };

  // What the prefix cache gains and loses is added to `changes`, unless it is nullptr.
  void reset(const VllmV1Options& options, const BlockKeys& keys, KvChanges* changes = nullptr);

  // Adds to the changes that nothing can be found any more.
  void tell_all_removed() { pool_.tell_all_removed(); }

  // A request arrives: to the back of the waiting ones. It must fit (see check_fits).
  void add(RequestId id, std::int32_t num_prompt_tokens, std::int32_t num_output_tokens, Stage stage = Stage::whole);

  // The KV of a request with reserved blocks has come: others can find it from now on.
  void receive(RequestId id);
  // The KV of a request that is held has been moved: its blocks are free again.
  void release(RequestId id);

  // The KV of a request that waits for blocks, or for it with blocks reserved, will not come: it leaves.
  void withdraw(RequestId id);

  // Plans the next step. At most one other may be planned and not booked.
  void plan(Step& step);

  // The oldest step that is not booked has ended. Replaces what `booking` holds.
  void book(const Step& step, Booking& booking);

  // That a plan could do something for.
  bool has_requests() const { return !waiting_.empty() || !running_.empty() || !received_.empty(); }
  // Those for whose KV blocks are reserved, or that have received it, among them.
  std::size_t num_waiting() const { return waiting_.size() + reserved_.size() + received_.size(); }
  std::size_t num_running() const { return running_.size(); }
  const BlockPool& pool() const { return pool_; }
  const Totals& totals() const { return totals_; }

  // Tokens of the leading full blocks of the request's prompt that the cache holds now. Any request of the workload.
  std::int32_t num_cached_tokens(RequestId id, std::int32_t num_prompt_tokens) const;

  // The keys of these blocks. Valid until the next call of either.
  std::span<const BlockKey> prompt_keys(RequestId id, std::int32_t num_prompt_tokens) const;

  // Tokens of waiting requests that they would have to compute if they were admitted now. O(their blocks).
  std::int64_t num_waiting_uncached_tokens();

  // As policies see it, but for the batch that runs: booked steps count, others do not. O(1).
  ReplicaState state() const;
  // `resident` for each request, from the front.
  template <class Visit>
  void visit_waiting(Visit visit) const {
    for (const Slot slot : received_) visit(resident(at(slot)));
    for (const Slot slot : reserved_) visit(resident(at(slot)));
    for (const Slot slot : waiting_) visit(resident(at(slot)));
  }
  template <class Visit>
  void visit_running(Visit visit) const {
    for (const Slot slot : running_) visit(resident(at(slot)));
  }
  // Those that are held, which neither wait nor run.
  template <class Visit>
  void visit_held(Visit visit) const {
    for (const Slot slot : held_) visit(resident(at(slot)));
  }

 private:
  struct Request {
    RequestId id = -1;  // -1: the slot is free
    std::int32_t num_prompt_tokens = 0;
    std::int32_t num_tokens = 0;     // prompt and what was generated, as far as steps are booked
    std::int32_t num_in_flight = 0;  // tokens that planned and not booked steps will yield
    std::int32_t num_computed = 0;   // tokens whose KV planned steps have computed or will
    std::int32_t num_booked = 0;     // tokens whose KV booked steps have computed, cached prefix included
    std::int32_t num_published = 0;  // leading blocks that others can find
    std::int32_t target = 0;         // num_tokens at its admission: until there it prefills
    std::int32_t end = 0;            // num_tokens with which it ends
    std::int32_t foreseen_end = 0;   // the least num_tokens of which the engine knows that it must end there
    std::int32_t most_computed = 0;  // the largest num_computed before its last preemption
    std::int32_t num_admissions = 0;
    bool is_running = false;
    Stage stage = Stage::whole;
    bool decodes_elsewhere = false;  // its answer does not end with the first token
    std::vector<BlockId> blocks;
    std::vector<BlockKey> keys;  // of all full blocks that it will ever have; those of tokens to come are not read
  };

  Request& at(Slot slot) { return slots_[static_cast<std::size_t>(slot)]; }
  const Request& at(Slot slot) const { return slots_[static_cast<std::size_t>(slot)]; }
  std::int32_t full_blocks(std::int32_t tokens) const { return tokens / options_.block_size; }
  std::int32_t blocks_for(std::int32_t tokens) const {
    return (tokens + options_.block_size - 1) / options_.block_size;
  }

  // Pass 1. Whether nothing was preempted.
  bool continue_running(Step& step);
  // Pass 2.
  void admit_waiting(Step& step);
  bool ends_with_token_in_flight(const Request& request) const;
  std::int32_t chunk(const Request& request, std::int32_t num_computed) const;
  void lookup(const Request& request);  // sets hits_
  std::int32_t num_idle_hits() const;
  bool reserve(Step& step, Slot slot);
  void continue_received(Step& step);
  void preempt_last(Step& step);
  void take_blocks(Request& request, std::int32_t count);
  void publish(Request& request, std::int32_t num_tokens);
  void join(Step& step, Slot slot, std::int32_t num_tokens);
  void finish(Slot slot);
  void hold(Slot slot);
  void free_slot(Slot slot);
  Slot take_out(std::vector<Slot>& slots, RequestId id);  // -1: it is not among them
  ResidentRequest resident(const Request& request) const;
  // A request's part in sums_; taken out before it changes and put back after it.
  void count(const Request& request, std::int32_t sign);

  VllmV1Options options_;
  BlockKeys keys_;
  BlockPool pool_;
  std::vector<Request> slots_;
  std::vector<Slot> free_slots_;
  std::deque<Slot> waiting_;
  std::vector<Slot> running_;   // in order of admission
  std::vector<Slot> reserved_;  // their KV is on its way
  std::vector<Slot> received_;  // it has come, in this order
  std::vector<Slot> held_;      // their KV is needed elsewhere
  std::int32_t budget_ = 0;     // left, of the step that is planned
  std::vector<BlockId> hits_;
  mutable std::vector<BlockKey> asked_keys_;  // of the request that num_cached_tokens was last asked about
  mutable RequestId asked_ = -1;
  ReplicaState sums_;  // over requests: the fields that count() changes
  Totals totals_;
};

}  // namespace switchyard
