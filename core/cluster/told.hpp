// What a policy is told beyond arrivals and completions, and what is kept for it.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <deque>
#include <stdexcept>
#include <vector>

#include "core/api/signals.hpp"
#include "core/cluster/kv/kv_change.hpp"

namespace switchyard {

// Replicas report their throughput this often where signals are live, as vLLM logs it.
inline constexpr Time kReportPeriod = 10 * kTicksPerSecond;

class Told {
 public:
  // Throws std::logic_error if the policy asks for what there is not.
  void reset(const Subscription& asks, std::int32_t num_replicas) {
    asks_ = asks;
    if (asks.every != 0 && asks.every < kShortestTimer) {
      throw std::logic_error(fmt::format("policy asked for a timer of {} ticks; the shortest is 1 ms, {} ticks",
                                         asks.every, kShortestTimer));
    }
    const auto n = static_cast<std::size_t>(num_replicas);
    kv_changes_.resize(n);
    for (KvChanges& changes : kv_changes_) changes.clear();
    kv_under_way_.resize(n);
    for (auto& changes : kv_under_way_) changes.clear();
    reports_.assign(n, {});
  }
  const Subscription& asks() const { return asks_; }

  // By replica: what has not been told yet, and what is on its way to the routers.
  KvChanges* kv_changes() { return kv_changes_.data(); }
  std::deque<KvChanges>& kv_under_way(std::int32_t replica) { return kv_under_way_[static_cast<std::size_t>(replica)]; }

  // Output tokens of requests that completed there.
  void add_completed(std::int32_t replica, std::int64_t tokens) { at(replica).completed_tokens += tokens; }
  // A reporting period ends; requests that are there have `tokens_so_far` output tokens.
  void report(std::int32_t replica, std::int64_t tokens_so_far, Time now) {
    Report& last = at(replica);
    const std::int64_t tokens = last.completed_tokens + tokens_so_far;
    last.throughput = static_cast<double>(tokens - last.reported_tokens) / seconds_from_ticks(now - last.reported_at);
    last.reported_tokens = tokens;
    last.reported_at = now;
  }
  double throughput(std::int32_t replica) const { return reports_[static_cast<std::size_t>(replica)].throughput; }

 private:
  struct Report {
    std::int64_t completed_tokens = 0;
    std::int64_t reported_tokens = 0;  // all, at the end of the last period
    Time reported_at = 0;
    double throughput = 0;
  };
  Report& at(std::int32_t replica) { return reports_[static_cast<std::size_t>(replica)]; }

  Subscription asks_;
  std::vector<KvChanges> kv_changes_;
  std::vector<std::deque<KvChanges>> kv_under_way_;  // by replica, a step's at a time
  std::vector<Report> reports_;
};

}  // namespace switchyard
