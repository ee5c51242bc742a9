#include <algorithm>

#include "policies/compose/setting.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// Time to work off what it has, and a penalty that grows without bound as its KV cache fills.
class LeastLoad final : public Scoring {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    tokens_ = 0;
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void completed(const CompletedRequest& request) override {
    tokens_ += request.num_prefill_tokens + request.num_decode_tokens;
  }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    const auto tokens =
        static_cast<double>(state.waiting_prefill_tokens + state.remaining_prefill_tokens + state.decoding_kv_tokens);
    const double use = std::min(kv_use(state), 0.999);
    return {tokens / throughput() + kv_weight_ * use / (1 - use), 0};
  }
  double kv_weight_ = 0.15;

 private:
  // Tokens per second of a replica: what has been completed so far, and 1000 tokens in a first second that never was.
  double throughput() const {
    const double replicas = scene_->cluster().num_replicas();
    return (1000.0 + static_cast<double>(tokens_) / replicas) / (1.0 + seconds_from_ticks(scene_->cluster().now()));
  }
  std::int64_t tokens_ = 0;  // of completed requests
};

class CacheAware final : public Scoring {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    routed_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), 0);
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    routed_[static_cast<std::size_t>(replica)] += request.num_prefill_tokens;
  }
  void look(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    std::int32_t most = 0;
    std::int32_t least = INT32_MAX;
    for (const std::int32_t replica : candidates) {
      most = std::max(most, scene_->cluster().outstanding(replica));
      least = std::min(least, scene_->cluster().outstanding(replica));
    }
    imbalanced_ = most - least > balance_abs_ && most > balance_rel_ * least;
  }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    if (imbalanced_) return {static_cast<double>(scene_->cluster().outstanding(replica)), 0};
    return {static_cast<double>(routed_[static_cast<std::size_t>(replica)]), 0};
  }
  std::int32_t balance_abs_ = 64;
  double balance_rel_ = 1.5;

 private:
  bool imbalanced_ = false;
  std::vector<std::int64_t> routed_;  // prompt tokens
};

}  // namespace

std::vector<PolicyInfo> sglang_policies() {
  return {
      setting("sglang_power_of_two",
              "SGLang gateway: the less loaded of two different random workers. Reads requests in flight.",
              "sgl-project/sglang, sgl-router/src/policies/power_of_two.rs")
          .fix("place", "power_of_d")
          .done(),
      greedy<LeastLoad>(
          "sglang_least_load",
          "SGLang gateway: least (queued + in-flight tokens) / throughput + kv_weight * k / (1 - k), k the "
          "share of KV in use. Reads tokens, KV use, and the throughput of completed requests.",
          "SGLang gateway, policy least_load")
          .real(&LeastLoad::kv_weight_, "kv_weight", 0.15, 0.0, 4.0, ParamScale::linear, "weight of KV use, s")
          .done(),
      greedy<CacheAware>("sglang_cache_aware",
                         "SGLang gateway's default, its load-balancing part only: if the loads differ by more than "
                         "balance_abs and balance_rel times, the shortest queue; else the worker with the smallest "
                         "prefix tree, here the fewest prompt tokens routed to it. Left out: prefix matches, eviction "
                         "from the tree.",
                         "sgl-project/sglang, sgl-router/src/policies/cache_aware.rs")
          .integer(&CacheAware::balance_abs_, "balance_abs", 64, 0, 1024, ParamScale::linear,
                   "imbalanced if the loads differ by more requests than this")
          .real(&CacheAware::balance_rel_, "balance_rel", 1.5, 1.0, 10.0, ParamScale::linear,
                "and the largest is more than this times the smallest")
          .done(),
  };
}

}  // namespace switchyard
