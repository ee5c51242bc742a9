// A policy for comparing kernels.
#pragma once

#include "core/api/policy.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

// Asks for everything that a view offers and mixes it into every decision, so that any difference between the kernels'
// views shows in the results.
class Curious final : public Policy {
 public:
  explicit Curious(const Subscription& asks = {}) : asks_(asks) {}

  // Half of them ask for no more than it needs, the others for any of it.
  static Subscription random_subscription(WorkloadRandom& random) {
    Subscription asks{.requests = true};
    if (random.below(2) == 0) return asks;
    asks.first_tokens = random.below(2) == 0;
    asks.polls = random.below(2) == 0;
    asks.every = random.below(2) == 0 ? 0 : static_cast<Time>(1 + random.below(20)) * kShortestTimer;
    asks.waiting_uncached = random.below(2) == 0;
    asks.throughput = random.below(2) == 0;
    return asks;
  }

  Subscription subscription() const override { return asks_; }
  void on_first_token(const FirstToken& token) override {
    mix(token.id + 5 * token.replica);
    mix(token.at);
  }
  void on_poll(const ClusterView& cluster, std::int32_t replica) override { look(cluster, replica); }
  void on_timer(const ClusterView& cluster) override {
    mix(cluster.now());
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) look(cluster, r);
  }
  void start(const ClusterView& cluster, std::uint64_t seed) override {
    hash_ = 1;
    view_ = &cluster;
    mix(cluster.router() + 100 * cluster.num_routers());
    mix(static_cast<std::int64_t>(seed));
  }
  // Before the policy call that follows, and as it will see it.
  void on_arrival(const QueuedRequest&) override {
    for (std::int32_t r = 0; r < view_->num_replicas(); ++r) look(*view_, r);
  }
  void on_prefilled(const QueuedRequest& request) override { mix(request.id + 11 * request.prefilled_on); }
  void on_completion(const CompletedRequest& request) override { mix(request.id + 7 * request.replica); }
  void on_loss(const CompletedRequest& request) override {
    mix(request.id + 11 * request.replica);
    mix(request.num_decode_tokens);
  }
  void on_fleet(const ClusterView& cluster, std::int32_t replica) override {
    mix(cluster.accepts(replica) ? replica : -1 - replica);
  }
  void schedule(ClusterView& cluster) override {
    cluster.prefix_holders(cluster.first_queued(), holders_);
    for (const PrefixHolder& holder : holders_) mix(holder.replica + 3 * holder.num_tokens);
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) {
      look(cluster, r);
      mix(cluster.cached_tokens(cluster.first_queued(), r));
    }
    while (!cluster.queue_empty() && (hash_ >> 11) % 4 != 0) {
      const std::int32_t replica =
          able(cluster, static_cast<std::int32_t>((hash_ >> 20) % static_cast<std::uint64_t>(cluster.num_replicas())));
      if (replica < 0 || !send(cluster, replica)) break;
      mix(3);
    }
    if (cluster.queue_empty()) return;
    // Held for now; but never for good.
    std::int32_t first = able(cluster, 0);
    if (first < 0) return;
    if (cluster.queue_length() > 3) send(cluster, first);
    bool idle = true;
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) idle = idle && cluster.outstanding(r) == 0;
    if (idle && !cluster.queue_empty() && (first = able(cluster, 0)) >= 0) {
      send(cluster, first);
    }
  }

 private:
  // The next replica from this one on that can serve the first request; -1: none.
  static std::int32_t able(const ClusterView& cluster, std::int32_t from) {
    for (std::int32_t i = 0; i < cluster.num_replicas(); ++i) {
      const std::int32_t replica = (from + i) % cluster.num_replicas();
      if (cluster.can_serve(cluster.first_queued(), replica)) return replica;
    }
    return -1;
  }

  // The front of the queue to a replica, or, where prefill and decode are apart, to one that can take it. False if no
  // replica that decodes does.
  bool send(ClusterView& cluster, std::int32_t replica) {
    const RequestId id = cluster.first_queued();
    if (!cluster.is_split()) {
      cluster.assign(id, replica);
      return true;
    }
    std::int32_t decode = replica;
    for (std::int32_t i = 0; cluster.role(decode) == Role::prefill || !cluster.can_serve(id, decode); ++i) {
      if (i == cluster.num_replicas()) return false;
      decode = (decode + 1) % cluster.num_replicas();
    }
    if (cluster.queued(id).prefilled_on >= 0) {
      cluster.assign(id, decode);
    } else if (cluster.role(replica) == Role::prefill && (hash_ >> 13) % 2 != 0) {
      cluster.assign(id, replica, decode);
    } else {
      cluster.assign(id, replica);
    }
    return true;
  }
  void look(const ClusterView& cluster, std::int32_t r) {
    const ReplicaState s = cluster.state(r);
    for (const std::int64_t value :
         {std::int64_t{s.num_waiting}, std::int64_t{s.num_running}, std::int64_t{s.num_prefilling},
          s.waiting_prefill_tokens, s.remaining_prefill_tokens, s.decoding_kv_tokens, s.generated_tokens,
          std::int64_t{s.blocks_used}, std::int64_t{s.blocks_cached}, std::int64_t{static_cast<int>(s.batch_kind)},
          s.batch_started_at, std::int64_t{s.batch_prefill_tokens}, std::int64_t{s.batch_decodes}, s.taken_at,
          s.waiting_uncached_tokens, static_cast<std::int64_t>(8 * s.generation_throughput)}) {
      mix(value);
    }
    mix(cluster.num_waiting(r));
    for (const ResidentRequest& request : cluster.waiting(r)) mix(request.id + request.num_prefill_tokens);
    for (const ResidentRequest& request : cluster.running(r)) {
      mix(request.id + request.num_processed_tokens + (request.prefill_complete ? 1 : 0));
      mix(request.num_prefill_tokens);
    }
  }

  void mix(std::int64_t value) {
    hash_ = (hash_ ^ static_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15ULL;
    hash_ ^= hash_ >> 29;
  }
  Subscription asks_;
  const ClusterView* view_ = nullptr;
  std::vector<PrefixHolder> holders_;
  std::uint64_t hash_ = 1;
};

}  // namespace switchyard
