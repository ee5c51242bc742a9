#include "policies/compose/risk.hpp"

#include <array>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>

namespace switchyard {

namespace {

// In t decode steps a request that now holds c tokens holds c + t with probability p(t) = S(age + t) / S(age), and
// nothing otherwise. The sum over requests is taken as normal: mean sum (c + t) p, variance sum (c + t)^2 p (1 - p).
// The request is admitted if at each of a few t up to the horizon the chance of a sum above the memory is at most
// `risk`.
class RiskBounded final : public Admission {
 public:
  unsigned reads() const override { return signal_bits({Signal::outstanding, Signal::state, Signal::requests}); }
  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    z_ = std::sqrt(2.0) * boost::math::erfc_inv(2.0 * risk_);
    entries_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), Entry{});
  }

  bool admits(const QueuedRequest& request, std::int32_t replica) override {
    Moments moments = moments_of(replica);
    add(moments, request.num_prefill_tokens, 0, request.num_prefill_tokens, 1);
    const ReplicaLimits& limits = scene_->cluster().limits(replica);
    // A request wastes half a block on average.
    const double wasted = 0.5 * limits.block_size * (scene_->cluster().outstanding(replica) + 1);
    const double room = static_cast<double>(limits.num_blocks) * limits.block_size - wasted;
    for (std::size_t i = 0; i < kTimes; ++i) {
      if (moments.mean[i] + z_ * std::sqrt(moments.variance[i]) > room) return false;
    }
    return true;
  }

  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    Entry& entry = entries_[static_cast<std::size_t>(replica)];
    if (entry.call == scene_->call()) {
      add(entry.moments, request.num_prefill_tokens, 0, request.num_prefill_tokens, 1);
    }
  }

  double risk_ = 0.05;
  double risk_horizon_ = 100.0;

 private:
  static constexpr std::size_t kTimes = 5;
  struct Moments {
    std::array<double, kTimes> mean{};
    std::array<double, kTimes> variance{};
  };
  struct Entry {
    std::int64_t call = -1;
    Moments moments;
  };

  // `count` requests of this prompt and age that hold `tokens` each.
  void add(Moments& moments, std::int32_t prompt, double age, double tokens, double count) const {
    for (std::size_t i = 0; i < kTimes; ++i) {
      const double steps = risk_horizon_ * static_cast<double>(i) / (kTimes - 1);
      const double alive = i == 0 ? 1.0 : scene_->lengths->survival(prompt, age, steps);
      moments.mean[i] += count * (tokens + steps) * alive;
      moments.variance[i] += count * (tokens + steps) * (tokens + steps) * alive * (1 - alive);
    }
  }

  const Moments& moments_of(std::int32_t replica) {
    Entry& entry = entries_[static_cast<std::size_t>(replica)];
    if (entry.call == scene_->call()) return entry.moments;
    entry = {scene_->call(), {}};
    const ReplicaState& state = scene_->state(replica);
    if (state.num_waiting > 0) {
      for (const ResidentRequest& request : scene_->cluster().waiting(replica)) {
        add(entry.moments, request.original_prefill_tokens, request.num_generated_tokens(), request.num_prefill_tokens,
            1);
      }
    }
    if (state.num_running == 0) return entry.moments;
    if (scene_->forecast.by_request) {
      for (const ResidentRequest& request : scene_->cluster().running(replica)) {
        const std::int32_t tokens =
            request.prefill_complete ? request.num_processed_tokens : request.num_prefill_tokens;
        add(entry.moments, request.original_prefill_tokens, request.num_generated_tokens(), tokens, 1);
      }
      return entry.moments;
    }
    if (const std::int32_t decoding = state.num_decoding(); decoding > 0) {
      const double age = static_cast<double>(state.generated_tokens) / decoding;
      const double tokens = static_cast<double>(state.decoding_kv_tokens) / decoding;
      add(entry.moments, static_cast<std::int32_t>(tokens - age), age, tokens, decoding);
    }
    if (state.num_prefilling > 0) {
      // The prompts of running prefills show in the blocks that are taken: those of the decoding ones taken off.
      const double held = static_cast<double>(state.blocks_used) * scene_->cluster().limits(replica).block_size -
                          static_cast<double>(state.decoding_kv_tokens);
      const double tokens = std::max(0.0, held) / state.num_prefilling;
      add(entry.moments, static_cast<std::int32_t>(tokens), 0, tokens, state.num_prefilling);
    }
    return entry.moments;
  }

  double z_ = 0.0;
  std::vector<Entry> entries_;
};

}  // namespace

PartInfo<Admission> risk_part() {
  return part<Admission, RiskBounded>("risk",
                                      "the chance that the replica's requests and this one outgrow the KV memory "
                                      "within risk_horizon decode steps is at most risk",
                                      kUsesAges | kUsesLengths)
      .real(&RiskBounded::risk_, "risk", 0.05, 0.0001, 0.5, ParamScale::log, "allowed chance")
      .real(&RiskBounded::risk_horizon_, "risk_horizon", 100.0, 1.0, 4096.0, ParamScale::log, "decode steps");
}

}  // namespace switchyard
