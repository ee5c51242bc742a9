#include "policies/compose/interference.hpp"

#include <algorithm>

namespace switchyard {

namespace {

double prefill_ticks(const BatchTimes& times, std::int64_t tokens) {
  return tokens > 0 ? static_cast<double>(times.prefill(tokens)) : 0.0;
}

// Late binding where it pays. A request that is handed over interrupts n decodes for the time t of its prefill: a harm
// of n * t. Held back, it waits while those decodes go on, which takes about as long as an expected output. It is held
// while the first exceeds the second `patience` times; the longer it has waited, the more harm it may do.
class InterruptionBound final : public Admission {
 public:
  unsigned reads() const override { return signal_bits({Signal::outstanding, Signal::state}); }
  bool admits(const QueuedRequest& request, std::int32_t replica) override {
    const ClusterView& cluster = scene_->cluster();
    const double harm =
        cluster.outstanding(replica) * prefill_ticks(cluster.batch_times(replica), request.num_prefill_tokens);
    const double output = scene_->lengths->expected(request) * scene_->step_ticks(replica);
    const double waited = seconds_from_ticks(cluster.now() - request.arrived_at);
    return harm <= patience_ * output * (1.0 + waited / soften_s_);
  }
  double patience_ = 3.0;
  double soften_s_ = 120.0;
};

// In ticks, for n requests there, a prompt of prefill time t, outputs of o tokens expected, and s(n) a decode step:
//   backlog       prefills in front
//   + n * (prefill_harm * t - keep_free * t of the mean prompt)
//                 the interruption of those that are there. keep_free is the value of a replica that has few requests
//                 to the long prompts that are still to come: short ones are better off where many run already.
//   + slowdown * o * (s(n + 1) + n / 2 * (s(n + 1) - s(n)))
//                 its own decode steps, and how they lengthen those of the others for half of their time
//   + kv_pressure * o * s(n + 1) * (committed share of the KV blocks)^2
class Interference final : public Scoring {
 public:
  unsigned reads() const override { return signal_bits({Signal::outstanding, Signal::state}); }
  void look(const QueuedRequest& request, std::span<const std::int32_t>) override {
    outputs_ = scene_->lengths->expected(request);
  }

  Score score(const QueuedRequest& request, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    const BatchTimes times = scene_->cluster().batch_times(replica);
    const std::int32_t n = state.outstanding();
    const double backlog = prefill_ticks(times, state.waiting_prefill_tokens + state.remaining_prefill_tokens);
    const double prefill = prefill_ticks(times, request.num_prefill_tokens);
    const double mean_prefill = prefill_ticks(times, scene_->mean_prompt());
    const double interruption = n * (prefill_harm_ * prefill - keep_free_ * mean_prefill);
    const double step = scene_->step_ticks(replica);
    const double step_with = scene_->step_ticks(replica, 1, request.num_prefill_tokens);
    const double decode = outputs_ * (step_with + 0.5 * n * std::max(0.0, step_with - step));
    const double share =
        static_cast<double>(scene_->forecast.committed(replica) + scene_->forecast.needed(request, replica)) /
        scene_->cluster().limits(replica).num_blocks;
    return {backlog + interruption + slowdown_ * decode + kv_pressure_ * outputs_ * step_with * share * share, 0};
  }

  double shown(const Score& score) const override { return score.value / static_cast<double>(kTicksPerSecond); }  // s

  double prefill_harm_ = 2.2;
  double keep_free_ = 1.0;
  double slowdown_ = 1.5;
  double kv_pressure_ = 1.5;

 private:
  double outputs_ = 0.0;  // expected, of the request that is being placed
};

}  // namespace

PartInfo<Admission> interruption_part() {
  return part<Admission, InterruptionBound>(
             "interruption",
             "requests there * prefill time of this one <= patience * expected time of an output there * "
             "(1 + seconds waited / soften_s)",
             kUsesLengths)
      .real(&InterruptionBound::patience_, "patience", 3.0, 0.1, 100.0, ParamScale::log,
            "how much it may delay the others, in expected output times")
      .real(&InterruptionBound::soften_s_, "soften_s", 120.0, 0.1, 10000.0, ParamScale::log,
            "seconds of waiting that double the bound");
}

PartInfo<Scoring> interference_part() {
  return part<Scoring, Interference>(
             "interference",
             "prefills in front, interruption of the requests there, decode steps lengthened, KV memory used up",
             kUsesLengths | kUsesForecast)
      .real(&Interference::prefill_harm_, "prefill_harm", 2.2, 0.0, 6.0, ParamScale::linear,
            "weight of the delay of the requests there by its prefill")
      .real(&Interference::keep_free_, "keep_free", 1.0, -1.0, 6.0, ParamScale::linear,
            "worth of keeping requests off a replica, in prefills of the mean prompt per request there")
      .real(&Interference::slowdown_, "slowdown", 1.5, 0.0, 6.0, ParamScale::linear,
            "weight of decode steps, its own and those it lengthens")
      .real(&Interference::kv_pressure_, "kv_pressure", 1.5, 0.0, 10.0, ParamScale::linear,
            "weight of the committed share of KV blocks, squared");
}

}  // namespace switchyard
