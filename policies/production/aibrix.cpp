#include <algorithm>
#include <cmath>

#include "policies/compose/setting.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

class LeastKv final : public Scoring {
 public:
  Score score(const QueuedRequest&, std::int32_t replica) override { return {kv_use(scene_->state(replica)), 0}; }
};

// Weighs the past down by half every `half_life` seconds.
double kept(Time since, Time now, double half_life) { return std::exp2(-seconds_from_ticks(now - since) / half_life); }

// Share of the time that a replica had work: with requests it computes, without it does not.
class LeastBusyTime final : public Scoring {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    replicas_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), Busy{});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void assigned(const QueuedRequest&, std::int32_t replica) override { change(replica, +1); }
  void completed(const CompletedRequest& request) override { change(request.replica, -1); }
  Score score(const QueuedRequest&, std::int32_t replica) override { return {share_now(at(replica)), 0}; }
  double half_life_ = 30.0;

 private:
  struct Busy {
    Time since = 0;  // of `share`
    double share = 0.0;
    std::int32_t outstanding = 0;
  };
  Busy& at(std::int32_t replica) { return replicas_[static_cast<std::size_t>(replica)]; }
  double share_now(const Busy& busy) const {
    const double now = busy.outstanding > 0 ? 1.0 : 0.0;
    return now + (busy.share - now) * kept(busy.since, scene_->cluster().now(), half_life_);
  }
  void change(std::int32_t replica, std::int32_t by) {
    Busy& busy = at(replica);
    busy.share = share_now(busy);
    busy.since = scene_->cluster().now();
    busy.outstanding += by;
  }
  std::vector<Busy> replicas_;
};

// What completed requests of the replica took on average, corrected for how long its prompts and outputs were.
class LeastLatency final : public Scoring {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    replicas_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), Totals{});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void completed(const CompletedRequest& request) override {
    Totals& totals = replicas_[static_cast<std::size_t>(request.replica)];
    ++totals.count;
    totals.queued_s += seconds_from_ticks(request.scheduled_at - request.arrived_at);
    totals.prefill_s += seconds_from_ticks(request.first_token_at - request.scheduled_at);
    totals.decode_s += seconds_from_ticks(request.completed_at - request.first_token_at);
    totals.prompt += request.num_prefill_tokens;
    totals.outputs += request.num_decode_tokens;
  }
  void look(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    double prompt = 0;
    double outputs = 0;
    int known = 0;
    for (const std::int32_t replica : candidates) {
      const Totals& totals = replicas_[static_cast<std::size_t>(replica)];
      if (totals.count == 0) continue;
      ++known;
      prompt += totals.prompt / static_cast<double>(totals.count);
      outputs += totals.outputs / static_cast<double>(totals.count);
    }
    prompt_ = known > 0 ? prompt / known : 10.0;
    outputs_ = known > 0 ? outputs / known : 100.0;
  }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const Totals& totals = replicas_[static_cast<std::size_t>(replica)];
    if (totals.count == 0) return {0, 0};
    return {totals.queued_s / static_cast<double>(totals.count) + totals.prefill_s / totals.prompt * prompt_ +
                totals.decode_s / totals.outputs * outputs_,
            0};
  }

 private:
  struct Totals {
    std::int64_t count = 0;
    double queued_s = 0, prefill_s = 0, decode_s = 0, prompt = 0, outputs = 0;
  };
  std::vector<Totals> replicas_;
  double prompt_ = 0.0;  // tokens, means over the replicas
  double outputs_ = 0.0;
};

// Tokens that a replica has processed of late, a prompt token counted as prompt_weight generated ones.
class Throughput final : public Scoring {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    replicas_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), Done{});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void completed(const CompletedRequest& request) override {
    Done& done = replicas_[static_cast<std::size_t>(request.replica)];
    const Time now = scene_->cluster().now();
    done.tokens = done.tokens * kept(done.since, now, half_life_) + prompt_weight_ * request.num_prefill_tokens +
                  request.num_decode_tokens;
    done.since = now;
  }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const Done& done = replicas_[static_cast<std::size_t>(replica)];
    const ReplicaState& state = scene_->state(replica);
    const auto generated = static_cast<double>(state.generated_tokens);
    const auto prompts = static_cast<double>(state.decoding_kv_tokens) - generated;
    return {done.tokens * kept(done.since, scene_->cluster().now(), half_life_) + prompt_weight_ * prompts + generated,
            0};
  }
  double prompt_weight_ = 2.0;
  double half_life_ = 30.0;

 private:
  struct Done {
    Time since = 0;
    double tokens = 0.0;
  };
  std::vector<Done> replicas_;
};

}  // namespace

std::vector<PolicyInfo> aibrix_policies() {
  const std::string folder = "vllm-project/aibrix, pkg/plugins/gateway/algorithms/";
  return {
      setting("aibrix_least_request", "AIBrix: fewest requests in flight.", folder + "least_request.go")
          .fix("place", "outstanding")
          .done(),
      greedy<LeastKv>(
          "aibrix_least_kv",
          "AIBrix: least KV cache in use. Reads blocks of running requests; waiting ones do not count. Left "
          "out: the CPU cache.",
          folder + "least_kv_cache.go")
          .done(),
      greedy<LeastBusyTime>(
          "aibrix_least_busy_time",
          "AIBrix: least GPU busy time. Here the share of time with requests, as the router sees them "
          "come and go, the past weighed down.",
          folder + "least_busy_time.go")
          .real(&LeastBusyTime::half_life_, "half_life", 30.0, 0.1, 1000.0, ParamScale::log,
                "s in which the past loses half its weight")
          .done(),
      greedy<LeastLatency>(
          "aibrix_least_latency",
          "AIBrix: least expected latency: mean time in the queue, mean prefill time per prompt token "
          "and mean decode time per output of the replica's completed requests, at the mean lengths of "
          "all replicas. Lifetime means: it learns slowly, and herds.",
          folder + "least_latency.go")
          .done(),
      greedy<Throughput>(
          "aibrix_throughput",
          "AIBrix: least weighted tokens processed, 2 * prompt + generated, the past weighed down. Reads "
          "completed requests and the context of running ones.",
          folder + "throughput.go")
          .real(&Throughput::prompt_weight_, "prompt_weight", 2.0, 0.0, 16.0, ParamScale::linear,
                "generated tokens that a prompt token counts as")
          .real(&Throughput::half_life_, "half_life", 30.0, 0.1, 1000.0, ParamScale::log,
                "s in which the past loses half its weight")
          .done(),
  };
}

}  // namespace switchyard
