// The routers of a cluster, and all that they are told beyond live arrivals and completions: snapshots and when they
// come, KV events, throughput, timers, and what their decisions take. The loop of the commonest replays (kPlain) has
// none of it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/cluster/agenda.hpp"
#include "core/cluster/block_naming.hpp"
#include "core/cluster/kinds.hpp"
#include "core/cluster/publications.hpp"
#include "core/cluster/router.hpp"
#include "core/cluster/told.hpp"

namespace switchyard {

// The replicas at this very moment, as the loop knows them.
class PresentReplicas {
 public:
  virtual ReplicaState present_state(std::int32_t replica) = 0;
  virtual void present_waiting(std::int32_t replica, std::vector<ResidentRequest>& out) = 0;
  virtual void present_running(std::int32_t replica, std::vector<ResidentRequest>& out) = 0;
  virtual std::int64_t present_waiting_uncached(std::int32_t replica) = 0;
  virtual void tell_later(std::int32_t replica, const KvChange& change) = 0;  // to who asks what its cache held then
  virtual bool any_batch_runs() = 0;
  virtual bool publishes(std::int32_t replica) = 0;  // one that has failed or is not there takes no snapshots

 protected:
  ~PresentReplicas() = default;
};

class RouterDesk {
 public:
  // What follows an event from outside: a call of a router's policy, or a request that comes to its replica.
  struct Call {
    std::int32_t router = 0;
    RequestId delivered = -1;
    bool hand_offs = false;  // HandOffDesk has something to do
  };
  // The loop's own, which outlive the desk.
  struct Around {
    detail::Observatory& kernel;
    PresentReplicas& replicas;
    detail::Board& board;
    ClusterView& view;  // of that board
    RequestTable& table;
    Agenda& agenda;
    detail::BlockNaming& naming;
  };

  explicit RouterDesk(const Around& around) : around_(around) {}

  // Before the replicas of a run are set up: what the policies ask for is known then.
  void reset(const ClusterConfig& config, const RouterPolicies& routed_by);
  // After it.
  void open(const RouterPolicies& routed_by);

  const SignalOptions& signals() const { return config_->signals; }
  const RouterOptions& network() const { return config_->routers; }
  const Subscription& asks() const { return told_.asks(); }
  Told& told() { return told_; }

  std::span<const std::unique_ptr<Router>> routers() const { return std::span(routers_).first(num_routers_); }
  bool has_one_router() const { return num_routers_ == 1; }
  Router& router(std::int32_t number) { return *routers_[static_cast<std::size_t>(number)]; }
  Router& router_of(RequestId id) {
    return has_one_router() ? *routers_[0] : router(router_numbers_[static_cast<std::size_t>(id)]);
  }
  // The one that a request arrives at.
  Router& receive(const QueuedRequest& request);
  void set_lifecycle(Router& router, RequestId id, detail::Lifecycle lifecycle) {
    around_.table.lifecycle[static_cast<std::size_t>(id)] = lifecycle;
    if (!has_one_router()) router.set_lifecycle(id, lifecycle);
  }
  std::int32_t queue_length() const;  // of all of them

  // What the router's own board says of time and replicas becomes what it can know now.
  void sync(Router& router);
  // The one whose policy is called now.
  Router& calling() { return *calling_; }
  const Router& calling() const { return *calling_; }
  void set_calling(Router& router) {
    calling_ = &router;
    sync(router);
  }

  // A request has arrived at a router; its answer has come there.
  void note_arrival(Router& router);
  void note_answer(Router& router) {
    --router.num_under_way;
    ++num_answered_;
  }

  // The calls that follow the events from outside of this instant.
  std::vector<Call>& calls() { return calls_; }
  // A call of its policy follows an event from outside.
  void want_call(Router& router);
  // The call takes the router's time, after those before it. An empty queue takes none.
  void begin_decision(Router& router);
  // The router as a set, if it is called at once after a batch.
  std::uint64_t call_after_batch(Router& router);
  // A call is over; those behind it begin.
  void end_call(Router& router);

  // An event from outside that is the desk's own: a snapshot, a poll, a report, a KV event, a timer, a decision.
  void take_place(const Agenda::Event& event);

  // Routers see replicas as they were some time ago, whenever that was.
  bool keeps_history() const { return signals().interval == 0 && signals().delay > 0; }
  // What an instant has left of the replicas that it changed.
  void note_touched(std::int32_t replica) { touched_.push_back(replica); }
  void keep_history();
  // A router holds requests: it is called at snapshots, so they must come.
  void note_held() {
    if (!signals().are_live() && !snapshots_run_) start_snapshots();
  }
  // What a step has changed in the replica's prefix cache.
  void note_kv_changes(std::int32_t replica);
  // Output tokens of requests that have completed there.
  void add_completed(std::int32_t replica, std::int64_t tokens) { told_.add_completed(replica, tokens); }

  // The replica is there anew, and publishes that.
  void note_there(std::int32_t replica);

  // The clock's own events: nothing happens by them alone.
  void begin_clock(const Agenda::Event& event) {
    ++num_clocks_;
    around_.agenda.add(event);
  }
  void end_clock() { --num_clocks_; }
  // Whether something may still happen: policies that have done nothing for 100 s and 100 periods of what calls them,
  // in which nothing else happened, never will.
  bool clocks_go_on();
  bool all_answered() const { return num_answered_ == static_cast<std::int64_t>(around_.table.requests.size()); }

  // What views read. Throws std::logic_error for what the policy does not say that it reads.
  ReplicaState state(std::int32_t replica);
  const Snapshot& published(std::int32_t replica);
  const Snapshot& listed(std::int32_t replica);

 private:
  void start_snapshots();
  ReplicaState present_state(std::int32_t replica);
  void fill(Snapshot& snapshot, std::int32_t replica);
  void add_snapshot(std::int32_t replica);
  void take_snapshot(std::int32_t replica);
  void announce(std::int32_t replica);
  void tell_poll(std::int32_t replica);
  void tell_kv_changes(std::int32_t replica);
  void report(const Agenda::Event& event);
  std::int64_t tokens_so_far(std::int32_t replica);
  void repeat(const Agenda::Event& event, Time period);
  void start_timer(Router& router);
  void run_timer(Router& router);
  Time now() const { return around_.board.now; }

  Around around_;
  const ClusterConfig* config_ = nullptr;         // of the replay that runs
  std::vector<std::unique_ptr<Router>> routers_;  // the first num_routers_ are in use
  std::size_t num_routers_ = 1;
  std::vector<std::uint8_t> router_numbers_;  // by request that has arrived, where there are several
  Router* calling_ = nullptr;
  Told told_;
  std::vector<Call> calls_;
  bool takes_snapshots_ = true;        // policies read them
  bool snapshots_run_ = false;         // there are times of snapshots to come
  Publications published_;             // unless signals are live
  std::vector<std::int32_t> touched_;  // replicas that this instant has changed, where that is kept
  std::int64_t num_answered_ = 0;
  std::size_t num_clocks_ = 0;              // reports and timers to come
  Time nothing_since_ = kNever;             // but the clock's own events
  std::vector<BlockName> blocks_;           // scratch
  std::vector<ResidentRequest> residents_;  // scratch
};

}  // namespace switchyard
