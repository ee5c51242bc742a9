// What happens to a cluster from outside its replicas, and when.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "core/api/views.hpp"

namespace switchyard {

// External events in order of (time, kind, number). Arrivals that are known before the run are a cursor through the
// workload, all else is a small heap, later turns of sessions among it. An external event comes before the batch ends
// of its instant, however late it was added: so replicas that leap need not know about it.
class Agenda {
 public:
  // In the order in which they happen at an instant. Their numbers: those of the row (of an arrival), the request, the
  // replica, the router or the plan.
  // Snapshots, polls, reports and timers are the clock's own events: nothing happens by them alone.
  enum class Kind : std::uint8_t {
    arrival,
    first_token,  // a router sees it, or the end of an answer
    completion,
    prefilled,  // a router has a request's first token from a prefill replica
    delivery,   // a request comes to its replica
    transfer,   // some transfer of KV may have ended
    fleet,      // something that the operator of the cluster has planned (FleetOperator)
    snapshot,   // a replica takes one of itself; routers can read it
    poll,
    kv_event,  // routers are told
    report,    // of throughput
    timer,     // of a policy
    decision,  // a policy call has been served its time
  };

  struct Event {
    Time at = kNever;
    Kind kind = Kind::arrival;
    std::int32_t number = 0;

    friend bool operator<(const Event& a, const Event& b) {
      return std::tie(a.at, a.kind, a.number) < std::tie(b.at, b.kind, b.number);
    }
  };

  // `arrivals` outlives the run; their times do not decrease. Those that say kNever are not known yet, and are added
  // when they are.
  void reset(std::span<const QueuedRequest> arrivals) {
    arrivals_ = arrivals;
    num_arrived_ = 0;
    skip_unknown();
    added_.clear();
    taken_at_ = 0;
    next_at_ = next_arrival().at;
  }

  // An event that was not known before the run. It may be at this instant, never before what was taken last.
  void add(const Event& event) {
    assert(event.at >= taken_at_);
    added_.push_back(event);
    std::push_heap(added_.begin(), added_.end(), later);
    next_at_ = std::min(next_at_, event.at);
  }

  // How many events there are but for these.
  bool has_more_than(std::size_t num_events) const {
    return arrivals_.size() - num_arrived_ + added_.size() > num_events;
  }

  Time next_at() const { return next_at_; }  // kNever if nothing is to come

  // The next event, which is then past. There is one.
  Event take() {
    Event event = next_arrival();
    if (!added_.empty() && added_.front() < event) {
      event = added_.front();
      std::pop_heap(added_.begin(), added_.end(), later);
      added_.pop_back();
    } else {
      ++num_arrived_;
      skip_unknown();
    }
    next_at_ = next_arrival().at;
    if (!added_.empty()) next_at_ = std::min(next_at_, added_.front().at);
    assert(event.at != kNever);
    taken_at_ = event.at;
    return event;
  }

  // The same where nothing was added: the request that arrives.
  std::int32_t take_arrival() {
    assert(added_.empty() && num_arrived_ < arrivals_.size());
    const auto id = static_cast<std::int32_t>(num_arrived_++);
    next_at_ = num_arrived_ < arrivals_.size() ? arrivals_[num_arrived_].arrived_at : kNever;
    return id;
  }

 private:
  static bool later(const Event& a, const Event& b) { return b < a; }
  void skip_unknown() {
    while (num_arrived_ < arrivals_.size() && arrivals_[num_arrived_].arrived_at == kNever) ++num_arrived_;
  }
  Event next_arrival() const {
    if (num_arrived_ == arrivals_.size()) return {};
    return {arrivals_[num_arrived_].arrived_at, Kind::arrival, static_cast<std::int32_t>(num_arrived_)};
  }

  std::span<const QueuedRequest> arrivals_;
  std::size_t num_arrived_ = 0;
  std::vector<Event> added_;  // a heap, the earliest in front
  Time next_at_ = kNever;
  Time taken_at_ = 0;
};

}  // namespace switchyard
