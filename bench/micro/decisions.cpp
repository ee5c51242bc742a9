// BM_Decision/<policy>/replicas:R: one request arrives at a loaded cluster and is placed. The cluster stands still, so
// every call finds the same. Checked: the request goes to a replica that exists; for policies
// whose rule is plain, to the one that a scan of all replicas finds.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "bench/micro/experiments.hpp"
#include "policies/registry.hpp"

namespace switchyard {
namespace {

// A cluster that holds requests, but never moves.
class StandingCluster final : public detail::Observatory {
 public:
  explicit StandingCluster(std::int32_t num_replicas)
      : experiment_(experiment_of("azure-conv")),
        view_(board_, *this),
        request_{.arrived_at = kTicksPerSecond, .id = 0, .num_prefill_tokens = 700} {
    const auto replicas = static_cast<std::size_t>(num_replicas);
    board_.now = kTicksPerSecond;
    board_.books.requests = {&request_, 1};
    board_.books.lifecycle = {&queued_, 1};
    board_.books.next = {-1, -1};
    board_.books.previous = {-1, -1};
    board_.published.least_waiting.reset(replicas);
    board_.books.least_outstanding.reset(replicas);
    for (std::int32_t r = 0; r < num_replicas; ++r) {
      const std::int32_t waiting = (r * 7 + 3) % 5;
      const std::int32_t running = 10 + (r * 13) % 23;
      waiting_.emplace_back();
      running_.emplace_back();
      ReplicaState state;
      for (std::int32_t i = 0; i < waiting; ++i) {
        waiting_.back().push_back({.id = i, .num_prefill_tokens = 500, .original_prefill_tokens = 500});
        state.waiting_prefill_tokens += 500;
      }
      for (std::int32_t i = 0; i < running; ++i) {
        const std::int32_t processed = 800 + i;
        running_.back().push_back({.id = i,
                                   .num_prefill_tokens = 700,
                                   .original_prefill_tokens = 700,
                                   .num_processed_tokens = processed,
                                   .prefill_complete = true});
        state.decoding_kv_tokens += processed;
        state.generated_tokens += processed - 700;
        state.blocks_used += (processed + 15) / 16;
      }
      state.num_waiting = waiting;
      state.num_running = running;
      state.num_blocks = experiment_.cluster().kind(0).limits().num_blocks;
      state.batch_kind = BatchKind::decode;
      state.batch_decodes = running;
      state.batch_started_at = board_.now - 1'000'000;
      states_.push_back(state);
      board_.published.num_waiting.push_back(waiting);
      board_.books.outstanding.push_back(waiting + running);
    }
  }

  // The replica that the policy picks for the request, -1 if it holds it.
  std::int32_t decide(Policy& policy) {
    placed_ = -1;
    board_.books.next[0] = board_.books.previous[0] = 0;
    board_.books.queue_length = 1;
    policy.on_arrival(request_);
    policy.schedule(view_);
    return placed_;
  }
  const ClusterView& view() const { return view_; }

  ReplicaState state_of(std::int32_t replica) override { return states_[static_cast<std::size_t>(replica)]; }
  void waiting_of(std::int32_t replica, std::vector<ResidentRequest>& out) override {
    out = waiting_[static_cast<std::size_t>(replica)];
  }
  void running_of(std::int32_t replica, std::vector<ResidentRequest>& out) override {
    out = running_[static_cast<std::size_t>(replica)];
  }
  std::int32_t cached_tokens_of(RequestId, std::int32_t) override { return 0; }
  const ReplicaLimits& limits_of(std::int32_t) const override { return experiment_.cluster().kind(0).limits(); }
  const CostModel& cost_of(std::int32_t) const override { return experiment_.cluster().kind(0).cost(); }
  void assign(RequestId, std::int32_t replica) override {
    placed_ = replica;
    board_.books.next[0] = board_.books.previous[0] = -1;
    board_.books.queue_length = 0;
  }

 private:
  const Experiment& experiment_;
  detail::Board board_;
  ClusterView view_;
  QueuedRequest request_;
  const detail::Lifecycle queued_ = detail::Lifecycle::queued;
  std::vector<ReplicaState> states_;
  std::vector<std::vector<ResidentRequest>> waiting_, running_;
  std::int32_t placed_ = -1;
};

// What a plain rule must decide; -1 if the rule is not plain.
std::int32_t known_answer(const std::string& policy, const ClusterView& view) {
  std::int32_t best = 0;
  for (std::int32_t r = 1; r < view.num_replicas(); ++r) {
    if (policy == "llq" && view.outstanding(r) < view.outstanding(best)) best = r;
    if (policy == "lor" && view.num_waiting(r) < view.num_waiting(best)) best = r;
  }
  return policy == "llq" || policy == "lor" ? best : -1;
}

void decide(benchmark::State& state, const PolicyInfo& info) {
  StandingCluster cluster(static_cast<std::int32_t>(state.range(0)));
  const auto policy = info.make(default_values(info.params));
  policy->start(cluster.view(), 1);
  const std::int32_t first = cluster.decide(*policy);
  const std::int32_t expected = known_answer(info.name, cluster.view());
  if (first < 0 || first >= state.range(0) || (expected >= 0 && first != expected)) {
    state.SkipWithError("the request was not placed, or on the wrong replica");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(cluster.decide(*policy));
}

const bool registered = [] {
  for (const PolicyInfo& info : registered_policies()) {
    if (info.clairvoyant) continue;
    benchmark::RegisterBenchmark(("BM_Decision/" + info.name).c_str(), decide, std::cref(info))
        ->ArgName("replicas")
        ->Arg(4)
        ->Arg(1000);
  }
  return true;
}();

}  // namespace
}  // namespace switchyard
