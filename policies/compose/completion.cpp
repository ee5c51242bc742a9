#include "policies/compose/completion.hpp"

#include <algorithm>
#include <cmath>

#include "policies/compose/sent_work.hpp"

namespace switchyard {

namespace {

// A decode step there, in ticks. At the batch size cap the others wait.
double step_ticks(const ClusterView& cluster, std::int32_t replica, double requests, double context) {
  if (requests < 0.5) return 0.0;
  const double batch = std::min(requests, static_cast<double>(cluster.limits(replica).batch_size_cap));
  return static_cast<double>(cluster.batch_times(replica).decode(static_cast<std::int32_t>(std::lround(batch)),
                                                                 std::llround(context * batch / requests)));
}

double share_with(Scene& scene, const QueuedRequest& request, std::int32_t replica, double blocks) {
  const ReplicaLimits& limits = scene.cluster().limits(replica);
  const double own = scene.uncached(request, replica) / static_cast<double>(limits.block_size);
  return (blocks + own) / limits.num_blocks;
}

// In ticks, for a replica with n requests whose uncached prompts take B, a request whose own uncached prompt takes p
// there and whose outputs are expected to be o, and s(n) a decode step:
//   backlog * B + own * p          prefills in front, and its own
//   + n * (harm * p - spare * mean p)
//                                  the delay of those that are there. spare is what it is worth to keep requests off a
//                                  replica that has few, for the long prompts that are still to come
//   + others * o * n * (s(n + 1) - s(n))
//                                  how its decode steps lengthen those of the others
//   + steps * o * s(n + 1)         its own decode steps
//   + memory * o * s(n + 1) * share^2
//                                  running short of KV blocks
// A term for waiting where blocks are short by then changed nothing, and is not here.
class Completion final : public Scoring {
 public:
  void look(const QueuedRequest& request, std::span<const std::int32_t>) override {
    outputs_ = scene_->lengths->expected(request);
  }

  Score score(const QueuedRequest& request, std::int32_t replica) override {
    const ReplicaLoad& load = scene_->load(replica);
    const ClusterView& cluster = scene_->cluster();
    const double n = load.requests;
    const double own = scene_->prefill(request, replica);
    double sum = backlog_ * load.pending + own_ * own + n * (harm_ * own - spare_ * scene_->sent->mean_prefill());
    const double prompt = request.num_prefill_tokens;
    if (others_ > 0 || steps_ > 0 || memory_ > 0) {
      const double with = step_ticks(cluster, replica, n + 1, load.context + prompt + outputs_ / 2);
      const double without = step_ticks(cluster, replica, n, load.context);
      const double share = share_with(*scene_, request, replica, load.blocks);
      sum +=
          others_ * outputs_ * n * std::max(0.0, with - without) + outputs_ * with * (steps_ + memory_ * share * share);
    }
    return {sum, n};
  }

  double shown(const Score& score) const override { return score.value / static_cast<double>(kTicksPerSecond); }  // s

  double backlog_ = 1.0;
  double own_ = 8.0;
  double harm_ = 1.8;
  double spare_ = 0.8;
  double others_ = 0.3;
  double steps_ = 1.5;
  double memory_ = 1.0;

 private:
  double outputs_ = 0.0;  // expected, of the request that is being placed
};

// Least slack first: a request may be overtaken by those that arrive within `slack` times the time of its uncached
// prompt (at the replica that has cached most of it), but by none that arrives more than slack_most_s after it.
class BySlack final : public Order {
 public:
  double key(const QueuedRequest& request) override {
    double least = scene_->prefill(request, 0);
    for (std::int32_t replica = 1; replica < scene_->cluster().num_replicas(); ++replica) {
      least = std::min(least, scene_->prefill(request, replica));
    }
    return seconds_from_ticks(request.arrived_at) +
           std::min(slack_most_s_, slack_ * least / static_cast<double>(kTicksPerSecond));
  }
  double slack_ = 60.0;
  double slack_most_s_ = 60.0;
};

// Late binding: a replica gets a request while the uncached prompts that it has would take it at most pending_s, and
// pending_age of the time that the request has waited more; and while its KV blocks, each counted once, suffice for
// what is there and on its way, and for what that is expected to outgrow before completions make room.
class Pending final : public Admission {
 public:
  bool admits(const QueuedRequest& request, std::int32_t replica) override {
    const ReplicaLoad& load = scene_->load(replica);
    const double waited = seconds_from_ticks(scene_->cluster().now() - request.arrived_at);
    const double bound_s = pending_s_ + pending_age_ * waited;
    if (load.known_pending > bound_s * static_cast<double>(kTicksPerSecond)) return false;
    const double size = scene_->cluster().limits(replica).block_size;
    const double held = load.requests > 0 ? load.blocks * size / load.requests : 0.0;
    const double growth = overgrowth(load.requests, held, scene_->lengths->expected(request)) / size;
    return share_with(*scene_, request, replica, load.known_blocks + growth) <= 1.0;
  }

  double pending_s_ = 0.05;
  double pending_age_ = 0.05;
};

// Late binding in a surge. A request that is handed over delays those that are there by the time of its uncached
// prompt. Held back, it lets them finish undisturbed, which takes about an expected answer, and helps as far as they
// are more than usual: in a steady state others come as they go. The delay of those beyond the usual number may be
// `surge_patience` expected answers, the more the longer the request has waited. All by this router's own requests.
class Surge final : public Admission {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Admission::start(scene, seed);
    counts_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), Count{});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void assigned(const QueuedRequest&, std::int32_t replica) override { change(replica, scene_->cluster().now(), +1); }
  void completed(const CompletedRequest& request) override { change(request.replica, request.completed_at, -1); }

  bool admits(const QueuedRequest& request, std::int32_t replica) override {
    const ClusterView& cluster = scene_->cluster();
    const Time now = cluster.now();
    Count count = counts_[static_cast<std::size_t>(replica)];
    count.pass_to(now);
    const double beyond = count.outstanding - count.usual();
    if (beyond <= 0) return true;
    const ReplicaLoad& load = scene_->load(replica);
    const double answer =
        scene_->lengths->expected(request) * step_ticks(cluster, replica, load.requests, load.context);
    const double waited = seconds_from_ticks(now - request.arrived_at);
    return beyond * scene_->prefill(request, replica) <= patience_ * answer * (1.0 + waited / soften_s_);
  }

  double patience_ = 3.0;
  double soften_s_ = 20.0;

 private:
  // What this router has at a replica, and its mean over time since it first had anything there; what is longer ago
  // than kUsual counts little.
  struct Count {
    double outstanding = 0;
    double area = 0, weight = 0;  // of outstanding and of 1, over time, with less of what is longer ago
    Time at = -1;                 // up to here; -1: nothing has been sent there yet

    void pass_to(Time now) {
      if (at < 0) return;
      const double kept = std::exp(-seconds_from_ticks(now - at) / kUsualS);
      area = kept * area + (1.0 - kept) * outstanding;
      weight = kept * weight + (1.0 - kept);
      at = now;
    }
    double usual() const { return weight > 0 ? area / weight : 0.0; }
  };
  static constexpr double kUsualS = 1800.0;

  void change(std::int32_t replica, Time now, double by) {
    Count& count = counts_[static_cast<std::size_t>(replica)];
    count.pass_to(now);
    count.at = now;
    count.outstanding += by;
  }
  std::vector<Count> counts_;  // by replica
};

}  // namespace

PartInfo<Scoring> completion_scoring_part() {
  return part<Scoring, Completion>("completion",
                                   "expected time to finish there and the delay that it causes, by its uncached prompt",
                                   kUsesLengths | kUsesSent)
      .real(&Completion::backlog_, "backlog", 1.0, 0.0, 3.0, ParamScale::linear, "weight of the prompts in front")
      .real(&Completion::own_, "own", 8.0, 0.0, 20.0, ParamScale::linear, "weight of its own uncached prompt")
      .real(&Completion::harm_, "harm", 1.8, 0.0, 4.0, ParamScale::linear,
            "weight of the delay of each request there by its uncached prompt")
      .real(&Completion::spare_, "spare", 0.8, 0.0, 2.0, ParamScale::linear,
            "worth of keeping requests off a replica, in uncached prompts of the mean per request there")
      .real(&Completion::others_, "others", 0.3, 0.0, 3.0, ParamScale::linear,
            "weight of how it lengthens the others' decode steps")
      .real(&Completion::steps_, "steps", 1.5, 0.0, 3.0, ParamScale::linear, "weight of its own decode steps")
      .real(&Completion::memory_, "memory", 1.0, 0.0, 6.0, ParamScale::linear,
            "weight of the share of KV blocks that are taken, squared");
}

PartInfo<Order> completion_order_part() {
  return part<Order, BySlack>(
             "slack",
             "arrival + slack * time of its uncached prompt, at most slack_most_s: short ones overtake, "
             "but not for long",
             kUsesSent)
      .real(&BySlack::slack_, "slack", 60.0, 1.0, 1000.0, ParamScale::log,
            "seconds that a request may be overtaken for, per second of its uncached prompt")
      .real(&BySlack::slack_most_s_, "slack_most_s", 60.0, 1.0, 1000.0, ParamScale::log,
            "seconds that a request may be overtaken for at most");
}

PartInfo<Admission> completion_admission_part() {
  return part<Admission, Pending>("pending",
                                  "the uncached prompts it has take at most pending_s, and its blocks suffice",
                                  kUsesLengths | kUsesSent)
      .real(&Pending::pending_s_, "pending_s", 0.05, 0.005, 5.0, ParamScale::log,
            "time of the uncached prompts sent there, s")
      .real(&Pending::pending_age_, "pending_age", 0.05, 0.002, 2.0, ParamScale::log,
            "seconds by which that bound grows per second that the request has waited");
}

PartInfo<Admission> surge_part() {
  return part<Admission, Surge>(
             "surge",
             "the delay by its uncached prompt of this router's requests there beyond their usual number "
             "<= surge_patience * expected time of an answer there * (1 + seconds waited / surge_soften_s)",
             kUsesLengths | kUsesSent)
      .real(&Surge::patience_, "surge_patience", 3.0, 0.1, 100.0, ParamScale::log,
            "how much it may delay the requests there beyond the usual number, in expected answers")
      .real(&Surge::soften_s_, "surge_soften_s", 20.0, 0.1, 10000.0, ParamScale::log,
            "seconds of waiting that double that bound");
}

}  // namespace switchyard
