// What the parts of one composed policy share: the view, each replica's state, what has been learned of outputs.
#pragma once

#include <memory>
#include <vector>

#include "core/api/policy.hpp"
#include "policies/compose/kv_forecast.hpp"
#include "policies/learning/output_lengths.hpp"

namespace switchyard {

class Scene {
 public:
  // Set before the first replay; kept from replay to replay.
  std::unique_ptr<OutputLengths> lengths;  // null if no part asks
  KvForecast forecast;

  void start(const ClusterView& cluster) {
    cluster_ = &cluster;
    call_ = 0;
    num_arrived_ = 0;
    prompts_ = 0;
    states_.assign(static_cast<std::size_t>(cluster.num_replicas()), Entry{});
    if (lengths) lengths->start();
    forecast.start(*this);
  }
  void arrived(const QueuedRequest& request) {
    ++num_arrived_;
    prompts_ += request.num_prefill_tokens;
  }
  void observe(const CompletedRequest& request) {
    if (!lengths) return;
    lengths->observe(request);
    forecast.learned();
  }
  void begin_call(const ClusterView& cluster) {
    cluster_ = &cluster;
    ++call_;
  }
  void assigned(const QueuedRequest& request, std::int32_t replica) {
    states_[static_cast<std::size_t>(replica)].call = -1;
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
      entry.state = cluster_->state(replica);
    }
    return entry.state;
  }

 private:
  struct Entry {
    std::int64_t call = -1;
    ReplicaState state;
  };
  const ClusterView* cluster_ = nullptr;
  std::int64_t call_ = 0;
  std::vector<Entry> states_;
  std::int64_t num_arrived_ = 0;
  std::int64_t prompts_ = 0;  // tokens
};

}  // namespace switchyard
