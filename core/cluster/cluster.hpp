// The event loop: arrivals, policy calls, batch ends, in the order that core/README.md fixes. One template for both
// kinds of replica.
//
// Within an instant, external events (Agenda) run first, then batch ends in order of creation, then what these create:
// the policy calls of arrivals, the bookkeeping of batches, and then, in a FIFO, replica starts and the policy calls of
// completions.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

#include "core/clairvoyant/clairvoyant.hpp"
#include "core/cluster/agenda.hpp"
#include "core/cluster/block_naming.hpp"
#include "core/cluster/end_times.hpp"
#include "core/cluster/fleet_operator.hpp"
#include "core/cluster/hand_off_desk.hpp"
#include "core/cluster/kv/block_keys.hpp"
#include "core/cluster/policy_error.hpp"
#include "core/cluster/replica_context.hpp"
#include "core/cluster/router.hpp"
#include "core/cluster/router_desk.hpp"
#include "core/cluster/watch.hpp"

namespace switchyard {

// kPlain: for the commonest replays, which have none of what else there is (is_plain): all of that, RouterDesk and
// FleetOperator above all, is then left out when the loop is compiled, so that what a replay does not use does not slow
// it.
template <class Replica, bool kPlain = false>
class Cluster final : public detail::Observatory, private PresentReplicas, private OperatedLoop, private HandOffLoop {
 public:
  Cluster() : view_(board_, *this), routing_(make_routing()), fleet_(make_fleet()), hand_offs_(make_hand_offs()) {}
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void run(const ClusterConfig& config, const Workload& workload, const RouterPolicies& routed_by, std::uint64_t seed,
           Observer* observer, StateSampler* sampler, Replay& replay) {
    if constexpr (!kPlain) routing_.reset(config, routed_by);
    reset(config, workload, observer, replay);
    if constexpr (!kPlain) fleet_.reset(config, workload, seed);
    knows_ = false;
    shown_outputs_.assign(workload.loop.empty() ? 0 : workload.size(), 0);
    if constexpr (kPlain) {
      routing_.open(*routed_by.policies.front(), 0, 1, table_, replicas_.size(), &board_, &view_);
      start_policy(routing_, seed);
    } else {
      routing_.open(routed_by);
      fleet_.open(observer);
      for (const auto& router : routing_.routers()) {
        router->board->is_split = config.is_split();
        start_policy(*router, seed);
      }
    }
    sampler_ = sampler;
    looks_.begin();
    run_events();
    close(replay);
  }

  // Observatory
  ReplicaState state_of(std::int32_t replica) override {
    note_read(Signal::state);
    if constexpr (!kPlain) return routing_.state(replica);
    return at(replica).state(board_.now, caller());
  }
  void waiting_of(std::int32_t replica, std::vector<ResidentRequest>& out) override {
    note_read(Signal::requests);
    if (signals().are_live()) return at(replica).waiting(out);
    if constexpr (!kPlain) out = routing_.listed(replica).waiting;
  }
  void running_of(std::int32_t replica, std::vector<ResidentRequest>& out) override {
    note_read(Signal::requests);
    if (signals().are_live()) return at(replica).running(out, board_.now, caller());
    if constexpr (!kPlain) out = routing_.listed(replica).running;
  }
  std::int32_t cached_tokens_of(RequestId request, std::int32_t replica) override {
    note_read(Signal::cache);
    if constexpr (kApart) {  // the one that has computed its prompt holds it
      const QueuedRequest& queued = table_.requests[size(request)];
      const std::int32_t block_size = limits_of(replica).block_size;
      if (hand_offs_.is_used() && queued.prefilled_on == replica)
        return queued.num_prefill_tokens / block_size * block_size;
    }
    if (signals().kv_delay > 0) return at(replica).cached_tokens_ago(request, board_.now, caller());
    return at(replica).cached_tokens(request, board_.now, caller());
  }
  void prefix_holders_of(RequestId request, std::vector<PrefixHolder>& out) override {
    if constexpr (requires(Replica replica) { replica.may_store_a_beginning(); }) {
      if (config_->kinds.size() == 1) return indexed_holders_of(request, out);
    }
    for (std::int32_t i = 0; i < config_->num_replicas(); ++i) add_holder(request, i, out);
  }
  void prompt_blocks_of(RequestId request, std::int32_t block_size, std::vector<BlockName>& out) override {
    // Of what is known of the request, only its prompt: the output is not there yet.
    std::int32_t left = table_.requests[size(request)].num_prefill_tokens / block_size;
    workload_->content.visit_block_names(size(row_of(request)), block_size, [&](NameRun run) {
      for (std::uint32_t i = 0; i < run.count && left > 0; ++i, --left) {
        out.push_back(block_naming_.name(block_size, run.first + i));
      }
    });
  }
  bool fits(RequestId request, std::int32_t replica) const override {
    if constexpr (kPlain) {
      return true;
    } else {
      return fleet_.fits(request, replica);
    }
  }
  const ReplicaLimits& limits_of(std::int32_t replica) const override { return kind_of(replica).limits(); }
  const CostModel& cost_of(std::int32_t replica) const override { return kind_of(replica).cost(); }

  void assign_apart(RequestId id, std::int32_t prefill, std::int32_t decode) override {
    for (const std::int32_t replica : {prefill, decode}) {
      if (!is_queued(id) || size(replica) >= replicas_.size()) reject(id, replica);
    }
    if constexpr (kApart) {
      if (hand_offs_.is_used() && hand_offs_.may_go_apart(id, prefill, decode)) {
        if (fleet_.is_used() && !fleet_.can_serve(id, decode)) refuse(id, decode);
        assign(id, prefill);
        hand_offs_.settle_decode(id, decode);
        add_outstanding(board_of(calling()).books, decode, 1);
        if (fleet_.is_used()) fleet_.note_assigned(decode);
        return;
      }
    }
    detail::refuse_apart(id, prefill, decode);
  }

  void assign(RequestId id, std::int32_t replica) override {
    if (!is_queued(id) || size(replica) >= replicas_.size()) reject(id, replica);
    if constexpr (!kPlain) {
      if (fleet_.is_used()) {
        if (!fleet_.can_serve(id, replica)) refuse(id, replica);
        fleet_.note_assigned(replica);
      }
    }
    if constexpr (kApart) {
      if (hand_offs_.is_used()) hand_offs_.begin_part(id, replica);
    }
    if (observer()) observe_decision(id, replica);
    Router& router = calling();
    unlink(board_of(router).books, id);
    set_lifecycle(router, id, detail::Lifecycle::sent);
    table_.records[size(id)].replica = replica;
    if (kPlain || table_.requests[size(id)].prefilled_on < 0) table_.records[size(id)].assigned_at = board_.now;
    add_outstanding(board_of(router).books, replica, 1);
    if (observer()) observer()->on_assign(board_.now, id, replica);
    if (network().dispatch > 0) {
      agenda_.add({board_.now + network().dispatch, Agenda::Kind::delivery, id});
      return;
    }
    deliver(id, replica);
    if constexpr (!kPlain) {
      if (router.has_own_board() && signals().are_live()) routing_.sync(router);
    }
  }

 private:
  enum class Kind : std::uint8_t { start, policy_call };
  struct Item {
    Kind kind = Kind::start;
    StartCause cause = StartCause::own_batch_end;
    std::int32_t replica = 0;
    std::uint64_t routers = 0;  // a set of those that are called
  };
  decltype(auto) make_routing() {
    if constexpr (kPlain) {
      return static_cast<detail::Observatory&>(*this);
    } else {
      return RouterDesk::Around{*this, *this, board_, view_, table_, agenda_, block_naming_};
    }
  }

  // Where prefill and decode may be apart.
  static constexpr bool kApart = !kPlain && requires(Replica replica) { replica.receive(RequestId{}, Time{}); };

  struct Nothing {};
  auto make_fleet() {
    if constexpr (kPlain) {
      return Nothing{};
    } else {
      return FleetOperator::Around{*this, routing_, board_, table_, agenda_};
    }
  }
  auto make_hand_offs() {
    if constexpr (kApart) {
      return HandOffDesk::Around{*this, routing_, fleet_, board_, table_, agenda_};
    } else {
      return Nothing{};
    }
  }

  const ReplicaKind& kind_of(std::int32_t replica) const {
    if constexpr (kPlain) return config_->kinds.front();  // all are of one
    return config_->kind(replica);
  }

  void note_read(Signal signal) { signals_read_ |= 1U << static_cast<unsigned>(signal); }

  template <class I>
  static constexpr std::size_t size(I i) {
    return static_cast<std::size_t>(i);
  }
  std::int32_t row_of(RequestId id) const { return kPlain ? id : table_.rows[size(id)]; }
  bool is_queued(RequestId id) const {
    const auto& lifecycle = board_of(calling()).books.lifecycle;
    return size(id) < lifecycle.size() && lifecycle[size(id)] == detail::Lifecycle::queued;
  }
  // A replay that is observed runs on the step kernel.
  Observer* observer() const { return Replica::kLeaps ? nullptr : context_.observer; }
  Replica& at(std::int32_t replica) { return replicas_[size(replica)]; }
  // The replica whose completion the running policy call follows; nullptr if it follows an arrival.
  const Replica* caller() { return caller_ < 0 ? nullptr : &at(caller_); }

  void add_holder(RequestId request, std::int32_t replica, std::vector<PrefixHolder>& out) {
    const std::int32_t tokens = cached_tokens_of(request, replica);
    if (tokens > 0) out.push_back({.replica = replica, .num_tokens = tokens});
  }

  // The same from the index: replicas without the first block are not asked.
  void indexed_holders_of(RequestId request, std::vector<PrefixHolder>& out) {
    const PrefixTree& tree = workload_->prefix_tree(config_->kinds[0].limits().block_size);
    PrefixTree::SegmentId beginning = tree.leaf(row_of(request));
    if (beginning == PrefixTree::kNone) return;
    while (tree.segment(beginning).parent != PrefixTree::kNone) beginning = tree.segment(beginning).parent;
    std::vector<std::int32_t>& unsettled = holders_.unsettled();
    if (!holders_.built()) {
      holders_.build(tree);
      for (const Replica& replica : replicas_) replica.fill(holders_);
      for (std::int32_t i = 0; i < config_->num_replicas(); ++i) unsettled.push_back(i);
    }
    std::sort(unsettled.begin(), unsettled.end());
    unsettled.erase(std::unique(unsettled.begin(), unsettled.end()), unsettled.end());
    std::erase_if(unsettled, [&](std::int32_t replica) {
      at(replica).cached_tokens(request, board_.now, caller());  // catches up
      return !at(replica).may_store_a_beginning();
    });
    const bool late = signals().kv_delay > 0;
    if (late) {
      for (std::int32_t i = kv_news_.take(board_.now); i >= 0; i = kv_news_.take(board_.now)) {
        at(i).settle_known(board_.now);
      }
    }
    const auto holders = (late ? known_holders_ : holders_).of(beginning);
    found_.assign(holders.begin(), holders.end());
    std::sort(found_.begin(), found_.end());
    for (const std::int32_t replica : found_) add_holder(request, replica, out);
  }

  void reset(const ClusterConfig& config, const Workload& workload, Observer* observer, Replay& replay) {
    config_ = &config;
    const std::size_t num_requests = workload.size();
    const std::size_t num_replicas = size(config.num_replicas());
    table_.records.swap(replay.requests);  // both buffers stay allocated
    if constexpr (kPlain) {
      table_.reset_to(workload.requests);
    } else {
      table_.reset(num_requests);
    }
    workload_ = &workload;
    board_.now = 0;
    board_.published.num_waiting.assign(num_replicas, 0);
    board_.published.least_waiting.reset(num_replicas);
    known_holders_.reset();
    if constexpr (requires(Replica replica) { replica.settle_known(Time{}); }) {
      if (config.signals.kv_delay > 0) known_holders_.build(workload.prefix_tree(config.kinds[0].limits().block_size));
    }
    holders_.reset();
    context_ = {.table = &table_,
                .workload = &workload,
                .board = &board_,
                .observer = observer,
                .first_tokens = asks().first_tokens ? &first_tokens_ : nullptr,
                .holders = &holders_,
                .known_holders = config.kinds.size() == 1 ? &known_holders_ : nullptr,
                .kv_news = &kv_news_,
                .requests_come_back = config.operations.has_failures(),
                .kv_delay = config.signals.kv_delay};
    if constexpr (kApart) {
      hand_offs_.reset(config, num_requests, observer);
      if (hand_offs_.is_used()) {
        context_.prefilled = &hand_offs_.prefilled();
        context_.reservations = &hand_offs_.reservations();
      }
    }
    if constexpr (!kPlain) {
      if (asks().kv_events || config.signals.kv_delay > 0) context_.kv_changes = routing_.told().kv_changes();
    }
    first_tokens_.clear();
    kv_news_.reset();
    replicas_.resize(num_replicas);
    for (std::int32_t i = 0; i < config.num_replicas(); ++i) at(i).reset(i, config.kind(i), context_);
    ends_.reset(num_replicas);
    agenda_.reset(workload.requests);
    num_arrived_ = 0;
    const auto sessions = workload.loop.session_sizes();
    turns_left_.assign(sessions.begin(), sessions.end());
    num_sessions_ = workload.loop.concurrency();
    block_naming_.reset();
    num_steps_ = 0;
    signals_read_ = 0;
    num_completed_ = 0;
    completed_.clear();
    makespan_ = 0;
    items_.clear();
    next_item_ = 0;
    caller_ = -1;
    changed_.clear();
  }

  void take_samples(Time until) {
    for (Time time = sampler_->next_sample(); time <= until; time = sampler_->next_sample()) {
      states_.clear();
      for (Replica& replica : replicas_) states_.push_back(replica.state(time, nullptr));
      sampler_->on_sample(queue_length(), states_);
    }
  }

  [[noreturn, gnu::cold]] void reject(RequestId id, std::int32_t replica) {
    if (!is_queued(id)) {
      throw std::logic_error(fmt::format("policy assigned request {}, which is not queued", id));
    }
    throw std::logic_error(
        fmt::format("policy assigned request {} to replica {} of {}", id, replica, replicas_.size()));
  }

  [[noreturn]] void refuse(RequestId id, std::int32_t replica) const {
    const bool accepts = fleet_.fleet().accepts[size(replica)] != 0;
    throw std::logic_error(
        fmt::format("policy assigned request {} to replica {}, which {} (see ClusterView::can_serve)", id, replica,
                    accepts ? "it does not fit" : "takes none now"));
  }

  // An assignment has made the running leap of a replica end earlier, maybe at this very instant.
  [[gnu::noinline]] void cut_leap(std::int32_t replica, bool ends_now) {
    ends_.set(replica, ends_now ? kNever : at(replica).ends_at());
    if (!ends_now) return;
    if (!caller()) {
      ended_.push_back(replica);  // its bookkeeping follows with the others'
    } else {
      at(replica).finish(completed_);  // an inner batch: nothing completes
      insert_start(replica);
    }
  }

  void observe_decision(RequestId id, std::int32_t replica) {
    const QueuedRequest& request = table_.requests[size(id)];
    scores_.clear();
    by_policy([&] { calling().policy->scores(*calling().view, request, scores_); });
    observer()->on_decision(board_.now, request, replica, *calling().view, scores_);
  }

  void start_policy(Router& router, std::uint64_t seed) {
    if (auto* knowing = dynamic_cast<Clairvoyant*>(router.policy)) show_outputs(*knowing);
    set_calling(router);
    by_policy([&] { router.policy->start(*router.view, policy_seed(seed, router.board->router)); });
  }

  // Output lengths by id. In a closed loop they are filled in as requests arrive.
  void show_outputs(Clairvoyant& policy) {
    knows_ = true;
    if (workload_->loop.empty()) {
      policy.see(workload_->hidden.num_decode_tokens);
    } else {
      policy.see(shown_outputs_);
    }
  }

  // A row of the workload becomes a request. Ids count arrivals: they say nothing of what is to come.
  void arrive(std::int32_t row) {
    const RequestId id = kPlain ? row : num_arrived_++;
    QueuedRequest request = workload_->requests[size(row)];  // a copy: policies get no way to those beside it
    if constexpr (!kPlain) {
      request.id = id;
      request.arrived_at = board_.now;
      table_.arrived(id) = request;
      table_.rows[size(id)] = row;
    }
    Router& router = receive(request);
    set_lifecycle(router, id, detail::Lifecycle::queued);
    table_.records[size(id)] = {.arrived_at = board_.now, .scheduled_at = kNever};
    const std::int32_t outputs = workload_->hidden.num_decode_tokens[size(row)];
    if (knows_ && !shown_outputs_.empty()) shown_outputs_[size(id)] = outputs;
    table_.live[size(id)] = {.total_tokens = request.num_prefill_tokens + outputs,
                             .num_prefill_tokens = request.num_prefill_tokens,
                             .original_prefill_tokens = request.num_prefill_tokens};
    link(board_of(router).books, id);
    if constexpr (!kPlain) routing_.note_arrival(router);
    if (observer()) {
      observer()->on_row(id, row);
      observer()->on_arrival(board_.now, request);
    }
    caller_ = -1;  // a policy may keep its view, and look at it here
    set_calling(router);
    by_policy([&] { router.policy->on_arrival(request); });
    if constexpr (!kPlain) routing_.want_call(router);
  }

  // A request comes to its replica.
  void deliver(RequestId id, std::int32_t replica) {
    if constexpr (!kPlain) {
      if (fleet_.is_used() && !fleet_.take_in(id, replica)) {
        if constexpr (kApart) {
          if (hand_offs_.is_used()) hand_offs_.finds_nobody(id);
        }
        return;
      }
    }
    if constexpr (kApart) {
      if (hand_offs_.is_used() && !hand_offs_.arrives(id, replica)) return;
    }
    context_.add_waiting(replica, 1);
    received_.push_back(replica);
    change(replica, [&](Replica& its) { return its.enqueue(id, board_.now, caller()); });
  }

  // Something other than its own steps changes a replica, which then may have to plan.
  template <class Change>
  void change(std::int32_t replica, const Change& by) {
    const Time planned_end = at(replica).ends_at();
    const bool ends_now = by(at(replica));
    if (at(replica).ends_at() != planned_end) cut_leap(replica, ends_now);
    note_touched(replica);
  }

  // HandOffLoop
  void take_kv(std::int32_t replica, RequestId id) override {
    change_outside(replica, [&](auto& its) { return its.receive(id, board_.now); });
  }
  void free_kv(std::int32_t replica, RequestId id) override {
    change_outside(replica, [&](auto& its) { return its.release(id, board_.now); });
  }
  void withdraw(std::int32_t replica, RequestId id) override {
    change_outside(replica, [&](auto& its) { return its.withdraw(id, board_.now); });
  }
  template <class Change>
  void change_outside(std::int32_t replica, const Change& by) {
    if constexpr (kApart) {
      changed_.push_back(replica);
      change(replica, by);
    }
  }

  [[gnu::flatten]] void run_events() {
    for (EndTimes::End first = ends_.first(); std::min(first.at, agenda_.next_at()) != kNever; first = ends_.first()) {
      if constexpr (!kPlain) {  // what is planned for after the end changes nothing
        if (fleet_.is_used() && first.at == kNever && routing_.all_answered()) return;
      }
      if (sampler_) {
        take_samples(std::min(first.at, agenda_.next_at()));
        run_instant(std::min(first.at, agenda_.next_at()), first.at <= agenda_.next_at());
      } else if (first.at < agenda_.next_at() && !keeps_history()) {
        run_batch_ends(first);
      } else if (kPlain && first.at != agenda_.next_at()) {
        run_arrival(agenda_.next_at());
      } else {
        const Time now = std::min(first.at, agenda_.next_at());
        run_instant(now, first.at == now);
      }
    }
  }

  // Sets ended_ to the replicas whose batches end now.
  void take_ended(Time now) {
    for (EndTimes::End end = ends_.first(); end.at == now; end = ends_.first()) {
      ended_.push_back(end.replica);
      ends_.set(end.replica, kNever);
    }
    std::sort(ended_.begin(), ended_.end(),
              [this](std::int32_t a, std::int32_t b) { return Replica::ended_before(at(a), at(b)); });
  }

  // One of a plain replay in which no batch ends, and as a rule one request arrives.
  void run_arrival(Time now) {
    looks_.now_and_then();
    board_.now = now;
    ended_.clear();
    arrive(agenda_.take_arrival());
    if (agenda_.next_at() == now) return run_rest(now, 1 + take_events(now), false);
    call_policy(calling(), -1);
    if (!ended_.empty()) {
      queue_starts(StartCause::arrival_call);
      return run_ended();
    }
    for (const std::int32_t replica : received_) start(replica, StartCause::arrival_call);
  }

  [[gnu::noinline]] void run_instant(Time now, bool batches_end) {
    looks_.now_and_then();
    board_.now = now;
    ended_.clear();
    run_rest(now, take_events(now), batches_end);
  }

  // Once so many calls follow its events from outside.
  [[gnu::noinline]] void run_rest(Time now, std::size_t num_calls, bool batches_end) {
    if (batches_end) take_ended(now);
    for (std::size_t i = 0; i < num_calls; ++i) {
      if constexpr (kPlain) {
        call_policy(routing_, -1);
      } else {
        follow(routing_.calls()[i]);
      }
      if (num_calls == 1 && ended_.empty()) {  // as a rule: nothing else happens at this instant
        for (const std::int32_t replica : received_) start(replica, StartCause::arrival_call);
        keep_history();
        return;
      }
      queue_starts(StartCause::arrival_call);
    }
    run_ended();
  }

  [[gnu::noinline]] void run_ended() {
    for (std::size_t i = 0; i < ended_.size(); ++i) {  // a policy call may have added to them
      const std::uint64_t routers = book(ended_[i]);
      items_.push_back({Kind::start, StartCause::own_batch_end, ended_[i]});
      if (routers != 0) items_.push_back({Kind::policy_call, StartCause::own_batch_end, ended_[i], routers});
    }
    run_items();
    keep_history();
  }

  // Takes the events from outside of this instant. How many calls follow.
  std::size_t take_events(Time now) {
    if constexpr (kPlain) {
      std::size_t calls = 0;
      for (; agenda_.next_at() == now; ++calls) arrive(agenda_.take_arrival());
      return calls;
    } else {
      routing_.calls().clear();
      while (agenda_.next_at() == now) {
        const Agenda::Event event = agenda_.take();
        if (event.kind == Agenda::Kind::arrival) {
          arrive(event.number);
        } else {
          take_place(event);
        }
      }
      return routing_.calls().size();
    }
  }

  // Sets received_.
  void follow_hand_offs() {
    caller_ = -1;
    if constexpr (kApart) {
      hand_offs_.end_transfers();
      std::erase_if(changed_, [this](std::int32_t replica) { return !publishes(replica); });
    }
    received_.swap(changed_);
    changed_.clear();
    sort_received();
  }
  // Sets received_.
  void follow(const RouterDesk::Call& call) {
    if constexpr (kApart) {
      if (call.hand_offs) return follow_hand_offs();
      if (call.delivered >= 0 && hand_offs_.is_used()) hand_offs_.go_on(call.delivered);
    }
    if (call.delivered >= 0) {
      caller_ = -1;
      received_.clear();
      deliver(call.delivered, table_.records[size(call.delivered)].replica);
      return;
    }
    Router& router = routing_.router(call.router);
    call_policy(router, -1);
    routing_.end_call(router);
  }

  // The same for the commonest instants, those of one batch end and nothing else, up to the next arrival.
  void run_batch_ends(EndTimes::End first) {
    auto [now, replica] = first;
    while (true) {
      // What follows among the others is settled first: so the processor can begin with it before this replica's next
      // end is known.
      ends_.set(replica, kNever);
      const EndTimes::End other = ends_.first();
      if (other.at == now) {
        ends_.set(replica, now);
        return run_instant(now, true);
      }
      Time horizon = std::min(other.at, agenda_.next_at());
      Time end = now;
      do {
        now = end;
        board_.now = now;
        if (at(replica).go_on()) {
          ++num_steps_;
        } else {
          if (!run_batch_end(replica, now)) return;
          // It may have added to it, and a completion may have brought an arrival about.
          if constexpr (!kPlain) horizon = std::min(horizon, agenda_.next_at());
        }
        end = at(replica).ends_at();
      } while (end < horizon);
      ends_.set(replica, end);
      if (horizon == agenda_.next_at()) return;
      now = other.at;
      replica = other.replica;
    }
  }

  // False if a policy call followed, so that anything may have changed.
  bool run_batch_end(std::int32_t replica, Time now) {
    const std::uint64_t routers = book(replica);
    if (at(replica).start(now, StartCause::own_batch_end)) ++num_steps_;
    after_plan(replica);
    if (routers == 0) return true;
    ends_.set(replica, at(replica).ends_at());
    call_policies(routers, replica);
    run_items();
    return false;
  }

  void run_items() {
    for (next_item_ = 0; next_item_ < items_.size();) {
      // Field by field, as it was written a moment ago: a wider load would have to wait for the stores.
      const Item& item = items_[next_item_++];
      if (item.kind == Kind::policy_call) {
        call_policies(item.routers, item.replica);
      } else {
        start(item.replica, item.cause);
      }
    }
    items_.clear();
    next_item_ = 0;
  }

  void start(std::int32_t replica, StartCause cause) {
    const bool starts = at(replica).start(board_.now, cause);
    note_touched(replica);
    after_plan(replica);
    if (!starts) return;
    ++num_steps_;
    ends_.set(replica, at(replica).ends_at());
  }

  // What a plan may have left to be done.
  void after_plan(std::int32_t replica) {
    if constexpr (!kPlain) {
      if (context_.kv_changes) routing_.note_kv_changes(replica);
    }
    if constexpr (kApart) {
      if (!hand_offs_.reservations().empty()) hand_offs_.begin_transfers();
    }
  }

  // Bookkeeping of a batch that has ended. The set of routers that have requests queued and are called for it: a
  // request of theirs completed, or got its first token and they want to know.
  std::uint64_t book(std::int32_t replica) {
    at(replica).finish(completed_);
    std::uint64_t routers = kPlain || first_tokens_.empty() ? 0 : send_first_tokens();
    if constexpr (kApart) {
      if (!hand_offs_.prefilled().empty()) routers |= hand_offs_.send_prefilled();
    }
    if (completed_.empty()) return routers;
    return routers | send_completions(replica);
  }

  // The set of routers that are called at once.
  std::uint64_t send_completions(std::int32_t replica) {
    if constexpr (!kPlain) {
      if (asks().throughput) routing_.add_completed(replica, output_tokens(completed_));
    }
    const Time response = network().response;
    std::uint64_t routers = 0;
    for (const RequestId id : completed_) {
      if (observer()) observer()->on_complete(board_.now, id, replica);
      if (response > 0) {
        agenda_.add({board_.now + response, Agenda::Kind::completion, id});
      } else {
        tell_completion(id);
        routers |= call_after_batch(router_of(id));
      }
    }
    if constexpr (!kPlain) {
      if (fleet_.is_used()) fleet_.note_left(replica, static_cast<std::int32_t>(completed_.size()));
    }
    completed_.clear();
    if constexpr (!kPlain) {
      if (!routing_.has_one_router() && signals().are_live()) {  // the others see that there is room again
        for (const auto& router : routing_.routers()) routers |= call_after_batch(*router);
      }
    }
    return routers;
  }

  std::uint64_t send_first_tokens() {
    std::sort(first_tokens_.begin(), first_tokens_.end());
    const Time response = network().response;
    std::uint64_t routers = 0;
    for (const RequestId id : first_tokens_) {
      if (response > 0) {
        agenda_.add({board_.now + response, Agenda::Kind::first_token, id});
      } else {
        tell_first_token(id);
        routers |= call_after_batch(router_of(id));
      }
    }
    first_tokens_.clear();
    return routers;
  }

  // The router as a set, if it is called at once.
  std::uint64_t call_after_batch(Router& router) {
    if constexpr (kPlain) {
      return board_.books.queue_length == 0 ? 0 : 1;
    } else {
      return routing_.call_after_batch(router);
    }
  }

  void tell_first_token(RequestId id) {
    std::int32_t replica = table_.records[size(id)].replica;
    if constexpr (kApart) {
      if (hand_offs_.is_used() && hand_offs_.prefill_replica(id) >= 0) replica = hand_offs_.prefill_replica(id);
    }
    Router& router = router_of(id);
    set_calling(router);
    by_policy([&] { router.policy->on_first_token({.id = id, .replica = replica, .at = board_.now}); });
  }

  // The router has all of the answer.
  void tell_completion(RequestId id) {
    Router& router = router_of(id);
    RequestRecord& record = table_.records[size(id)];
    const LiveRequest& request = table_.live[size(id)];
    record.completed_at = board_.now;
    if constexpr (!kPlain) {
      record.prefill_completed_at = std::min(record.prefill_completed_at, fleet_.first_token_before(id));
    }
    record.prefill_completed_at += network().response;
    set_lifecycle(router, id, detail::Lifecycle::done);
    add_outstanding(board_of(router).books, record.replica, -1);
    if constexpr (kApart) {
      if (hand_offs_.is_used()) hand_offs_.complete(router, id);
    }
    if constexpr (!kPlain) routing_.note_answer(router);
    ++num_completed_;
    makespan_ = board_.now;
    set_calling(router);
    by_policy([&] {
      router.policy->on_completion({.id = id,
                                    .replica = record.replica,
                                    .arrived_at = table_.requests[size(id)].arrived_at,
                                    .scheduled_at = record.scheduled_at,
                                    .first_token_at = record.prefill_completed_at,
                                    .completed_at = board_.now,
                                    .num_prefill_tokens = request.original_prefill_tokens,
                                    .num_decode_tokens = request.total_tokens - request.original_prefill_tokens});
    });
    if constexpr (!kPlain) {
      if (!workload_->loop.empty()) add_next(row_of(id));
    }
  }

  // Of requests that have completed.
  std::int64_t output_tokens(const std::vector<RequestId>& requests) const {
    std::int64_t tokens = 0;
    for (const RequestId id : requests) {
      tokens += table_.live[size(id)].total_tokens - table_.live[size(id)].original_prefill_tokens;
    }
    return tokens;
  }
  // An event from outside that is no arrival.
  [[gnu::noinline]] void take_place(const Agenda::Event& event) {
    caller_ = -1;
    switch (event.kind) {
      case Agenda::Kind::first_token:
        tell_first_token(event.number);
        routing_.want_call(router_of(event.number));
        break;
      case Agenda::Kind::completion:
        tell_completion(event.number);
        routing_.want_call(router_of(event.number));
        break;
      case Agenda::Kind::prefilled:
        if constexpr (kApart) hand_offs_.tell_prefilled(event.number);
        routing_.want_call(router_of(event.number));
        break;
      case Agenda::Kind::transfer:
        routing_.calls().push_back({.hand_offs = true});
        break;
      case Agenda::Kind::delivery:
        routing_.calls().push_back({.delivered = event.number});
        break;
      case Agenda::Kind::fleet:
        fleet_.take_place(event.number);
        break;
      default:
        routing_.take_place(event);
    }
  }

  // What a plain replay has is known when the loop is compiled.
  static constexpr SignalOptions kLiveSignals{};
  static constexpr RouterOptions kOneRouter{};
  static constexpr Subscription kNothing{};
  const SignalOptions& signals() const {
    if constexpr (kPlain) return kLiveSignals;
    return config_->signals;
  }
  const RouterOptions& network() const {
    if constexpr (kPlain) return kOneRouter;
    return config_->routers;
  }
  const Subscription& asks() const {
    if constexpr (kPlain) {
      return kNothing;
    } else {
      return routing_.asks();
    }
  }
  detail::Board& board_of(Router& router) {
    if constexpr (kPlain) return board_;
    return *router.board;
  }
  const detail::Board& board_of(const Router& router) const {
    if constexpr (kPlain) return board_;
    return *router.board;
  }
  // What follows is the desk's, or next to nothing where there is none.
  Router& calling() {
    if constexpr (kPlain) {
      return routing_;
    } else {
      return routing_.calling();
    }
  }
  const Router& calling() const { return const_cast<Cluster*>(this)->calling(); }
  void set_calling(Router& router) {
    if constexpr (!kPlain) routing_.set_calling(router);
  }
  Router& router_of(RequestId id) {
    if constexpr (kPlain) {
      return routing_;
    } else {
      return routing_.router_of(id);
    }
  }
  // The one that a request arrives at.
  Router& receive(const QueuedRequest& request) {
    if constexpr (kPlain) {
      return routing_;
    } else {
      return routing_.receive(request);
    }
  }
  void set_lifecycle(Router& router, RequestId id, detail::Lifecycle lifecycle) {
    if constexpr (kPlain) {
      table_.lifecycle[size(id)] = lifecycle;
    } else {
      routing_.set_lifecycle(router, id, lifecycle);
    }
  }
  std::int32_t queue_length() const {
    if constexpr (kPlain) {
      return board_.books.queue_length;
    } else {
      return routing_.queue_length();
    }
  }
  // Whether routers see replicas as they were some time ago, whenever that was.
  bool keeps_history() const { return !Replica::kLeaps && signals().interval == 0 && signals().delay > 0; }
  void note_touched(std::int32_t replica) {
    if constexpr (!kPlain) {
      if (keeps_history()) routing_.note_touched(replica);
    }
  }
  void keep_history() {
    if constexpr (!kPlain) {
      if (!keeps_history()) return;
      caller_ = -1;
      routing_.keep_history();
    }
  }

  // PresentReplicas
  ReplicaState present_state(std::int32_t replica) override { return at(replica).state(board_.now, caller()); }
  void present_waiting(std::int32_t replica, std::vector<ResidentRequest>& out) override { at(replica).waiting(out); }
  void present_running(std::int32_t replica, std::vector<ResidentRequest>& out) override {
    at(replica).running(out, board_.now, caller());
  }
  std::int64_t present_waiting_uncached(std::int32_t replica) override {
    return at(replica).waiting_uncached_tokens(board_.now, caller());
  }
  void tell_later(std::int32_t replica, const KvChange& change) override {
    if constexpr (requires(Replica r) { r.tell_later(Time{}, KvChange{}); }) {
      at(replica).tell_later(board_.now, change);
    }
  }
  bool any_batch_runs() override { return ends_.first().at != kNever; }
  bool publishes(std::int32_t replica) override {
    if constexpr (kPlain) {
      return true;
    } else {
      return !fleet_.is_used() || fleet_.lives(replica);
    }
  }

  // OperatedLoop
  void lose(std::int32_t replica, std::vector<ResidentRequest>& lost) override {
    caller_ = -1;
    at(replica).waiting(lost);
    at(replica).running(lost, board_.now, nullptr);
    std::int64_t tokens = 0;
    for (const ResidentRequest& request : lost) tokens += request.num_generated_tokens();
    if constexpr (kApart) {
      if (hand_offs_.is_used()) {
        held_.clear();
        at(replica).held(held_);
        hand_offs_.lose(replica, lost, held_);
      }
    }
    at(replica).lose(board_.now);
    ends_.set(replica, kNever);
    std::erase(ended_, replica);
    if constexpr (!kPlain) {
      if (asks().throughput) routing_.add_completed(replica, tokens);
      if (context_.kv_changes) routing_.note_kv_changes(replica);
    }
  }
  bool take_back(RequestId id, std::int32_t replica) override {
    if constexpr (kApart) {
      if (hand_offs_.is_used()) return hand_offs_.take_back(id, replica);
    }
    add_outstanding(board_of(router_of(id)).books, replica, -1);
    return true;
  }
  void gave_up(RequestId id) override {
    ++num_completed_;
    if (!workload_->loop.empty()) add_next(row_of(id));  // its client goes on
  }

  // A closed loop: what waits for this row, and the session that begins if its own has ended.
  void add_next(std::int32_t row) {
    const ClosedLoop& loop = workload_->loop;
    loop.visit_next(row, [this](std::int32_t next, Time think) { add_arrival(next, think); });
    if (--turns_left_[size(loop.session(row))] == 0 && loop.concurrency() > 0 &&
        size(num_sessions_) < turns_left_.size()) {
      add_arrival(loop.first_row(num_sessions_++), 0);
    }
  }

  // One tick later at least: whoever sends a request because of an answer has had the answer before. So what comes from
  // outside at an instant is known before its batch ends, and replicas that leap need not know about it.
  void add_arrival(std::int32_t row, Time think) {
    agenda_.add(
        {.at = checked_end(board_.now, std::max<Time>(think, 1), 1), .kind = Agenda::Kind::arrival, .number = row});
  }

  // `caller`: the replica whose completion this follows, or -1 for an arrival. Sets received_.
  void call_policy(Router& router, std::int32_t caller) {
    received_.clear();
    if (board_of(router).books.queue_length == 0) return;
    caller_ = caller;
    set_calling(router);
    by_policy([&] { router.policy->schedule(*router.view); });
    const std::int32_t held = board_of(router).books.queue_length;
    if constexpr (!kPlain) {
      if (held > 0) routing_.note_held();
    }
    if (observer() && held > 0) observer()->on_hold(board_.now, held);
    sort_received();
  }
  void sort_received() {
    if (received_.size() <= 1) return;
    std::sort(received_.begin(), received_.end());
    received_.erase(std::unique(received_.begin(), received_.end()), received_.end());
  }

  // Those of a set of routers, after a completion on `caller`.
  void call_policies(std::uint64_t routers, std::int32_t caller) {
    if constexpr (kPlain) {  // there is one
      call_policy(routing_, caller);
      queue_starts(StartCause::completion_call);
    } else {
      for (; routers != 0; routers &= routers - 1) {
        call_policy(routing_.router(std::countr_zero(routers)), caller);
        queue_starts(StartCause::completion_call);
      }
    }
  }

  void queue_starts(StartCause cause) {
    for (const std::int32_t replica : received_) items_.push_back({Kind::start, cause, replica});
  }

  // Puts the start of a replica, whose leap was cut at this instant, where its batch end would have put it.
  void insert_start(std::int32_t replica) {
    std::size_t i = next_item_;
    while (i < items_.size() && items_[i].cause == StartCause::own_batch_end &&
           !Replica::ended_before(at(replica), at(items_[i].replica))) {
      ++i;
    }
    items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(i),
                  Item{Kind::start, StartCause::own_batch_end, replica});
  }

  void close(Replay& replay) {
    const auto num_requests = static_cast<std::int64_t>(table_.requests.size());
    replay.hand_offs.clear();
    if constexpr (kApart) {
      if (hand_offs_.is_used()) hand_offs_.collect(replay.hand_offs);
    }
    if (!workload_->loop.empty()) sort_by_row();
    replay.requests.swap(table_.records);
    replay.replicas.clear();
    for (const Replica& replica : replicas_) replay.replicas.push_back(replica.totals());
    replay.makespan = makespan_;
    replay.num_steps = num_steps_;
    replay.signals_read = signals_read_;
    replay.absences.clear();
    replay.num_retries = replay.num_failed = 0;
    if constexpr (!kPlain) fleet_.close(replay, makespan_);
    if (replay.num_failed > 0 && replay.num_failed == num_requests) {
      throw StalledError("no request completed: all of them failed, as the replicas that they were sent to did");
    }
    if (num_completed_ < num_requests) {
      const std::int64_t num_arrived = kPlain ? num_requests : num_arrived_;
      throw StalledError(fmt::format(
          "the run stalled after {:.6f} s: {} of {} requests completed, {} wait in the global queue that the policy "
          "never assigns, {} are held by replicas that cannot go on, and nothing is left to happen",
          seconds_from_ticks(board_.now), num_completed_, num_requests, queue_length(),
          num_arrived - num_completed_ - queue_length()));
    }
  }

  // Those of requests that have not arrived are left as they come.
  void sort_by_row() {
    by_row_.assign(table_.records.size(), {});
    for (RequestId id = 0; id < num_arrived_; ++id) by_row_[size(row_of(id))] = table_.records[size(id)];
    table_.records.swap(by_row_);
  }

  const ClusterConfig* config_ = nullptr;  // of the replay that runs
  ReplicaContext context_;
  RequestTable table_;
  const Workload* workload_ = nullptr;
  detail::Board board_;
  ClusterView view_;
  std::conditional_t<kPlain, Router, RouterDesk> routing_;
  std::conditional_t<kPlain, Nothing, FleetOperator> fleet_;
  std::conditional_t<kApart, HandOffDesk, Nothing> hand_offs_;
  HolderIndex known_holders_;  // by the KV events that routers have, where these take time
  KvNews kv_news_;
  StateSampler* sampler_ = nullptr;
  Looks looks_;
  std::vector<Replica> replicas_;
  EndTimes ends_;
  Agenda agenda_;
  detail::BlockNaming block_naming_;
  std::int64_t num_steps_ = 0;
  std::int32_t num_arrived_ = 0;
  std::uint32_t signals_read_ = 0;
  std::int64_t num_completed_ = 0;
  std::vector<std::int32_t> turns_left_;  // closed loop, by session: rows that have not completed
  std::int32_t num_sessions_ = 0;         // closed loop of so many clients: sessions that have begun
  bool knows_ = false;                    // whether a policy is shown output lengths
  std::vector<std::int32_t> shown_outputs_;
  std::vector<RequestRecord> by_row_;
  Time makespan_ = 0;
  std::int32_t caller_ = -1;
  std::vector<std::int32_t> ended_;  // at this instant, in order of creation
  std::vector<Item> items_;          // the FIFO of this instant
  std::size_t next_item_ = 0;
  std::vector<std::int32_t> received_;   // replicas that the last policy call assigned to, in order
  std::vector<RequestId> first_tokens_;  // of the batch whose bookkeeping is done, if the policy wants to know
  HolderIndex holders_;
  std::vector<std::int32_t> changed_;  // replicas that have to be looked at, as KV comes, leaves or is lost
  std::vector<ResidentRequest> held_;  // scratch
  std::vector<std::int32_t> found_;    // scratch
  std::vector<RequestId> completed_;   // with the batch whose bookkeeping is done; else empty
  std::vector<ReplicaState> states_;   // of a sample
  std::vector<double> scores_;         // of a decision that is observed
};

}  // namespace switchyard
