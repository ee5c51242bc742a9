// What the parts of one composed policy share: the view, each replica's state, what has been learned of outputs.
#pragma once

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "core/api/policy.hpp"
#include "policies/compose/kv_forecast.hpp"
#include "policies/compose/sent_work.hpp"
#include "policies/learning/output_lengths.hpp"

namespace switchyard {

class Scene {
 public:
  // Set before the first replay; kept from replay to replay.
  std::unique_ptr<OutputLengths> lengths;  // null if no part asks
  KvForecast forecast;
  std::unique_ptr<SentWork> sent;  // null if no part asks

  void start(const ClusterView& cluster) {
    cluster_ = &cluster;
    call_ = 0;
    num_arrived_ = 0;
    prompts_ = 0;
    const auto num_replicas = static_cast<std::size_t>(cluster.num_replicas());
    states_.assign(num_replicas, Entry{});
    if (sent) {
      sent->start(cluster);
      loads_.assign(num_replicas, Load{});
      cached_.assign(num_replicas, 0);
      cached_of_ = -1;
    }
    if (lengths) lengths->start();
    forecast.start(*this);
  }
  void arrived(const QueuedRequest& request) {
    ++num_arrived_;
    prompts_ += request.num_prefill_tokens;
  }
  void observe(const CompletedRequest& request) {
    if (sent) sent->completed(request);
    if (!lengths) return;
    lengths->observe(request);
    forecast.learned();
  }
  // One that was lost tells nothing of how long outputs are.
  void lose(const CompletedRequest& request) {
    if (sent) sent->completed(request);
  }
  void begin_call(const ClusterView& cluster) {
    cluster_ = &cluster;
    ++call_;
  }
  // The request is about to be assigned.
  void assigning(const QueuedRequest& request, std::int32_t replica) {
    if (!sent) return;
    sent->sent(request, replica, uncached(request, replica), prefill(request, replica),
               lengths ? lengths->expected(request) : 0.0, cluster_->now());
  }
  void assigned(const QueuedRequest& request, std::int32_t replica) {
    states_[static_cast<std::size_t>(replica)].call = -1;
    if (sent) loads_[static_cast<std::size_t>(replica)].call = -1;
    forecast.assigned(request, replica);
  }

  const ClusterView& cluster() const { return *cluster_; }
  std::int64_t call() const { return call_; }  // counts the calls of this replay

  // Mean prompt of the requests that have arrived, tokens; before any has, 512, which counts as much as 4 requests.
  std::int64_t mean_prompt() const { return (4 * 512 + prompts_) / (4 + num_arrived_); }

  // Read once a call, and again after an assignment to the replica.
  const ReplicaState& state(std::int32_t replica) {
    Entry& entry = states_[static_cast<std::size_t>(replica)];
    if (entry.call != call_) {
      entry.call = call_;
      // Made in its place: it is read at once, and a copy of what was written a moment ago field by field would wait.
      ::new (static_cast<void*>(&entry.state)) ReplicaState(cluster_->state(replica));
      entry.step_ticks = -1;
    }
    return entry.state;
  }

  // A decode step, in ticks, of the requests that a replica has once all are prefilled, `more` with `more_kv` tokens
  // included. At the batch size cap the others wait. Computed once a state where there are no more.
  double step_ticks(std::int32_t replica) {
    state(replica);
    Entry& entry = states_[static_cast<std::size_t>(replica)];
    if (entry.step_ticks < 0) entry.step_ticks = step_ticks(replica, 0, 0);
    return entry.step_ticks;
  }
  double step_ticks(std::int32_t replica, std::int32_t more, std::int64_t more_kv) {
    const ReplicaState& now = state(replica);
    const std::int32_t requests = now.outstanding() + more;
    if (requests == 0) return 0.0;
    const std::int64_t kv =
        now.decoding_kv_tokens + now.waiting_prefill_tokens + now.remaining_prefill_tokens + more_kv;
    const std::int32_t batch = std::min(requests, cluster_->limits(replica).batch_size_cap);
    return static_cast<double>(cluster_->batch_times(replica).decode(batch, kv * batch / requests));
  }

  // Where `sent` is set: the replica's load, and the prompt tokens of a queued request that it has not cached, with the
  // ticks that it needs to compute them. The last block is computed even if it is cached.
  const ReplicaLoad& load(std::int32_t replica) {
    Load& entry = loads_[static_cast<std::size_t>(replica)];
    if (entry.call != call_) {
      entry.call = call_;
      entry.load = sent->load(*cluster_, replica);
    }
    return entry.load;
  }
  std::int32_t uncached(const QueuedRequest& request, std::int32_t replica) {
    return std::max(1, request.num_prefill_tokens - cached(request, replica));
  }
  double prefill(const QueuedRequest& request, std::int32_t replica) {
    const BatchTimes times = cluster_->batch_times(replica);
    const std::int32_t there = std::min(cached(request, replica), request.num_prefill_tokens - 1);
    // What is cached is read all the same: each further token attends to it.
    const Time rest = times.prefill(request.num_prefill_tokens) - times.prefill(there);
    return static_cast<double>(std::max(rest, times.prefill(uncached(request, replica))));
  }

 private:
  struct Load {
    std::int64_t call = -1;
    ReplicaLoad load;
  };
  std::int32_t cached(const QueuedRequest& request, std::int32_t replica) {
    if (cached_of_ != request.id || cached_call_ != call_) {
      cached_of_ = request.id;
      cached_call_ = call_;
      std::fill(cached_.begin(), cached_.end(), 0);
      cluster_->prefix_holders(request.id, holders_);
      for (const PrefixHolder& holder : holders_) cached_[static_cast<std::size_t>(holder.replica)] = holder.num_tokens;
    }
    return cached_[static_cast<std::size_t>(replica)];
  }

  struct Entry {
    std::int64_t call = -1;
    ReplicaState state;
    double step_ticks = -1;  // of the requests there; negative: not computed yet
  };
  const ClusterView* cluster_ = nullptr;
  std::int64_t call_ = 0;
  std::vector<Entry> states_;
  std::int64_t num_arrived_ = 0;
  std::int64_t prompts_ = 0;  // tokens

  std::vector<Load> loads_;           // of this call
  std::vector<std::int32_t> cached_;  // prompt tokens of that request, by replica
  RequestId cached_of_ = -1;
  std::int64_t cached_call_ = -1;
  std::vector<PrefixHolder> holders_;
};

}  // namespace switchyard
