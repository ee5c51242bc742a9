// The event loop: arrivals, policy calls, batch ends, in the order that core/README.md fixes. One template for both
// kinds of replica.
//
// Within an instant, external events (Agenda) run first, then batch ends in order of creation, then what these create:
// the policy calls of arrivals, the bookkeeping of batches, and then, in a FIFO, replica starts and the policy calls of
// completions.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "core/clairvoyant/clairvoyant.hpp"
#include "core/cluster/agenda.hpp"
#include "core/cluster/block_naming.hpp"
#include "core/cluster/end_times.hpp"
#include "core/cluster/kv/block_keys.hpp"
#include "core/cluster/policy_error.hpp"
#include "core/cluster/replica_context.hpp"
#include "core/cluster/told.hpp"

namespace switchyard {

template <class Replica>
class Cluster final : public detail::Observatory {
 public:
  Cluster() : view_(board_, *this) {}
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void run(const ClusterConfig& config, const Workload& workload, Policy& policy, std::uint64_t seed,
           Observer* observer, StateSampler* sampler, Replay& replay) {
    policy_ = &policy;
    by_policy([&] { told_.reset(policy.subscription(), config.num_replicas()); });
    reset(config, workload, observer, replay);
    if (auto* knowing = dynamic_cast<Clairvoyant*>(&policy)) knowing->see(workload.hidden.num_decode_tokens);
    by_policy([&] { policy.start(view_, policy_seed(seed)); });
    sampler_ = sampler;
    run_events();
    close(replay);
  }

  // Observatory
  ReplicaState state_of(std::int32_t replica) override {
    ReplicaState state = at(replica).state(board_.now, caller());
    state.taken_at = board_.now;
    if (told_.asks().waiting_uncached) {
      state.waiting_uncached_tokens = at(replica).waiting_uncached_tokens(board_.now, caller());
    }
    if (told_.asks().throughput) state.generation_throughput = told_.throughput(replica);
    return state;
  }
  void waiting_of(std::int32_t replica, std::vector<ResidentRequest>& out) override { at(replica).waiting(out); }
  void running_of(std::int32_t replica, std::vector<ResidentRequest>& out) override {
    at(replica).running(out, board_.now, caller());
  }
  std::int32_t cached_tokens_of(RequestId request, std::int32_t replica) override {
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
    workload_->content.visit_block_names(size(request), block_size, [&](NameRun run) {
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
    unlink(id);
    table_.lifecycle[size(id)] = detail::Lifecycle::sent;
    table_.records[size(id)].replica = replica;
    table_.records[size(id)].assigned_at = board_.now;
    context_.add_waiting(replica, 1);
    context_.add_outstanding(replica, 1);
    received_.push_back(replica);
    if (observer()) observer()->on_assign(board_.now, id, replica);
    const Time planned_end = at(replica).ends_at();
    const bool ends_now = at(replica).enqueue(id, board_.now, caller());
    if (at(replica).ends_at() != planned_end) cut_leap(replica, ends_now);
  }

 private:
  enum class Kind : std::uint8_t { start, policy_call };
  struct Item {
    Kind kind = Kind::start;
    StartCause cause = StartCause::own_batch_end;
    std::int32_t replica = 0;
  };

  template <class I>
  static constexpr std::size_t size(I i) {
    return static_cast<std::size_t>(i);
  }
  bool is_queued(RequestId id) const {
    return size(id) < table_.lifecycle.size() && table_.lifecycle[size(id)] == detail::Lifecycle::queued;
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
    PrefixTree::SegmentId beginning = tree.leaf(request);
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
    found_.assign(holders_.of(beginning).begin(), holders_.of(beginning).end());
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
    board_.books.outstanding.assign(num_replicas, 0);
    board_.published.least_waiting.reset(num_replicas);
    board_.books.least_outstanding.reset(num_replicas);
    board_.books.requests = table_.requests;
    board_.books.lifecycle = table_.lifecycle;
    board_.books.next.resize(num_requests + 1);
    board_.books.previous.resize(num_requests + 1);
    board_.books.next[0] = board_.books.previous[0] = -1;
    board_.books.queue_length = 0;
    holders_.reset();
    context_ = {.table = &table_,
                .workload = &workload,
                .board = &board_,
                .observer = observer,
                .first_tokens = told_.asks().first_tokens ? &first_tokens_ : nullptr,
                .kv_changes = told_.asks().kv_events ? told_.kv_changes() : nullptr,
                .holders = &holders_};
    first_tokens_.clear();
    replicas_.resize(num_replicas);
    for (std::int32_t i = 0; i < config.num_replicas(); ++i) at(i).reset(i, config.kind(i), context_);
    ends_.reset(num_replicas);
    agenda_.reset(workload.requests);
    if (told_.asks().throughput) agenda_.add({kReportPeriod, Agenda::Kind::report, 0});
    num_clocks_ = told_.asks().throughput ? 1 : 0;
    timer_runs_ = false;
    num_arrived_ = 0;
    nothing_since_ = kNever;
    block_naming_.reset();
    num_steps_ = 0;
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
      sampler_->on_sample(board_.books.queue_length, states_);
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
    const QueuedRequest& request = board_.books.requests[size(id)];
    scores_.clear();
    by_policy([&] { policy_->scores(view_, request, scores_); });
    observer()->on_decision(board_.now, request, replica, view_, scores_);
  }

  void arrive(RequestId id) {
    QueuedRequest& request = table_.requests[size(id)] = workload_->requests[size(id)];
    request.arrived_at = board_.now;
    table_.lifecycle[size(id)] = detail::Lifecycle::queued;
    table_.records[size(id)] = {.scheduled_at = kNever};
    table_.live[size(id)] = {.total_tokens = request.num_prefill_tokens + workload_->hidden.num_decode_tokens[size(id)],
                             .num_prefill_tokens = request.num_prefill_tokens,
                             .original_prefill_tokens = request.num_prefill_tokens};
    link(id);
    ++num_arrived_;
    if (told_.asks().every > 0 && !timer_runs_) start_timer();
    if (observer()) observer()->on_arrival(board_.now, request);
    by_policy([&] { policy_->on_arrival(request); });
  }

  void link(RequestId id) {
    join(board_.books.previous[0], id);
    join(id, -1);
    ++board_.books.queue_length;
  }
  void unlink(RequestId id) {
    join(board_.books.previous[size(id + 1)], board_.books.next[size(id + 1)]);
    --board_.books.queue_length;
  }
  void join(RequestId before, RequestId after) {
    board_.books.next[size(before + 1)] = after;
    board_.books.previous[size(after + 1)] = before;
  }

  [[gnu::flatten]] void run_events() {
    for (EndTimes::End first = ends_.first(); std::min(first.at, agenda_.next_at()) != kNever; first = ends_.first()) {
      if (sampler_) {
        take_samples(std::min(first.at, agenda_.next_at()));
        run_instant(std::min(first.at, agenda_.next_at()), first.at <= agenda_.next_at());
      } else if (first.at < agenda_.next_at()) {
        run_batch_ends(first);
      } else {
        run_instant(agenda_.next_at(), first.at == agenda_.next_at());
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
    std::int32_t calls = 0;
    while (agenda_.next_at() == now) {
      const Agenda::Event event = agenda_.take();
      if (event.kind == Agenda::Kind::arrival) {
        arrive(event.number);
        ++calls;
      } else {
        calls += take_place(event);
      }
    }
    ended_.clear();
    if (batches_end) take_ended(now);
    for (std::int32_t call = 0; call < calls; ++call) {
      call_policy(-1);
      if (calls == 1 && ended_.empty()) {  // as a rule: nothing else happens at this instant
        for (const std::int32_t replica : received_) start(replica, StartCause::arrival_call);
        return;
      }
      queue_starts(StartCause::arrival_call);
    }
    for (std::size_t i = 0; i < ended_.size(); ++i) {  // a policy call may have added to them
      const bool completes = book(ended_[i]);
      items_.push_back({Kind::start, StartCause::own_batch_end, ended_[i]});
      if (completes) items_.push_back({Kind::policy_call, StartCause::own_batch_end, ended_[i]});
    }
    run_items();
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
          horizon = std::min(horizon, agenda_.next_at());  // it may have added to it
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
    const bool completes = book(replica);
    if (at(replica).start(now, StartCause::own_batch_end)) ++num_steps_;
    if (context_.kv_changes) note_kv_changes(replica);
    if (!completes || board_.books.queue_length == 0) return true;
    ends_.set(replica, at(replica).ends_at());
    call_policy(replica);
    queue_starts(StartCause::completion_call);
    run_items();
    return false;
  }

  void run_items() {
    for (next_item_ = 0; next_item_ < items_.size();) {
      // Field by field, as it was written a moment ago: a wider load would have to wait for the stores.
      const Item& item = items_[next_item_++];
      if (item.kind == Kind::policy_call) {
        call_policy(item.replica);
        queue_starts(StartCause::completion_call);
      } else {
        start(item.replica, item.cause);
      }
    }
    items_.clear();
    next_item_ = 0;
  }

  void start(std::int32_t replica, StartCause cause) {
    const bool starts = at(replica).start(board_.now, cause);
    if (context_.kv_changes) note_kv_changes(replica);
    if (!starts) return;
    ++num_steps_;
    ends_.set(replica, at(replica).ends_at());
  }

  // Bookkeeping of a batch that has ended. Whether a policy call follows: a request completed, or one got its first
  // token and the policy wants to know.
  bool book(std::int32_t replica) {
    at(replica).finish(completed_);
    if (!first_tokens_.empty()) tell_first_tokens(replica);
    if (completed_.empty()) return std::exchange(told_first_tokens_, false);
    told_first_tokens_ = false;
    if (told_.asks().throughput) told_.add_completed(replica, output_tokens(completed_));
    context_.add_outstanding(replica, -static_cast<std::int32_t>(completed_.size()));
    num_completed_ += static_cast<std::int64_t>(completed_.size());
    makespan_ = board_.now;
    for (const RequestId id : completed_) {
      const LiveRequest& request = table_.live[size(id)];
      table_.lifecycle[size(id)] = detail::Lifecycle::done;
      if (observer()) observer()->on_complete(board_.now, id, replica);
      const RequestRecord& record = table_.records[size(id)];
      by_policy([&] {
        policy_->on_completion({.id = id,
                                .replica = replica,
                                .arrived_at = board_.books.requests[size(id)].arrived_at,
                                .scheduled_at = record.scheduled_at,
                                .first_token_at = record.prefill_completed_at,
                                .completed_at = board_.now,
                                .num_prefill_tokens = request.original_prefill_tokens,
                                .num_decode_tokens = request.total_tokens - request.original_prefill_tokens});
      });
    }
    completed_.clear();
    return true;
  }

  void tell_first_tokens(std::int32_t replica) {
    std::sort(first_tokens_.begin(), first_tokens_.end());
    for (const RequestId id : first_tokens_) {
      by_policy([&] { policy_->on_first_token({.id = id, .replica = replica, .at = board_.now}); });
    }
    first_tokens_.clear();
    told_first_tokens_ = true;
  }

  // Of requests that have completed.
  std::int64_t output_tokens(const std::vector<RequestId>& requests) const {
    std::int64_t tokens = 0;
    for (const RequestId id : requests)
      tokens += table_.live[size(id)].total_tokens - table_.live[size(id)].original_prefill_tokens;
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

  // An event that is no arrival. How many policy calls follow.
  [[gnu::noinline]] std::int32_t take_place(const Agenda::Event& event) {
    caller_ = -1;
    switch (event.kind) {
      case Agenda::Kind::arrival:
        break;
      case Agenda::Kind::kv_event:
        tell_kv_changes(event.number);
        return 1;
      case Agenda::Kind::report:
        for (std::int32_t i = 0; i < config_->num_replicas(); ++i) told_.report(i, tokens_so_far(i), kReportPeriod);
        if (clocks_go_on()) agenda_.add({board_.now + kReportPeriod, event.kind, 0});
        return 0;
      case Agenda::Kind::timer:
        timer_runs_ = false;
        --num_clocks_;
        if (num_arrived_ == num_completed_ || !clocks_go_on()) return 0;
        start_timer();
        by_policy([&] { policy_->on_timer(view_); });
        return 1;
    }
    return 0;
  }

  void start_timer() {
    timer_runs_ = true;
    ++num_clocks_;
    const Time every = told_.asks().every;
    agenda_.add({(board_.now / every + 1) * every, Agenda::Kind::timer, 0});
  }

  // Whether something may still happen: a policy that has done nothing for an hour in which nothing else happened never
  // will.
  bool clocks_go_on() {
    if (num_completed_ == static_cast<std::int64_t>(board_.books.requests.size())) return false;
    if (ends_.first().at != kNever || agenda_.has_more_than(num_clocks_)) {
      nothing_since_ = kNever;
      return true;
    }
    nothing_since_ = std::min(nothing_since_, board_.now);
    return board_.now - nothing_since_ <= 3600 * kTicksPerSecond;
  }

  void note_kv_changes(std::int32_t replica) {
    if (!told_.kv_changes()[replica].empty()) agenda_.add({board_.now, Agenda::Kind::kv_event, replica});
  }
  // Blocks of one kind of change after another. Those of which the workload does not say what they hold have no name.
  void tell_kv_changes(std::int32_t replica) {
    KvChanges& changes = told_.kv_changes()[replica];
    const std::int32_t block_size = config_->kind(replica).limits().block_size;
    for (std::size_t i = 0; i < changes.size();) {
      const bool stored = changes[i].stored;
      blocks_.clear();
      for (; i < changes.size() && changes[i].stored == stored; ++i) {
        if (!BlockKeys::is_own(changes[i].key)) blocks_.push_back(block_naming_.name(block_size, changes[i].key));
      }
      if (blocks_.empty()) continue;
      by_policy([&] { policy_->on_kv_event(replica, stored ? KvEvent::stored : KvEvent::removed, blocks_); });
    }
    changes.clear();
  }

  // `caller`: the replica whose completion this follows, or -1 for an arrival. Sets received_.
  void call_policy(std::int32_t caller) {
    received_.clear();
    if (board_.books.queue_length == 0) return;
    caller_ = caller;
    by_policy([&] { policy_->schedule(view_); });
    if (observer() && board_.books.queue_length > 0) observer()->on_hold(board_.now, board_.books.queue_length);
    if (received_.size() > 1) {
      std::sort(received_.begin(), received_.end());
      received_.erase(std::unique(received_.begin(), received_.end()), received_.end());
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
    const auto num_requests = static_cast<std::int64_t>(board_.books.requests.size());
    replay.requests.swap(table_.records);
    replay.replicas.clear();
    for (const Replica& replica : replicas_) replay.replicas.push_back(replica.totals());
    replay.makespan = makespan_;
    replay.num_steps = num_steps_;
    if (num_completed_ < num_requests) {
      throw StalledError(fmt::format(
          "the run stalled after {:.6f} s: {} of {} requests completed, {} wait in the global queue that the policy "
          "never assigns, {} are held by replicas that cannot go on, and nothing is left to happen",
          seconds_from_ticks(board_.now), num_completed_, num_requests, board_.books.queue_length,
          num_requests - num_completed_ - board_.books.queue_length));
    }
  }

  const ClusterConfig* config_ = nullptr;  // of the replay that runs
  ReplicaContext context_;
  RequestTable table_;
  const Workload* workload_ = nullptr;
  detail::Board board_;
  ClusterView view_;
  Policy* policy_ = nullptr;
  Told told_;
  StateSampler* sampler_ = nullptr;
  std::vector<Replica> replicas_;
  EndTimes ends_;
  Agenda agenda_;
  detail::BlockNaming block_naming_;
  std::int64_t num_steps_ = 0;
  std::int64_t num_completed_ = 0;
  Time makespan_ = 0;
  std::int32_t caller_ = -1;
  std::vector<std::int32_t> ended_;  // at this instant, in order of creation
  std::vector<Item> items_;          // the FIFO of this instant
  std::size_t next_item_ = 0;
  std::vector<std::int32_t> received_;   // replicas that the last policy call assigned to, in order
  std::vector<RequestId> first_tokens_;  // of the batch whose bookkeeping is done, if the policy wants to know
  bool told_first_tokens_ = false;
  HolderIndex holders_;
  std::size_t num_clocks_ = 0;  // reports and timers to come
  bool timer_runs_ = false;
  std::int64_t num_arrived_ = 0;
  Time nothing_since_ = kNever;             // but the clock's own events
  std::vector<std::int32_t> found_;         // scratch
  std::vector<BlockName> blocks_;           // scratch
  std::vector<ResidentRequest> residents_;  // scratch
  std::vector<RequestId> completed_;        // with the batch whose bookkeeping is done; else empty
  std::vector<ReplicaState> states_;        // of a sample
  std::vector<double> scores_;              // of a decision that is observed
};

}  // namespace switchyard
