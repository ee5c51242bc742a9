#include "core/cluster/router_desk.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/cluster/kv/block_keys.hpp"
#include "core/cluster/policy_error.hpp"
#include "core/cluster/records.hpp"

namespace switchyard {

void RouterDesk::reset(const ClusterConfig& config, const RouterPolicies& routed_by) {
  config_ = &config;
  by_policy([&] { told_.reset(routed_by.policies.front()->subscription(), config.num_replicas()); });
  takes_snapshots_ = routed_by.read_snapshots || asks().polls;
  num_clocks_ = 0;
  num_answered_ = 0;
  nothing_since_ = kNever;
  touched_.clear();
}

void RouterDesk::open(const RouterPolicies& routed_by) {
  const std::int32_t n = config_->num_replicas();
  if (asks().throughput && signals().interval == 0) begin_clock({kReportPeriod, Agenda::Kind::report, 0});
  if (!signals().are_live()) {
    published_.reset(n, signals().delay);
    snapshots_run_ = false;
    if (takes_snapshots_) {
      for (std::int32_t i = 0; i < n; ++i) fill(published_.add(i), i);
      start_snapshots();
    }
  }
  num_routers_ = routed_by.policies.size();
  while (routers_.size() < num_routers_) routers_.push_back(std::make_unique<Router>(around_.kernel));
  // One router whose signals are live has the cluster's board: replicas keep it current themselves.
  const bool own_boards = num_routers_ > 1 || !signals().are_live();
  for (std::size_t i = 0; i < num_routers_; ++i) {
    routers_[i]->open(*routed_by.policies[i], static_cast<std::int32_t>(i), static_cast<std::int32_t>(num_routers_),
                      around_.table, static_cast<std::size_t>(n), own_boards ? nullptr : &around_.board,
                      own_boards ? nullptr : &around_.view);
  }
  calling_ = routers_[0].get();
  if (num_routers_ > 1) router_numbers_.resize(around_.table.requests.size());
}

Router& RouterDesk::receive(const QueuedRequest& request) {
  if (has_one_router()) return *routers_[0];
  const bool in_turn = network().split == Split::round_robin;
  const std::uint64_t key = in_turn ? static_cast<std::uint64_t>(request.id) : session_hash(request);
  const std::size_t number = key % num_routers_;
  router_numbers_[static_cast<std::size_t>(request.id)] = static_cast<std::uint8_t>(number);
  return *routers_[number];
}

std::int32_t RouterDesk::queue_length() const {
  std::int32_t length = 0;
  for (const auto& router : routers()) length += router->board->books.queue_length;
  return length;
}

void RouterDesk::sync(Router& router) {
  if (!router.has_own_board()) return;
  detail::Board& board = *router.board;
  board.now = now();
  const auto n = static_cast<std::size_t>(config_->num_replicas());
  board.published.least_waiting.reset(n);
  if (signals().are_live()) {
    board.published.num_waiting = around_.board.published.num_waiting;
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    board.published.num_waiting[i] = takes_snapshots_ ? published(static_cast<std::int32_t>(i)).state.num_waiting : -1;
  }
}

void RouterDesk::note_arrival(Router& router) {
  ++router.num_under_way;
  if (asks().every > 0 && !router.timer_runs) start_timer(router);
}

void RouterDesk::want_call(Router& router) {
  if (network().decision > 0) {
    begin_decision(router);
  } else {
    calls_.push_back({.router = router.board->router});
  }
}

void RouterDesk::begin_decision(Router& router) {
  if (router.is_deciding) {
    ++router.num_calls_waiting;
  } else if (router.board->books.queue_length > 0) {
    router.is_deciding = true;
    around_.agenda.add({now() + network().decision, Agenda::Kind::decision, router.board->router});
  }
}

std::uint64_t RouterDesk::call_after_batch(Router& router) {
  if (network().decision > 0) {
    begin_decision(router);
    return 0;
  }
  if (router.board->books.queue_length == 0) return 0;
  return std::uint64_t{1} << router.board->router;
}

void RouterDesk::end_call(Router& router) {
  while (router.num_calls_waiting > 0 && !router.is_deciding) {
    --router.num_calls_waiting;
    begin_decision(router);
  }
}

void RouterDesk::take_place(const Agenda::Event& event) {
  switch (event.kind) {
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
      report(event);
      break;
    case Agenda::Kind::timer:
      run_timer(router(event.number));
      break;
    case Agenda::Kind::decision:
      router(event.number).is_deciding = false;
      calls_.push_back({.router = event.number});
      break;
    default:
      throw std::logic_error("an event that is not of the routers came to their desk");
  }
}

// From the next times of each replica on.
void RouterDesk::start_snapshots() {
  snapshots_run_ = true;
  const Time interval = signals().interval;
  if (interval == 0) return;
  const bool spread = signals().phase == SnapshotPhase::spread;
  const std::int32_t n = config_->num_replicas();
  for (std::int32_t i = 0; i < n; ++i) {
    const Time phase = spread ? static_cast<Time>(Int128{interval} * i / n) : 0;
    const Time next = now() < phase ? phase : phase + ((now() - phase) / interval + 1) * interval;
    begin_clock({next, Agenda::Kind::snapshot, i});
    // Those that are under way.
    const Time first = phase > 0 ? phase : interval;
    for (Time taken = next - interval; taken >= first && taken + signals().delay > now(); taken -= interval) {
      begin_clock({taken + signals().delay, Agenda::Kind::poll, i});
    }
  }
}

ReplicaState RouterDesk::state(std::int32_t replica) {
  if (signals().are_live()) return present_state(replica);
  ReplicaState state = published(replica).state;
  if (signals().interval == 0) state.taken_at = std::max<Time>(0, now() - signals().delay);
  return state;
}

const Snapshot& RouterDesk::published(std::int32_t replica) {
  if (takes_snapshots_) return published_.read(replica, now());
  throw std::logic_error(
      "policy asked for what a replica has published, and names no such signal (PolicyInfo::signals)");
}

const Snapshot& RouterDesk::listed(std::int32_t replica) {
  if (!asks().requests) {
    throw std::logic_error(
        "policy asked for the requests of a published snapshot, and its subscription does not (Subscription::"
        "requests)");
  }
  return published(replica);
}

ReplicaState RouterDesk::present_state(std::int32_t replica) {
  ReplicaState state = around_.replicas.present_state(replica);
  state.taken_at = now();
  if (asks().waiting_uncached) {
    state.waiting_uncached_tokens = around_.replicas.present_waiting_uncached(replica);
  }
  if (asks().throughput) state.generation_throughput = told_.throughput(replica);
  return state;
}

void RouterDesk::fill(Snapshot& snapshot, std::int32_t replica) {
  snapshot.state = present_state(replica);
  if (!asks().requests) return;
  around_.replicas.present_waiting(replica, snapshot.waiting);
  around_.replicas.present_running(replica, snapshot.running);
}

void RouterDesk::add_snapshot(std::int32_t replica) {
  fill(published_.add(replica), replica);
  published_.read(replica, now());  // forgets what is too old
}

void RouterDesk::take_snapshot(std::int32_t replica) {
  const bool publishes = around_.replicas.publishes(replica);
  if (takes_snapshots_ && publishes) {
    if (asks().throughput) told_.report(replica, tokens_so_far(replica), now());
    add_snapshot(replica);
  }
  repeat({now(), Agenda::Kind::snapshot, replica}, signals().interval);
  if (publishes) announce(replica);
}

void RouterDesk::note_there(std::int32_t replica) {
  if (signals().are_live() || !snapshots_run_) return;
  if (takes_snapshots_) add_snapshot(replica);
  announce(replica);
}

// That a snapshot can be read is also told to who only has requests queued: for that they may have been held.
void RouterDesk::announce(std::int32_t replica) {
  if (signals().delay > 0) {
    begin_clock({now() + signals().delay, Agenda::Kind::poll, replica});
  } else {
    tell_poll(replica);
  }
}

void RouterDesk::tell_poll(std::int32_t replica) {
  for (const auto& router : routers()) {
    if (!asks().polls) {
      if (router->board->books.queue_length > 0) want_call(*router);
      continue;
    }
    set_calling(*router);
    by_policy([&] { router->policy->on_poll(*router->view, replica); });
    want_call(*router);
  }
}

void RouterDesk::keep_history() {
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  for (const std::int32_t replica : touched_) {
    if (takes_snapshots_) add_snapshot(replica);
    announce(replica);
  }
  touched_.clear();
}

void RouterDesk::note_kv_changes(std::int32_t replica) {
  KvChanges& changes = told_.kv_changes()[replica];
  if (changes.empty()) return;
  for (const KvChange& change : changes) around_.replicas.tell_later(replica, change);
  if (!asks().kv_events) {
    changes.clear();
    return;
  }
  told_.kv_under_way(replica).push_back(std::exchange(changes, {}));
  around_.agenda.add({now() + signals().kv_delay, Agenda::Kind::kv_event, replica});
}

// Blocks of one kind of change after another. Those of which the workload does not say what they hold have no name.
void RouterDesk::tell_kv_changes(std::int32_t replica) {
  const KvChanges changes = std::move(told_.kv_under_way(replica).front());
  told_.kv_under_way(replica).pop_front();
  const std::int32_t block_size = config_->kind(replica).limits().block_size;
  for (std::size_t i = 0; i < changes.size();) {
    const bool stored = changes[i].stored;
    blocks_.clear();
    for (; i < changes.size() && changes[i].stored == stored; ++i) {
      if (!BlockKeys::is_own(changes[i].key)) blocks_.push_back(around_.naming.name(block_size, changes[i].key));
    }
    if (blocks_.empty()) continue;
    for (const auto& router : routers()) {
      set_calling(*router);
      by_policy([&] { router->policy->on_kv_event(replica, stored ? KvEvent::stored : KvEvent::removed, blocks_); });
    }
  }
  for (const auto& router : routers()) want_call(*router);
}

void RouterDesk::report(const Agenda::Event& event) {
  for (std::int32_t i = 0; i < config_->num_replicas(); ++i) told_.report(i, tokens_so_far(i), now());
  repeat(event, kReportPeriod);
}

// Output tokens that requests at a replica have got so far.
std::int64_t RouterDesk::tokens_so_far(std::int32_t replica) {
  residents_.clear();
  around_.replicas.present_waiting(replica, residents_);
  around_.replicas.present_running(replica, residents_);
  std::int64_t tokens = 0;
  for (const ResidentRequest& request : residents_) tokens += request.num_generated_tokens();
  return tokens;
}

void RouterDesk::repeat(const Agenda::Event& event, Time period) {
  --num_clocks_;
  if (clocks_go_on()) begin_clock({now() + period, event.kind, event.number});
}

void RouterDesk::start_timer(Router& router) {
  router.timer_runs = true;
  const Time every = asks().every;
  begin_clock({(now() / every + 1) * every, Agenda::Kind::timer, router.board->router});
}

void RouterDesk::run_timer(Router& router) {
  router.timer_runs = false;
  --num_clocks_;
  if (router.num_under_way == 0 || !clocks_go_on()) return;
  start_timer(router);
  set_calling(router);
  by_policy([&] { router.policy->on_timer(*router.view); });
  want_call(router);
}

bool RouterDesk::clocks_go_on() {
  if (all_answered()) return false;
  std::size_t num_decisions = 0;  // a call that nothing but a clock led to is nothing by itself, however long it takes
  for (const auto& router : routers()) num_decisions += router->is_deciding ? 1 : 0;
  if (around_.replicas.any_batch_runs() || around_.agenda.has_more_than(num_clocks_ + num_decisions)) {
    nothing_since_ = kNever;
    return true;
  }
  nothing_since_ = std::min(nothing_since_, now());
  const OperationOptions& operations = config_->operations;
  const Time longest_period = std::max(
      {asks().every, signals().interval, signals().delay, operations.scale_after + operations.scale_idle,
       operations.mean_time_to_failure + operations.mean_time_to_repair, operations.detection + operations.start_up});
  return (now() - nothing_since_) / 100 <= std::max<Time>(kTicksPerSecond, longest_period);
}

}  // namespace switchyard
