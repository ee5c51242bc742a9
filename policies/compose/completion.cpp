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
// `calm` expected answers, the more the longer the request has waited.
class Surge final : public Admission {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Admission::start(scene, seed);
    sent_ = 0;
    area_ = 0;
    at_ = scene.cluster().now();
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void assigned(const QueuedRequest&, std::int32_t) override { step(+1); }
  void completed(const CompletedRequest&) override { step(-1); }

  bool admits(const QueuedRequest& request, std::int32_t replica) override {
    const ClusterView& cluster = scene_->cluster();
    const ReplicaLoad& load = scene_->load(replica);
    const Time now = cluster.now();
    const double usual = now > 0 ? area(now) / static_cast<double>(now) / cluster.num_replicas() : 0.0;
    const double beyond = cluster.outstanding(replica) - usual;
    if (beyond <= 0) return true;
    const double answer =
        scene_->lengths->expected(request) * step_ticks(cluster, replica, load.requests, load.context);
    const double waited = seconds_from_ticks(now - request.arrived_at);
    return beyond * scene_->prefill(request, replica) <= calm_ * answer * (1.0 + waited / calm_age_s_);
  }

  double calm_ = 3.0;
  double calm_age_s_ = 20.0;

 private:
  double area(Time now) const { return area_ + static_cast<double>(sent_) * static_cast<double>(now - at_); }
  void step(int change) {
    const Time now = scene_->cluster().now();
    area_ = area(now);
    at_ = now;
    sent_ += change;
  }
  std::int64_t sent_ = 0;  // by this router, and not come back
  double area_ = 0;        // its integral over time
  Time at_ = 0;
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
             "the delay by its uncached prompt of the requests there beyond the usual number <= calm * "
             "expected time of an answer there * (1 + seconds waited / calm_age_s)",
             kUsesLengths | kUsesSent)
      .real(&Surge::calm_, "calm", 3.0, 0.1, 100.0, ParamScale::log,
            "how much it may delay the requests there beyond the usual number, in expected answers")
      .real(&Surge::calm_age_s_, "calm_age_s", 20.0, 0.1, 10000.0, ParamScale::log,
            "seconds of waiting that double that bound");
}

}  // namespace switchyard
