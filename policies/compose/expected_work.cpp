#include "policies/compose/expected_work.hpp"

#include <algorithm>

namespace switchyard {

namespace {

// In ticks:
//   own time:  rest of the running prefill + prefills in front + its own prefill + expected outputs * decode step at
//              the batch size that it meets (+ a wait for a place in the batch when the replica is at its cap)
//   harm:      interference * (its prefill delays all that decode + it lengthens each of their steps)
// Where prefill and decode are apart each replica has its part of that.
class ExpectedWork final : public Scoring {
 public:
  unsigned reads() const override { return signal_bits({Signal::state}); }
  void look(const QueuedRequest& request, std::span<const std::int32_t>) override {
    outputs_ = output_scale_ * scene_->lengths->expected(request);
  }

  Score score(const QueuedRequest& request, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    const BatchTimes times = scene_->cluster().batch_times(replica);
    const ReplicaLimits& limits = scene_->cluster().limits(replica);
    const std::int32_t cap = limits.batch_size_cap;
    const std::int64_t prefill_in_front = state.waiting_prefill_tokens + state.remaining_prefill_tokens;

    double own = 0;
    if (prefill_in_front > 0) own += static_cast<double>(times.prefill(prefill_in_front));
    if (state.batch_prefill_tokens > 0) {  // part of what is in front has been computed
      const double age = static_cast<double>(scene_->cluster().now() - state.batch_started_at);
      own -= std::min(age, static_cast<double>(times.prefill(state.batch_prefill_tokens)));
    }
    const double own_prefill =
        request.prefilled_on >= 0 ? 0 : static_cast<double>(times.prefill(request.num_prefill_tokens));
    own += own_prefill;
    const double outputs = limits.role == Role::prefill ? 0 : outputs_;

    const std::int32_t others = std::min(state.outstanding(), cap - 1);
    const std::int64_t growth = static_cast<std::int64_t>(outputs / 2);
    const std::int64_t others_kv =
        state.outstanding() > 0
            ? (state.decoding_kv_tokens + prefill_in_front) * others / state.outstanding() + others * growth
            : 0;
    const auto step_without = static_cast<double>(times.decode(others, others_kv));
    const auto step_with =
        static_cast<double>(times.decode(others + 1, others_kv + request.num_prefill_tokens + growth));
    own += outputs * step_with;
    if (state.outstanding() >= cap) own += outputs * step_with * (state.outstanding() - cap + 1) / cap;

    const double harm = others * (own_prefill + 0.5 * outputs * std::max(0.0, step_with - step_without));
    return {own + interference_ * harm, 0};
  }

  double shown(const Score& score) const override { return score.value / static_cast<double>(kTicksPerSecond); }  // s

  double interference_ = 1.0;
  double output_scale_ = 1.0;

 private:
  double outputs_ = 0.0;  // expected, of the request that is being placed
};

}  // namespace

PartInfo<Scoring> expected_work_part() {
  return part<Scoring, ExpectedWork>("work", "expected time to finish there, and the delay that it causes to others",
                                     kUsesLengths)
      .real(&ExpectedWork::interference_, "interference", 1.0, 0.0, 4.0, ParamScale::linear,
            "weight of the delay that the request causes to others")
      .real(&ExpectedWork::output_scale_, "output_scale", 1.0, 0.1, 4.0, ParamScale::log,
            "expected outputs, as a multiple of what has been learned");
}

}  // namespace switchyard
