#include <algorithm>

#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// Each scorer gives 0 ... 1, the more the better; their weighted sum decides.
class WeightedScorers final : public Scoring {
 public:
  void look(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    low_ = {INT32_MAX, INT32_MAX};
    high_ = {0, 0};
    for (const std::int32_t replica : candidates) {
      const Counts counts = counts_of(replica);
      low_ = {std::min(low_.waiting, counts.waiting), std::min(low_.running, counts.running)};
      high_ = {std::max(high_.waiting, counts.waiting), std::max(high_.running, counts.running)};
    }
  }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const Counts counts = counts_of(replica);
    const ReplicaState& state = scene_->state(replica);
    const auto tokens =
        static_cast<double>(state.waiting_prefill_tokens + state.remaining_prefill_tokens + state.decoding_kv_tokens);
    const double sum = queue_weight_ * scaled(counts.waiting, low_.waiting, high_.waiting) +
                       kv_weight_ * (1 - kv_use(state)) +
                       running_weight_ * scaled(counts.running, low_.running, high_.running) +
                       load_weight_ * 0.5 * std::max(0.0, 1 - counts.waiting / 128.0) +
                       token_weight_ * (1 - std::min(1.0, tokens / 4194304.0));
    return {-sum, 0};
  }
  double queue_weight_ = 2.0;
  double kv_weight_ = 2.0;
  double running_weight_ = 0.0;
  double load_weight_ = 0.0;
  double token_weight_ = 0.0;

 private:
  struct Counts {
    std::int32_t waiting;
    std::int32_t running;
  };
  Counts counts_of(std::int32_t replica) const {
    const std::int32_t waiting = scene_->cluster().num_waiting(replica);
    return {waiting, scene_->cluster().outstanding(replica) - waiting};
  }
  static double scaled(std::int32_t x, std::int32_t low, std::int32_t high) {
    return high > low ? static_cast<double>(high - x) / (high - low) : 1.0;
  }
  Counts low_{};
  Counts high_{};
};

}  // namespace

std::vector<PolicyInfo> llmd_policies() {
  using P = WeightedScorers;
  return {greedy<P>("llmd_weighted",
                    "llm-d's endpoint picker: highest weighted sum of scorers: queue and running (max - x) / (max - "
                    "min), KV 1 - use, load 0.5 (1 - waiting / 128), tokens 1 - tokens / 4 Mi. Left out: the prefix "
                    "scorer (weight 3), stale metrics.",
                    "llm-d/llm-d-inference-scheduler, scorer plugins")
              .real(&P::queue_weight_, "queue_weight", 2.0, 0.0, 4.0, ParamScale::linear, "of the queue scorer")
              .real(&P::kv_weight_, "kv_weight", 2.0, 0.0, 4.0, ParamScale::linear, "of the KV-use scorer")
              .real(&P::running_weight_, "running_weight", 0.0, 0.0, 4.0, ParamScale::linear, "of the running scorer")
              .real(&P::load_weight_, "load_weight", 0.0, 0.0, 4.0, ParamScale::linear, "of the load-aware scorer")
              .real(&P::token_weight_, "token_weight", 0.0, 0.0, 4.0, ParamScale::linear, "of the token-load scorer")
              .done()};
}

}  // namespace switchyard
