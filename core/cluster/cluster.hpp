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
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "core/clairvoyant/clairvoyant.hpp"
#include "core/cluster/agenda.hpp"
#include "core/cluster/block_naming.hpp"
#include "core/cluster/end_times.hpp"
#include "core/cluster/kv/block_keys.hpp"
#include "core/cluster/policy_error.hpp"
#include "core/cluster/publications.hpp"
#include "core/cluster/replica_context.hpp"
#include "core/cluster/router.hpp"
#include "core/cluster/told.hpp"

namespace switchyard {

// kPlain: for the commonest replays, which have none of what else there is (is_plain): all of that is then left out
// when the loop is compiled, so that what a replay does not use does not slow it.
template <class Replica, bool kPlain = false>
class Cluster final : public detail::Observatory {
 public:
  Cluster() : view_(board_, *this) {}
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void run(const ClusterConfig& config, const Workload& workload, const RouterPolicies& routed_by, std::uint64_t seed,
           Observer* observer, StateSampler* sampler, Replay& replay) {
    const std::span<Policy* const> policies = routed_by.policies;
    by_policy([&] { told_.reset(policies.front()->subscription(), config.num_replicas()); });
    takes_snapshots_ = routed_by.read_snapshots || told_.asks().polls;
    reset(config, workload, observer, replay);
    reset_signals();
    reset_routers(policies);
    knows_ = false;
    shown_outputs_.assign(workload.loop.empty() ? 0 : workload.size(), 0);
    for (const auto& router : routers()) {
      Policy& policy = *router->policy;
      if (auto* knowing = dynamic_cast<Clairvoyant*>(&policy)) show_outputs(*knowing);
      calling_ = router.get();
      sync(*router);
      by_policy([&] { policy.start(*router->view, policy_seed(seed, router->board->router)); });
    }
    sampler_ = sampler;
    run_events();
    close(replay);
  }

  // Observatory
  ReplicaState state_of(std::int32_t replica) override {
    note_read(Signal::state);
    if (signals().are_live()) return present_state(replica);
    ReplicaState state = published(replica).state;
    if (signals().interval == 0) state.taken_at = std::max<Time>(0, board_.now - signals().delay);
    return state;
  }
  void waiting_of(std::int32_t replica, std::vector<ResidentRequest>& out) override {
    note_read(Signal::requests);
    if (signals().are_live()) return at(replica).waiting(out);
    out = listed(replica).waiting;
  }
  void running_of(std::int32_t replica, std::vector<ResidentRequest>& out) override {
    note_read(Signal::requests);
    if (signals().are_live()) return at(replica).running(out, board_.now, caller());
    out = listed(replica).running;
  }
  std::int32_t cached_tokens_of(RequestId request, std::int32_t replica) override {
    note_read(Signal::cache);
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
  const ReplicaLimits& limits_of(std::int32_t replica) const override { return config_->kind(replica).limits(); }
  const CostModel& cost_of(std::int32_t replica) const override { return config_->kind(replica).cost(); }

  void assign(RequestId id, std::int32_t replica) override {
    if (!is_queued(id) || size(replica) >= replicas_.size()) reject(id, replica);
    if (observer()) observe_decision(id, replica);
    Router& router = *calling_;
    unlink(board_of(router).books, id);
    set_lifecycle(router, id, detail::Lifecycle::sent);
    table_.records[size(id)].replica = replica;
    table_.records[size(id)].assigned_at = board_.now;
    add_outstanding(board_of(router).books, replica, 1);
    if (observer()) observer()->on_assign(board_.now, id, replica);
    if (network().dispatch > 0) {
      agenda_.add({board_.now + network().dispatch, Agenda::Kind::delivery, id});
      return;
    }
    deliver(id, replica);
    if constexpr (!kPlain) {
      if (router.has_own_board() && signals().are_live()) sync(router);
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
  // What follows an event from outside: a call of a router's policy, or a request that comes to its replica.
  struct Call {
    std::int32_t router = 0;
    RequestId delivered = -1;
  };

  void note_read(Signal signal) { signals_read_ |= 1U << static_cast<unsigned>(signal); }

  template <class I>
  static constexpr std::size_t size(I i) {
    return static_cast<std::size_t>(i);
  }
  std::int32_t row_of(RequestId id) const { return kPlain ? id : table_.rows[size(id)]; }
  bool is_queued(RequestId id) const {
    const auto& lifecycle = board_of(std::as_const(*calling_)).books.lifecycle;
    return size(id) < lifecycle.size() && lifecycle[size(id)] == detail::Lifecycle::queued;
  }
  // A call of the policy. What it throws is its own failure; that there is no memory left is not.
  template <class Call>
  static void by_policy(const Call& call) {
    try {
      call();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      std::throw_with_nested(PolicyError(error.what()));
    }
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
    table_.reset(num_requests);
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
                .kv_changes = asks().kv_events || config.signals.kv_delay > 0 ? told_.kv_changes() : nullptr,
                .holders = &holders_,
                .known_holders = config.kinds.size() == 1 ? &known_holders_ : nullptr,
                .kv_news = &kv_news_,
                .kv_delay = config.signals.kv_delay};
    first_tokens_.clear();
    kv_news_.reset();
    replicas_.resize(num_replicas);
    for (std::int32_t i = 0; i < config.num_replicas(); ++i) at(i).reset(i, config.kind(i), context_);
    ends_.reset(num_replicas);
    agenda_.reset(workload.requests);
    num_clocks_ = 0;
    num_arrived_ = 0;
    nothing_since_ = kNever;
    touched_.clear();
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
  }

  void take_samples(Time until) {
    for (Time time = sampler_->next_sample(); time <= until; time = sampler_->next_sample()) {
      states_.clear();
      for (Replica& replica : replicas_) states_.push_back(replica.state(time, nullptr));
      sampler_->on_sample(queue_length(), states_);
    }
  }

  [[noreturn]] void reject(RequestId id, std::int32_t replica) {
    if (!is_queued(id)) {
      throw std::logic_error(fmt::format("policy assigned request {}, which is not queued", id));
    }
    throw std::logic_error(
        fmt::format("policy assigned request {} to replica {} of {}", id, replica, replicas_.size()));
  }

  // An assignment has made the running leap of a replica end earlier, maybe at this very instant.
  void cut_leap(std::int32_t replica, bool ends_now) {
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
    by_policy([&] { calling_->policy->scores(*calling_->view, request, scores_); });
    observer()->on_decision(board_.now, request, replica, *calling_->view, scores_);
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
    QueuedRequest& request = table_.requests[size(id)] = workload_->requests[size(row)];
    if constexpr (!kPlain) {
      request.id = id;
      request.arrived_at = board_.now;
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
    if constexpr (!kPlain) ++router.num_under_way;
    if (asks().every > 0 && !router.timer_runs) start_timer(router);
    if (observer()) {
      observer()->on_row(id, row);
      observer()->on_arrival(board_.now, request);
    }
    caller_ = -1;  // a policy may keep its view, and look at it here
    if constexpr (!kPlain) {
      calling_ = &router;
      sync(router);
    }
    by_policy([&] { router.policy->on_arrival(request); });
    if constexpr (!kPlain) want_call(router);
  }

  // A request comes to its replica.
  void deliver(RequestId id, std::int32_t replica) {
    context_.add_waiting(replica, 1);
    received_.push_back(replica);
    const Time planned_end = at(replica).ends_at();
    const bool ends_now = at(replica).enqueue(id, board_.now, caller());
    if (at(replica).ends_at() != planned_end) cut_leap(replica, ends_now);
    if (keeps_history()) touched_.push_back(replica);
  }

  [[gnu::flatten]] void run_events() {
    for (EndTimes::End first = ends_.first(); std::min(first.at, agenda_.next_at()) != kNever; first = ends_.first()) {
      if (sampler_) {
        take_samples(std::min(first.at, agenda_.next_at()));
        run_instant(std::min(first.at, agenda_.next_at()), first.at <= agenda_.next_at());
      } else if (first.at < agenda_.next_at() && !keeps_history()) {
        run_batch_ends(first);
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

  [[gnu::noinline]] void run_instant(Time now, bool batches_end) {
    board_.now = now;
    const std::size_t num_calls = take_events(now);
    ended_.clear();
    if (batches_end) take_ended(now);
    for (std::size_t i = 0; i < num_calls; ++i) {
      if constexpr (kPlain) {
        call_policy(*calling_, -1);
      } else {
        follow(calls_[i]);
      }
      if (num_calls == 1 && ended_.empty()) {  // as a rule: nothing else happens at this instant
        for (const std::int32_t replica : received_) start(replica, StartCause::arrival_call);
        if (keeps_history()) keep_history();
        return;
      }
      queue_starts(StartCause::arrival_call);
    }
    for (std::size_t i = 0; i < ended_.size(); ++i) {  // a policy call may have added to them
      const std::uint64_t routers = book(ended_[i]);
      items_.push_back({Kind::start, StartCause::own_batch_end, ended_[i]});
      if (routers != 0) items_.push_back({Kind::policy_call, StartCause::own_batch_end, ended_[i], routers});
    }
    run_items();
    if (keeps_history()) keep_history();
  }

  // Takes the events from outside of this instant. How many calls follow.
  std::size_t take_events(Time now) {
    if constexpr (kPlain) {
      std::size_t calls = 0;
      for (; agenda_.next_at() == now; ++calls) arrive(agenda_.take_arrival());
      return calls;
    }
    calls_.clear();
    while (agenda_.next_at() == now) {
      const Agenda::Event event = agenda_.take();
      if (event.kind == Agenda::Kind::arrival) {
        arrive(event.number);
      } else {
        take_place(event);
      }
    }
    return calls_.size();
  }

  // Sets received_.
  void follow(const Call& call) {
    if (call.delivered >= 0) {
      caller_ = -1;
      received_.clear();
      deliver(call.delivered, table_.records[size(call.delivered)].replica);
      return;
    }
    Router& router = *routers_[size(call.router)];
    call_policy(router, -1);
    while (router.num_calls_waiting > 0 && !router.is_deciding) {
      --router.num_calls_waiting;
      begin_decision(router);
    }
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
          horizon = std::min(
              horizon,
              agenda_.next_at());  // it may have added to it, and a completion may have brought an arrival about
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
    if constexpr (!kPlain) {
      if (context_.kv_changes) note_kv_changes(replica);
    }
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
    if (keeps_history()) touched_.push_back(replica);
    if constexpr (!kPlain) {
      if (context_.kv_changes) note_kv_changes(replica);
    }
    if (!starts) return;
    ++num_steps_;
    ends_.set(replica, at(replica).ends_at());
  }

  // Bookkeeping of a batch that has ended. The set of routers that have requests queued and are called for it: a
  // request of theirs completed, or got its first token and they want to know.
  std::uint64_t book(std::int32_t replica) {
    at(replica).finish(completed_);
    const std::uint64_t routers = kPlain || first_tokens_.empty() ? 0 : send_first_tokens();
    if (completed_.empty()) return routers;
    return routers | send_completions(replica);
  }

  // The set of routers that are called at once.
  std::uint64_t send_completions(std::int32_t replica) {
    if (asks().throughput) told_.add_completed(replica, output_tokens(completed_));
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
    completed_.clear();
    if (num_routers_ > 1 && signals().are_live()) {  // the others see that there is room again
      for (const auto& router : this->routers()) routers |= call_after_batch(*router);
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
    if (network().decision > 0) {
      begin_decision(router);
      return 0;
    }
    if (board_of(router).books.queue_length == 0) return 0;
    return kPlain ? 1 : std::uint64_t{1} << router.board->router;
  }

  void tell_first_token(RequestId id) {
    by_policy([&] {
      router_of(id).policy->on_first_token({.id = id, .replica = table_.records[size(id)].replica, .at = board_.now});
    });
  }

  // The router has all of the answer.
  void tell_completion(RequestId id) {
    Router& router = router_of(id);
    RequestRecord& record = table_.records[size(id)];
    const LiveRequest& request = table_.live[size(id)];
    record.completed_at = board_.now;
    record.prefill_completed_at += network().response;
    set_lifecycle(router, id, detail::Lifecycle::done);
    add_outstanding(board_of(router).books, record.replica, -1);
    if constexpr (!kPlain) --router.num_under_way;
    ++num_completed_;
    makespan_ = board_.now;
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
  // Output tokens that requests at a replica have got so far.
  std::int64_t tokens_so_far(std::int32_t replica) {
    residents_.clear();
    at(replica).waiting(residents_);
    at(replica).running(residents_, board_.now, caller());
    std::int64_t tokens = 0;
    for (const ResidentRequest& request : residents_) tokens += request.num_generated_tokens();
    return tokens;
  }

  // An event from outside that is no arrival.
  [[gnu::noinline]] void take_place(const Agenda::Event& event) {
    caller_ = -1;
    switch (event.kind) {
      case Agenda::Kind::arrival:
        break;
      case Agenda::Kind::first_token:
        tell_first_token(event.number);
        want_call(router_of(event.number));
        break;
      case Agenda::Kind::completion:
        tell_completion(event.number);
        want_call(router_of(event.number));
        break;
      case Agenda::Kind::delivery:
        calls_.push_back({.delivered = event.number});
        break;
      case Agenda::Kind::snapshot:
        take_snapshot(event.number);
        break;
      case Agenda::Kind::poll:
        --num_clocks_;
        tell_poll(event.number);
        break;
      case Agenda::Kind::kv_event:
        tell_kv_changes(event.number);
        break;
      case Agenda::Kind::report:
        for (std::int32_t i = 0; i < config_->num_replicas(); ++i) told_.report(i, tokens_so_far(i), board_.now);
        repeat(event, kReportPeriod);
        break;
      case Agenda::Kind::timer:
        run_timer(*routers_[size(event.number)]);
        break;
      case Agenda::Kind::decision:
        routers_[size(event.number)]->is_deciding = false;
        calls_.push_back({.router = event.number});
        break;
    }
  }

  // A call of its policy follows an event from outside.
  void want_call(Router& router) {
    if (network().decision > 0) {
      begin_decision(router);
    } else {
      calls_.push_back({.router = router.board->router});
    }
  }

  // The call takes the router's time, after those before it. An empty queue takes none.
  void begin_decision(Router& router) {
    if (router.is_deciding) {
      ++router.num_calls_waiting;
    } else if (router.board->books.queue_length > 0) {
      router.is_deciding = true;
      agenda_.add({board_.now + network().decision, Agenda::Kind::decision, router.board->router});
    }
  }

  // The clock's own events.
  void begin_clock(Time at, Agenda::Kind kind, std::int32_t number) {
    ++num_clocks_;
    agenda_.add({at, kind, number});
  }
  void repeat(const Agenda::Event& event, Time period) {
    --num_clocks_;
    if (clocks_go_on()) begin_clock(board_.now + period, event.kind, event.number);
  }

  void start_timer(Router& router) {
    router.timer_runs = true;
    const Time every = asks().every;
    begin_clock((board_.now / every + 1) * every, Agenda::Kind::timer, router.board->router);
  }
  void run_timer(Router& router) {
    router.timer_runs = false;
    --num_clocks_;
    if (router.num_under_way == 0 || !clocks_go_on()) return;
    start_timer(router);
    calling_ = &router;
    sync(router);
    by_policy([&] { router.policy->on_timer(*router.view); });
    want_call(router);
  }

  // Whether something may still happen: policies that have done nothing for 100 s and 100 periods of what calls them,
  // in which nothing else happened, never will.
  bool clocks_go_on() {
    if (num_completed_ == static_cast<std::int64_t>(table_.requests.size())) return false;
    std::size_t num_decisions =
        0;  // a call that nothing but a clock led to is nothing by itself, however long it takes
    for (const auto& router : routers()) num_decisions += router->is_deciding ? 1 : 0;
    if (ends_.first().at != kNever || agenda_.has_more_than(num_clocks_ + num_decisions)) {
      nothing_since_ = kNever;
      return true;
    }
    nothing_since_ = std::min(nothing_since_, board_.now);
    const Time longest_period = std::max(asks().every, std::max(signals().interval, signals().delay));
    return (board_.now - nothing_since_) / 100 <= std::max<Time>(kTicksPerSecond, longest_period);
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
    if constexpr (kPlain) return kNothing;
    return told_.asks();
  }
  bool has_one_router() const { return kPlain || num_routers_ == 1; }
  detail::Board& board_of(Router& router) {
    if constexpr (kPlain) return board_;
    return *router.board;
  }
  const detail::Board& board_of(const Router& router) const {
    if constexpr (kPlain) return board_;
    return *router.board;
  }
  // Whether routers see replicas as they were some time ago, whenever that was.
  bool keeps_history() const { return !Replica::kLeaps && signals().interval == 0 && signals().delay > 0; }

  void reset_signals() {
    const std::int32_t n = config_->num_replicas();
    const bool reports = asks().throughput && signals().interval == 0;
    if (reports) begin_clock(kReportPeriod, Agenda::Kind::report, 0);
    if (signals().are_live()) return;
    published_.reset(n, signals().delay);
    snapshots_run_ = false;
    if (takes_snapshots_) {
      for (std::int32_t i = 0; i < n; ++i) fill(published_.add(i), i);
      start_snapshots();
    }
  }

  // From the next times of each replica on.
  void start_snapshots() {
    snapshots_run_ = true;
    const Time interval = signals().interval;
    if (interval == 0) return;
    const bool spread = signals().phase == SnapshotPhase::spread;
    const std::int32_t n = config_->num_replicas();
    for (std::int32_t i = 0; i < n; ++i) {
      const Time phase = spread ? static_cast<Time>(Int128{interval} * i / n) : 0;
      const Time next = board_.now < phase ? phase : phase + ((board_.now - phase) / interval + 1) * interval;
      begin_clock(next, Agenda::Kind::snapshot, i);
      // Those that are under way.
      const Time first = phase > 0 ? phase : interval;
      for (Time taken = next - interval; taken >= first && taken + signals().delay > board_.now; taken -= interval) {
        begin_clock(taken + signals().delay, Agenda::Kind::poll, i);
      }
    }
  }

  const Snapshot& published(std::int32_t replica) {
    if (takes_snapshots_) return published_.read(replica, board_.now);
    throw std::logic_error(
        "policy asked for what a replica has published, and names no such signal (PolicyInfo::signals)");
  }

  ReplicaState present_state(std::int32_t replica) {
    ReplicaState state = at(replica).state(board_.now, caller());
    state.taken_at = board_.now;
    if (asks().waiting_uncached) {
      state.waiting_uncached_tokens = at(replica).waiting_uncached_tokens(board_.now, caller());
    }
    if (asks().throughput) state.generation_throughput = told_.throughput(replica);
    return state;
  }

  void fill(Snapshot& snapshot, std::int32_t replica) {
    snapshot.state = present_state(replica);
    if (!asks().requests) return;
    at(replica).waiting(snapshot.waiting);
    at(replica).running(snapshot.running, board_.now, caller());
  }

  const Snapshot& listed(std::int32_t replica) {
    if (!asks().requests) {
      throw std::logic_error(
          "policy asked for the requests of a published snapshot, and its subscription does not (Subscription::"
          "requests)");
    }
    return published(replica);
  }

  void take_snapshot(std::int32_t replica) {
    if (takes_snapshots_) {
      if (asks().throughput) told_.report(replica, tokens_so_far(replica), board_.now);
      fill(published_.add(replica), replica);
      published_.read(replica, board_.now);  // forgets what is too old
    }
    repeat({board_.now, Agenda::Kind::snapshot, replica}, signals().interval);
    announce(replica);
  }
  // That a snapshot can be read is also told to who only has requests queued: for that they may have been held.
  void announce(std::int32_t replica) {
    if (signals().delay > 0) {
      begin_clock(board_.now + signals().delay, Agenda::Kind::poll, replica);
    } else {
      tell_poll(replica);
    }
  }
  void tell_poll(std::int32_t replica) {
    for (const auto& router : routers()) {
      if (!told_.asks().polls) {
        if (router->board->books.queue_length > 0) want_call(*router);
        continue;
      }
      calling_ = router.get();
      sync(*router);
      by_policy([&] { router->policy->on_poll(*router->view, replica); });
      want_call(*router);
    }
  }

  // What this instant has left of the replicas that it changed.
  void keep_history() {
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    caller_ = -1;
    for (const std::int32_t replica : touched_) {
      if (takes_snapshots_) {
        fill(published_.add(replica), replica);
        published_.read(replica, board_.now);  // forgets what is too old
      }
      announce(replica);
    }
    touched_.clear();
  }

  void note_kv_changes(std::int32_t replica) {
    KvChanges& changes = told_.kv_changes()[replica];
    if (changes.empty()) return;
    if constexpr (requires(Replica r) { r.tell_later(Time{}, KvChange{}); }) {
      for (const KvChange& change : changes) at(replica).tell_later(board_.now, change);
    }
    if (!asks().kv_events) {
      changes.clear();
      return;
    }
    told_.kv_under_way(replica).push_back(std::exchange(changes, {}));
    agenda_.add({board_.now + signals().kv_delay, Agenda::Kind::kv_event, replica});
  }
  // Blocks of one kind of change after another. Those of which the workload does not say what they hold have no name.
  void tell_kv_changes(std::int32_t replica) {
    const KvChanges changes = std::move(told_.kv_under_way(replica).front());
    told_.kv_under_way(replica).pop_front();
    const std::int32_t block_size = config_->kind(replica).limits().block_size;
    for (std::size_t i = 0; i < changes.size();) {
      const bool stored = changes[i].stored;
      blocks_.clear();
      for (; i < changes.size() && changes[i].stored == stored; ++i) {
        if (!BlockKeys::is_own(changes[i].key)) blocks_.push_back(block_naming_.name(block_size, changes[i].key));
      }
      if (blocks_.empty()) continue;
      for (const auto& router : routers()) {
        by_policy([&] { router->policy->on_kv_event(replica, stored ? KvEvent::stored : KvEvent::removed, blocks_); });
      }
    }
    for (const auto& router : routers()) want_call(*router);
  }

  void reset_routers(std::span<Policy* const> policies) {
    num_routers_ = policies.size();
    while (routers_.size() < num_routers_) routers_.push_back(std::make_unique<Router>(*this));
    // One router whose signals are live has the cluster's board: replicas keep it current themselves.
    const bool own_boards = num_routers_ > 1 || !signals().are_live();
    for (std::size_t i = 0; i < num_routers_; ++i) {
      routers_[i]->open(*policies[i], static_cast<std::int32_t>(i), static_cast<std::int32_t>(num_routers_), table_,
                        replicas_.size(), own_boards ? nullptr : &board_, own_boards ? nullptr : &view_);
    }
    calling_ = routers_[0].get();
    if (num_routers_ > 1) router_numbers_.resize(table_.requests.size());
  }
  std::span<const std::unique_ptr<Router>> routers() const { return std::span(routers_).first(num_routers_); }

  Router& router_of(RequestId id) {
    if (has_one_router()) return *calling_;
    return *routers_[router_numbers_[size(id)]];
  }
  // The one that a request arrives at.
  Router& receive(const QueuedRequest& request) {
    if (has_one_router()) return *calling_;
    const bool in_turn = network().split == Split::round_robin;
    const std::uint64_t key = in_turn ? static_cast<std::uint64_t>(request.id) : session_hash(request);
    const std::size_t number = key % num_routers_;
    router_numbers_[size(request.id)] = static_cast<std::uint8_t>(number);
    return *routers_[number];
  }

  void set_lifecycle(Router& router, RequestId id, detail::Lifecycle lifecycle) {
    table_.lifecycle[size(id)] = lifecycle;
    if (!has_one_router()) router.set_lifecycle(id, lifecycle);
  }

  std::int32_t queue_length() const {
    std::int32_t length = 0;
    for (const auto& router : routers()) length += router->board->books.queue_length;
    return length;
  }

  // What the router's own board says of time and replicas becomes what it can know now.
  void sync(Router& router) {
    if (!router.has_own_board()) return;
    detail::Board& board = *router.board;
    board.now = board_.now;
    board.published.least_waiting.reset(replicas_.size());
    if (signals().are_live()) {
      board.published.num_waiting = board_.published.num_waiting;
      return;
    }
    for (std::int32_t i = 0; i < config_->num_replicas(); ++i) {
      board.published.num_waiting[size(i)] = takes_snapshots_ ? published(i).state.num_waiting : -1;
    }
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
    if constexpr (!kPlain) {
      calling_ = &router;
      sync(router);
    }
    by_policy([&] { router.policy->schedule(*router.view); });
    const std::int32_t held = board_of(router).books.queue_length;
    if (held > 0 && !signals().are_live() && !snapshots_run_) start_snapshots();
    if (observer() && held > 0) observer()->on_hold(board_.now, held);
    if (received_.size() > 1) {
      std::sort(received_.begin(), received_.end());
      received_.erase(std::unique(received_.begin(), received_.end()), received_.end());
    }
  }

  // Those of a set of routers, after a completion on `caller`.
  void call_policies(std::uint64_t routers, std::int32_t caller) {
    if constexpr (kPlain) {  // there is one
      call_policy(*calling_, caller);
      return queue_starts(StartCause::completion_call);
    }
    for (; routers != 0; routers &= routers - 1) {
      call_policy(*routers_[size(std::countr_zero(routers))], caller);
      queue_starts(StartCause::completion_call);
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
    if (!workload_->loop.empty()) sort_by_row();
    replay.requests.swap(table_.records);
    replay.replicas.clear();
    for (const Replica& replica : replicas_) replay.replicas.push_back(replica.totals());
    replay.makespan = makespan_;
    replay.num_steps = num_steps_;
    replay.signals_read = signals_read_;
    if (num_completed_ < num_requests) {
      throw StalledError(fmt::format(
          "the run stalled after {:.6f} s: {} of {} requests completed, {} wait in the global queue that the policy "
          "never assigns, {} are held by replicas that cannot go on, and nothing is left to happen",
          seconds_from_ticks(board_.now), num_completed_, num_requests, queue_length(),
          num_arrived_ - num_completed_ - queue_length()));
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
  std::vector<std::unique_ptr<Router>> routers_;  // the first num_routers_ are in use
  std::size_t num_routers_ = 1;
  std::vector<std::uint8_t> router_numbers_;  // by request that has arrived, where there are several
  Router* calling_ = nullptr;                 // the one whose policy is called
  Told told_;
  bool takes_snapshots_ = true;        // policies read them
  bool snapshots_run_ = false;         // there are times of snapshots to come
  Publications published_;             // unless signals are live
  std::vector<std::int32_t> touched_;  // replicas that this instant has changed, where that is kept
  HolderIndex known_holders_;          // by the KV events that routers have, where these take time
  KvNews kv_news_;
  StateSampler* sampler_ = nullptr;
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
  std::vector<Call> calls_;          // that follow the events from outside of this instant
  std::vector<std::int32_t> ended_;  // at this instant, in order of creation
  std::vector<Item> items_;          // the FIFO of this instant
  std::size_t next_item_ = 0;
  std::vector<std::int32_t> received_;   // replicas that the last policy call assigned to, in order
  std::vector<RequestId> first_tokens_;  // of the batch whose bookkeeping is done, if the policy wants to know
  HolderIndex holders_;
  std::size_t num_clocks_ = 0;              // reports and timers to come
  Time nothing_since_ = kNever;             // but the clock's own events
  std::vector<std::int32_t> found_;         // scratch
  std::vector<BlockName> blocks_;           // scratch
  std::vector<ResidentRequest> residents_;  // scratch
  std::vector<RequestId> completed_;        // with the batch whose bookkeeping is done; else empty
  std::vector<ReplicaState> states_;        // of a sample
  std::vector<double> scores_;              // of a decision that is observed
};

}  // namespace switchyard
