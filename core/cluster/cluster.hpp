// The event loop: arrivals, policy calls, batch ends, in the order that core/README.md fixes. One template for both
// kinds of replica.
//
// Within an instant, events run in the order of their creation: arrivals (created before the run), then batch ends (in
// order of creation), then what these create: the policy calls of arrivals, the bookkeeping of batches, and then, in a
// FIFO, replica starts and the policy calls of completions.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "core/cluster/replica_context.hpp"

namespace switchyard {

// When each replica's batch ends: the earliest in O(1), changes in O(log replicas).
class EndTimes {
 public:
  void reset(std::size_t num_replicas) {
    leaves_ = std::bit_ceil(std::max<std::size_t>(num_replicas, 2));
    nodes_.assign(2 * leaves_, Node{});
    for (std::size_t i = 0; i < leaves_; ++i) nodes_[leaves_ + i].replica = static_cast<std::int32_t>(i);
  }
  Time earliest() const { return nodes_[1].time; }
  std::int32_t replica() const { return nodes_[1].replica; }
  void set(std::int32_t replica, Time time) {
    std::size_t i = leaves_ + static_cast<std::size_t>(replica);
    nodes_[i].time = time;
    for (i /= 2; i >= 1; i /= 2) {
      nodes_[i] = nodes_[2 * i + 1].time < nodes_[2 * i].time ? nodes_[2 * i + 1] : nodes_[2 * i];
    }
  }

 private:
  struct Node {
    Time time = kNever;
    std::int32_t replica = 0;
  };
  std::vector<Node> nodes_;
  std::size_t leaves_ = 1;
};

template <class Replica>
class Cluster final : public detail::Observatory {
 public:
  Cluster() : view_(board_, *this) {}
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void run(const ClusterConfig& config, const Workload& workload, Policy& policy, std::uint64_t seed,
           Observer* observer, StateSampler* sampler, Replay& replay) {
    reset(config, workload, observer, replay);
    policy_ = &policy;
    policy.start(view_, seed);
    const auto num_requests = static_cast<RequestId>(workload.size());
    while (true) {
      const Time arrival = next_arrival_ < num_requests ? workload.requests[size(next_arrival_)].arrived_at : kNever;
      const Time now = std::min(arrival, ends_.earliest());
      if (now == kNever) break;
      if (sampler) take_samples(*sampler, now);
      run_instant(now, num_requests);
    }
    close(num_requests, replay);
  }

  // Observatory
  ReplicaState state_of(std::int32_t replica) override { return at(replica).state(board_.now, moment_of(replica)); }
  void waiting_of(std::int32_t replica, std::vector<ResidentRequest>& out) override { at(replica).waiting(out); }
  void running_of(std::int32_t replica, std::vector<ResidentRequest>& out) override {
    at(replica).running(out, board_.now, moment_of(replica));
  }
  const ReplicaLimits& limits_of(std::int32_t) const override { return config_.limits; }
  const CostModel& cost_of(std::int32_t) const override { return *config_.cost; }

  void assign(RequestId id, std::int32_t replica) override {
    if (id < 0 || id >= next_arrival_ || table_.records[size(id)].replica >= 0) {
      throw std::logic_error(fmt::format("policy assigned request {}, which is not queued", id));
    }
    if (replica < 0 || size(replica) >= replicas_.size()) {
      throw std::logic_error(
          fmt::format("policy assigned request {} to replica {} of {}", id, replica, replicas_.size()));
    }
    if (context_.observer) observe_decision(id, replica);
    unlink(id);
    table_.records[size(id)].replica = replica;
    table_.records[size(id)].assigned_at = board_.now;
    context_.add_waiting(replica, 1);
    context_.add_outstanding(replica, 1);
    received_.push_back(replica);
    if (context_.observer) context_.observer->on_assign(board_.now, id, replica);
    const Moment moment = moment_of(replica);
    const bool ends_now = at(replica).enqueue(id, board_.now, moment);
    if constexpr (Replica::kLeaps) {
      if (!ends_now) {
        if (at(replica).ends_at() > board_.now) ends_.set(replica, at(replica).ends_at());
      } else if (moment == Moment::before_bookkeeping) {
        ends_.set(replica, kNever);
        ended_.push_back(replica);  // its bookkeeping follows with the others'
      } else {
        ends_.set(replica, kNever);
        at(replica).finish(completed_);  // an inner batch: nothing completes
        insert_start(replica);
      }
    }
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
  Replica& at(std::int32_t replica) { return replicas_[size(replica)]; }

  void reset(const ClusterConfig& config, const Workload& workload, Observer* observer, Replay& replay) {
    config_ = config;
    const std::size_t num_requests = workload.size();
    const std::size_t num_replicas = size(config.num_replicas);
    table_.records.swap(replay.requests);  // both buffers stay allocated
    table_.records.assign(num_requests, RequestRecord{.scheduled_at = kNever});
    table_.live.resize(num_requests);
    table_.requests = workload.requests.data();
    for (std::size_t i = 0; i < num_requests; ++i) {
      const std::int32_t prompt = workload.requests[i].num_prefill_tokens;
      table_.live[i] = {.total_tokens = prompt + workload.hidden.num_decode_tokens[i],
                        .num_prefill_tokens = prompt,
                        .original_prefill_tokens = prompt};
    }
    board_.now = 0;
    board_.num_waiting.assign(num_replicas, 0);
    board_.outstanding.assign(num_replicas, 0);
    board_.least_waiting.reset(num_replicas);
    board_.least_outstanding.reset(num_replicas);
    board_.requests = workload.requests;
    board_.next.resize(num_requests);
    board_.previous.resize(num_requests);
    board_.first = board_.last = -1;
    board_.queue_length = 0;
    context_ = {
        .limits = &config_.limits, .cost = config_.cost, .table = &table_, .board = &board_, .observer = observer};
    replicas_.resize(num_replicas);
    for (std::size_t i = 0; i < num_replicas; ++i) replicas_[i].reset(static_cast<std::int32_t>(i), context_);
    ends_.reset(num_replicas);
    next_arrival_ = 0;
    num_steps_ = 0;
    num_completed_ = 0;
    makespan_ = 0;
    received_.clear();
    caller_ = -1;
  }

  void take_samples(StateSampler& sampler, Time until) {
    for (Time time = sampler.next_sample(); time <= until; time = sampler.next_sample()) {
      states_.clear();
      for (const Replica& replica : replicas_) states_.push_back(replica.state(time, Moment::before_bookkeeping));
      sampler.on_sample(board_.queue_length, states_);
    }
  }

  void observe_decision(RequestId id, std::int32_t replica) {
    const QueuedRequest& request = board_.requests[size(id)];
    scores_.clear();
    policy_->scores(view_, request, scores_);
    context_.observer->on_decision(board_.now, request, replica, view_, scores_);
  }

  void link(RequestId id) {
    board_.previous[size(id)] = board_.last;
    board_.next[size(id)] = -1;
    (board_.last >= 0 ? board_.next[size(board_.last)] : board_.first) = id;
    board_.last = id;
    ++board_.queue_length;
  }
  void unlink(RequestId id) {
    const RequestId before = board_.previous[size(id)];
    const RequestId after = board_.next[size(id)];
    (before >= 0 ? board_.next[size(before)] : board_.first) = after;
    (after >= 0 ? board_.previous[size(after)] : board_.last) = before;
    --board_.queue_length;
  }

  void run_instant(Time now, RequestId num_requests) {
    board_.now = now;
    items_.clear();
    ended_.clear();
    std::int32_t calls = 0;
    for (; next_arrival_ < num_requests && board_.requests[size(next_arrival_)].arrived_at == now; ++calls) {
      const QueuedRequest& request = board_.requests[size(next_arrival_)];
      link(next_arrival_++);
      if (context_.observer) context_.observer->on_arrival(now, request);
      policy_->on_arrival(request);
    }
    while (ends_.earliest() == now) {
      const std::int32_t replica = ends_.replica();
      ended_.push_back(replica);
      ends_.set(replica, kNever);
    }
    if (ended_.size() > 1) {
      std::sort(ended_.begin(), ended_.end(),
                [this](std::int32_t a, std::int32_t b) { return Replica::ended_before(at(a), at(b)); });
    }
    for (; calls > 0; --calls) call_policy(-1);
    for (std::size_t i = 0; i < ended_.size(); ++i) book(ended_[i]);
    for (item_ = 0; item_ < items_.size(); ++item_) {
      const Item item = items_[item_];
      if (item.kind == Kind::policy_call) {
        call_policy(item.replica);
      } else if (at(item.replica).start(now, item.cause)) {
        ++num_steps_;
        ends_.set(item.replica, at(item.replica).ends_at());
      }
    }
  }

  // Bookkeeping of a batch that has ended.
  void book(std::int32_t replica) {
    completed_.clear();
    at(replica).finish(completed_);
    items_.push_back({Kind::start, StartCause::own_batch_end, replica});
    if (completed_.empty()) return;
    context_.add_outstanding(replica, -static_cast<std::int32_t>(completed_.size()));
    num_completed_ += static_cast<std::int64_t>(completed_.size());
    makespan_ = board_.now;
    for (const RequestId id : completed_) {
      const LiveRequest& request = table_.live[size(id)];
      if (context_.observer) context_.observer->on_complete(board_.now, id, replica);
      policy_->on_completion({.id = id,
                              .replica = replica,
                              .arrived_at = board_.requests[size(id)].arrived_at,
                              .completed_at = board_.now,
                              .num_prefill_tokens = request.original_prefill_tokens,
                              .num_decode_tokens = request.total_tokens - request.original_prefill_tokens});
    }
    items_.push_back({Kind::policy_call, StartCause::own_batch_end, replica});
  }

  // `caller`: the replica whose completion this follows, or -1 for an arrival.
  void call_policy(std::int32_t caller) {
    if (board_.queue_length == 0) return;
    caller_ = caller;
    received_.clear();
    policy_->schedule(view_);
    if (context_.observer && board_.queue_length > 0) context_.observer->on_hold(board_.now, board_.queue_length);
    if (received_.size() > 1) {
      std::sort(received_.begin(), received_.end());
      received_.erase(std::unique(received_.begin(), received_.end()), received_.end());
    }
    const StartCause cause = caller < 0 ? StartCause::arrival_call : StartCause::completion_call;
    for (const std::int32_t replica : received_) items_.push_back({Kind::start, cause, replica});
  }

  // Where the current policy call stands, seen from a replica. Between two inner batches of a leap, the replica's next
  // start stands in the FIFO behind the call if its batch ended behind that of the calling replica.
  Moment moment_of(std::int32_t replica) {
    if (caller_ < 0) return Moment::before_bookkeeping;
    if constexpr (Replica::kLeaps) {
      if (at(replica).has_inner_boundary(board_.now) &&
          Replica::before(at(caller_).ended_order(), at(replica).order())) {
        return Moment::before_start;
      }
    }
    return Moment::after_start;
  }

  // Puts the start of a replica, whose leap was cut at this instant, where its batch end would have put it.
  void insert_start(std::int32_t replica) {
    std::size_t i = item_ + 1;
    while (i < items_.size() && items_[i].cause == StartCause::own_batch_end &&
           !Replica::before(at(replica).ended_order(), at(items_[i].replica).ended_order())) {
      ++i;
    }
    items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(i),
                  Item{Kind::start, StartCause::own_batch_end, replica});
  }

  void close(RequestId num_requests, Replay& replay) {
    replay.requests.swap(table_.records);
    replay.replicas.clear();
    for (const Replica& replica : replicas_) replay.replicas.push_back(replica.totals());
    replay.makespan = makespan_;
    replay.num_steps = num_steps_;
    if (num_completed_ < num_requests) {
      throw StalledError(fmt::format(
          "the run stalled after {:.6f} s: {} of {} requests completed, {} wait in the global queue that the policy "
          "never assigns, {} are held by replicas that cannot go on, and nothing is left to happen",
          seconds_from_ticks(board_.now), num_completed_, num_requests, board_.queue_length,
          num_requests - num_completed_ - board_.queue_length));
    }
  }

  ClusterConfig config_;
  ReplicaContext context_;
  RequestTable table_;
  detail::Board board_;
  ClusterView view_;
  Policy* policy_ = nullptr;
  std::vector<Replica> replicas_;
  EndTimes ends_;
  RequestId next_arrival_ = 0;
  std::int64_t num_steps_ = 0;
  std::int64_t num_completed_ = 0;
  Time makespan_ = 0;
  std::int32_t caller_ = -1;
  std::vector<std::int32_t> ended_;     // at this instant, in order of creation
  std::vector<Item> items_;             // the FIFO of this instant
  std::size_t item_ = 0;                // that runs
  std::vector<std::int32_t> received_;  // replicas that the running policy call assigned to
  std::vector<RequestId> completed_;
  std::vector<ReplicaState> states_;  // of a sample
  std::vector<double> scores_;        // of a decision that is observed
};

}  // namespace switchyard
