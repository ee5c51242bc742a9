// AIBrix's routing algorithms that go by load.
#include <algorithm>
#include <cmath>

#include "policies/fifo.hpp"
#include "policies/picking/ties.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// The gateway scores the pods for which it has the metrics, and takes a random one if it has none.
class AibrixScored : public Placement {
 public:
  explicit AibrixScored(Ties rule, const char* name)
      : ties_(rule), name_(name), ties_name_(std::string(name) + " ties") {}
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    ties_.start(RandomStream(seed, ties_name_));
    stream_ = RandomStream(seed, name_);
  }
  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    look(candidates);
    known_.clear();
    scores_.clear();
    for (const std::int32_t replica : candidates) {
      const double value = score(replica);
      if (std::isnan(value)) continue;
      known_.push_back(replica);
      scores_.push_back({value, 0});
    }
    if (known_.empty()) {
      return candidates[static_cast<std::size_t>(stream_.below(static_cast<std::int32_t>(candidates.size())))];
    }
    return known_[ties_.least(scores_)];
  }
  void scores(const QueuedRequest&, std::span<const std::int32_t> candidates,
              std::vector<double>& scores) const override {
    auto& self = const_cast<AibrixScored&>(*this);
    self.look(candidates);
    for (const std::int32_t replica : candidates) scores.push_back(self.score(replica));
  }

 protected:
  static constexpr double kUnknown = NAN;
  virtual void look(std::span<const std::int32_t>) {}
  virtual double score(std::int32_t replica) = 0;  // kUnknown: it has no such metric
  std::int32_t in_flight(std::int32_t replica) const { return scene_->cluster().outstanding(replica); }

 private:
  TieBreaker ties_;
  const char* name_;       // of its random stream
  std::string ties_name_;  // and of the draws between ties
  RandomStream stream_;
  std::vector<std::int32_t> known_;
  std::vector<Score> scores_;
};

class AibrixLeastRequest final : public AibrixScored {
 public:
  AibrixLeastRequest() : AibrixScored(Ties::random, "aibrix_least_request") {}
  double score(std::int32_t replica) override { return in_flight(replica); }
};

class AibrixLeastKv final : public AibrixScored {
 public:
  AibrixLeastKv() : AibrixScored(Ties::last, "aibrix_least_kv") {}
  double score(std::int32_t replica) override { return kv_use(scene_->state(replica)); }
};

class AibrixLeastGpuCache final : public AibrixScored {
 public:
  AibrixLeastGpuCache() : AibrixScored(Ties::random, "aibrix_least_gpu_cache") {}
  double score(std::int32_t replica) override { return kv_use(scene_->state(replica)); }
};

// What the code says, and what it does: it asks for metrics that nothing fills in.
enum class AibrixForm { as_it_runs, as_written };

// Share of the time that a replica had work: with requests it computes, without it does not.
class AibrixLeastBusyTime final : public AibrixScored {
 public:
  AibrixLeastBusyTime() : AibrixScored(Ties::first, "aibrix_least_busy_time") {}
  void start(Scene& scene, std::uint64_t seed) override {
    AibrixScored::start(scene, seed);
    replicas_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), Busy{});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void assigned(const QueuedRequest&, std::int32_t replica) override { change(replica, +1); }
  void completed(const CompletedRequest& request) override { change(request.replica, -1); }
  double score(std::int32_t replica) override {
    return form_ == AibrixForm::as_it_runs ? kUnknown : share_now(at(replica));
  }
  AibrixForm form_ = AibrixForm::as_it_runs;
  double half_life_ = 30.0;

 private:
  struct Busy {
    Time since = 0;  // of `share`
    double share = 0.0;
    std::int32_t outstanding = 0;
  };
  Busy& at(std::int32_t replica) { return replicas_[static_cast<std::size_t>(replica)]; }
  // The past weighs half every half_life seconds.
  double share_now(const Busy& busy) const {
    const double now = busy.outstanding > 0 ? 1.0 : 0.0;
    const double kept = std::exp2(-seconds_from_ticks(scene_->cluster().now() - busy.since) / half_life_);
    return now + (busy.share - now) * kept;
  }
  void change(std::int32_t replica, std::int32_t by) {
    Busy& busy = at(replica);
    busy.share = share_now(busy);
    busy.since = scene_->cluster().now();
    busy.outstanding += by;
  }
  std::vector<Busy> replicas_;
};

// Lifetime means of what requests took on a replica; as written, corrected for how long its prompts and outputs were.
class AibrixLeastLatency final : public AibrixScored {
 public:
  AibrixLeastLatency() : AibrixScored(Ties::last, "aibrix_least_latency") {}
  void start(Scene& scene, std::uint64_t seed) override {
    AibrixScored::start(scene, seed);
    replicas_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), Totals{});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void completed(const CompletedRequest& request) override {
    Totals& totals = replicas_[static_cast<std::size_t>(request.replica)];
    totals.count += 1;
    totals.queued_s += seconds_from_ticks(request.scheduled_at - request.arrived_at);
    totals.prefill_s += seconds_from_ticks(request.first_token_at - request.scheduled_at);
    totals.decode_s += seconds_from_ticks(request.completed_at - request.first_token_at);
    totals.prompt += request.num_prefill_tokens;
    totals.outputs += request.num_decode_tokens;
  }
  void look(std::span<const std::int32_t> candidates) override {
    double known = 0;
    prompt_ = outputs_ = 0;
    for (const std::int32_t replica : candidates) {
      const Totals& totals = replicas_[static_cast<std::size_t>(replica)];
      if (totals.count == 0) continue;
      ++known;
      prompt_ += totals.prompt / totals.count;
      outputs_ += totals.outputs / totals.count;
    }
    prompt_ /= known;
    outputs_ /= known;
  }
  double score(std::int32_t replica) override {
    const Totals& totals = replicas_[static_cast<std::size_t>(replica)];
    if (totals.count == 0) return kUnknown;
    if (form_ == AibrixForm::as_it_runs) return totals.prefill_s / totals.count + totals.decode_s / totals.count;
    return totals.queued_s / totals.count + totals.prefill_s / totals.prompt * prompt_ +
           totals.decode_s / totals.outputs * outputs_;
  }
  AibrixForm form_ = AibrixForm::as_it_runs;

 private:
  struct Totals {
    double count = 0, queued_s = 0, prefill_s = 0, decode_s = 0, prompt = 0, outputs = 0;
  };
  std::vector<Totals> replicas_;
  double prompt_ = 0, outputs_ = 0;  // tokens, means over the replicas
};

// Mean tokens of a request of the last day, a prompt token counted as two generated ones.
class AibrixThroughput final : public AibrixScored {
 public:
  AibrixThroughput() : AibrixScored(Ties::random, "aibrix_throughput") {}
  void start(Scene& scene, std::uint64_t seed) override {
    AibrixScored::start(scene, seed);
    replicas_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), {});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void completed(const CompletedRequest& request) override {
    Day& day = replicas_[static_cast<std::size_t>(request.replica)];
    const double tokens = prompt_weight_ * request.num_prefill_tokens + request.num_decode_tokens;
    day.requests.push_back({request.completed_at, tokens});
    day.tokens += tokens;
  }
  double score(std::int32_t replica) override {
    if (form_ == AibrixForm::as_it_runs) return 0;  // what reads the two means gives 0 for all
    Day& day = replicas_[static_cast<std::size_t>(replica)];
    while (!day.requests.empty() && scene_->cluster().now() - day.requests.front().at > kDay) {
      day.tokens -= day.requests.front().tokens;
      day.requests.pop_front();
    }
    return day.requests.empty() ? kUnknown : day.tokens / static_cast<double>(day.requests.size());
  }
  AibrixForm form_ = AibrixForm::as_it_runs;
  double prompt_weight_ = 2.0;

 private:
  static constexpr Time kDay = 86400 * kTicksPerSecond;
  struct Done {
    Time at;
    double tokens;
  };
  struct Day {
    Fifo<Done> requests;
    double tokens = 0;
  };
  std::vector<Day> replicas_;
};

// Time to work off what is in flight, at the rate at which the pod has answered within the last minute.
class AibrixLoadBalance final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    done_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), {});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void completed(const CompletedRequest& request) override {
    done_[static_cast<std::size_t>(request.replica)].push_back(request.completed_at);
  }
  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    std::int32_t best = -1;
    Score least;
    for (const std::int32_t replica : candidates) {
      Fifo<Time>& done = done_[static_cast<std::size_t>(replica)];
      while (!done.empty() && scene_->cluster().now() - done.front() > kMinute) done.pop_front();
      const auto rate = static_cast<double>(std::max<std::size_t>(done.size(), 1)) / 60;
      const Score score{scene_->cluster().outstanding(replica) / rate, kv_use(scene_->state(replica))};
      if (best >= 0 && !(score < least)) continue;
      best = replica;
      least = score;
    }
    return best;
  }

 private:
  static constexpr Time kMinute = 60 * kTicksPerSecond;
  std::vector<Fifo<Time>> done_;  // when the requests of the last minute were answered, per replica
};

// The less loaded of two different random pods, the first drawn if they are equal.
class AibrixPowerOfTwo final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    stream_ = RandomStream(seed, "power_of_two");
  }
  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    const auto [first, second] = stream_.two_below(static_cast<std::int32_t>(candidates.size()));
    const std::int32_t a = candidates[static_cast<std::size_t>(first)];
    const std::int32_t b = candidates[static_cast<std::size_t>(second)];
    return scene_->cluster().outstanding(b) < scene_->cluster().outstanding(a) ? b : a;
  }

 private:
  RandomStream stream_;
};

}  // namespace

std::vector<PolicyInfo> aibrix_policies() {
  const std::string folder = "vllm-project/aibrix e3e10f9e, pkg/plugins/gateway/algorithms/";
  const auto form = [](auto declared, auto member, const char* doc) {
    declared.choice(member, "form", {"as_it_runs", "as_written"}, AibrixForm::as_it_runs, doc);
    return declared;
  };
  const char* form_text = "what the code does, or what it says; it asks for metrics that nothing fills in";
  return {
      greedy<AibrixLeastRequest>("aibrix_least_request", "AIBrix: fewest requests in flight, ties at random.",
                                 folder + "least_request.go")
          .reads({Signal::outstanding})
          .done(),
      greedy<AibrixLeastKv>(
          "aibrix_least_kv",
          "AIBrix: least KV cache in use, ties to the last pod. Reads blocks of running requests; waiting "
          "ones do not count. Left out: the CPU cache.",
          folder + "least_kv_cache.go")
          .reads({Signal::state}, 0.05)
          .done(),
      greedy<AibrixLeastGpuCache>("aibrix_least_gpu_cache", "AIBrix: least KV cache in use on the GPU, ties at random.",
                                  folder + "least_gpu_cache.go")
          .reads({Signal::state}, 0.05)
          .done(),
      form(greedy<AibrixLeastBusyTime>(
               "aibrix_least_busy_time",
               "AIBrix: least GPU busy time. No engine reports it, so it takes a random pod; "
               "form=as_written models it as the share of time with requests, the past weighed down.",
               folder + "least_busy_time.go, pkg/metrics/metrics.go"),
           &AibrixLeastBusyTime::form_, form_text)
          .real(&AibrixLeastBusyTime::half_life_, "half_life", 30.0, 0.1, 1000.0, ParamScale::log,
                "s in which the past loses half its weight")
          .only_if("form", {"as_written"})
          .done(),
      form(greedy<AibrixLeastLatency>(
               "aibrix_least_latency",
               "AIBrix: least lifetime mean of prefill and of decode time, ties to the last pod; pods "
               "that have answered nothing are passed over, and a random one is taken while there are "
               "only such. form=as_written adds the mean time in the queue and corrects for the lengths "
               "of prompts and outputs, which the real one reads as 0.",
               folder + "least_latency.go, pkg/metrics/types.go"),
           &AibrixLeastLatency::form_, form_text)
          .done(),
      form(greedy<AibrixThroughput>(
               "aibrix_throughput",
               "AIBrix: least prompt_weight * mean prompt + mean output of a pod's requests of the last "
               "day, ties at random. Both means are read as 0, so it takes a random pod; form=as_written "
               "is what it would do.",
               folder + "throughput.go, pkg/metrics/types.go"),
           &AibrixThroughput::form_, form_text)
          .real(&AibrixThroughput::prompt_weight_, "prompt_weight", 2.0, 0.0, 16.0, ParamScale::linear,
                "generated tokens that a prompt token counts as")
          .only_if("form", {"as_written"})
          .done(),
      greedy<AibrixPowerOfTwo>(
          "aibrix_power_of_two",
          "AIBrix: of two different random pods, the one with fewer requests in flight, else the first "
          "drawn.",
          folder + "power_of_two.go")
          .reads({Signal::outstanding})
          .done(),
      greedy<AibrixLoadBalance>(
          "aibrix_load_balance",
          "AIBrix: least requests in flight / requests answered per second in the last minute, then "
          "least KV cache in use. A pod that has answered none counts as if it had answered one.",
          "vllm-project/aibrix, PR #2365")
          .reads({Signal::outstanding, Signal::state}, 0.05)
          .done(),
  };
}

}  // namespace switchyard
