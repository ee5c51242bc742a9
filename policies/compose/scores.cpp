#include <algorithm>
#include <array>

#include "policies/compose/block_cost.hpp"
#include "policies/compose/completion.hpp"
#include "policies/compose/expected_work.hpp"
#include "policies/compose/interference.hpp"
#include "policies/compose/part.hpp"
#include "policies/compose/scorers.hpp"

namespace switchyard {

namespace {

class Outstanding final : public Scoring {
 public:
  unsigned reads() const override { return signal_bits({Signal::outstanding}); }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    return {static_cast<double>(scene_->cluster().outstanding(replica)), 0};
  }
  std::int32_t best_by_index() const override { return scene_->cluster().least_outstanding(); }
};

class Waiting final : public Scoring {
 public:
  unsigned reads() const override { return signal_bits({Signal::waiting}); }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    return {static_cast<double>(scene_->cluster().num_waiting(replica)), 0};
  }
  std::int32_t best_by_index() const override { return scene_->cluster().least_waiting(); }
};

std::int64_t tokens_of(const ReplicaState& state) {
  return state.waiting_prefill_tokens + state.remaining_prefill_tokens + state.decoding_kv_tokens;
}

std::int64_t blocks_of(const ReplicaState& state, std::int32_t block_size) {
  return state.blocks_used + (state.waiting_prefill_tokens + block_size - 1) / block_size;
}

class Tokens final : public Scoring {
 public:
  unsigned reads() const override { return signal_bits({Signal::state}); }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    return {static_cast<double>(tokens_of(state)), static_cast<double>(state.outstanding())};
  }
};

class KvBlocks final : public Scoring {
 public:
  unsigned reads() const override { return signal_bits({Signal::waiting, Signal::state, Signal::requests}); }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    return {static_cast<double>(blocks_of(state, scene_->cluster().limits(replica).block_size)),
            static_cast<double>(state.outstanding())};
  }
};

class Committed final : public Scoring {
 public:
  unsigned reads() const override { return signal_bits({Signal::outstanding}); }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    return {static_cast<double>(scene_->forecast.committed(replica)),
            static_cast<double>(scene_->cluster().outstanding(replica))};
  }
};

// Balances prompt tokens that are still to be computed against requests that decode: a decoding request weighs as much
// as `decode_tokens` prompt tokens, because a prefill sent to its replica would interrupt it. Long prompts spread out,
// and go where they interrupt few.
class Prefill final : public Scoring {
 public:
  unsigned reads() const override { return signal_bits({Signal::state}); }
  Score score(const QueuedRequest& request, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    const auto prefill = static_cast<double>(state.waiting_prefill_tokens + state.remaining_prefill_tokens);
    // The longer this prompt, the more its interruption of decodes counts.
    const double interrupted = interruption_ * state.num_decoding() * request.num_prefill_tokens;
    return {prefill + decode_tokens_ * state.outstanding() + interrupted, 0};
  }
  double decode_tokens_ = 200.0;
  double interruption_ = 0.1;
};

// Prompt tokens that the replica would have to compute, as its prefix cache does not hold them, and what is already
// outstanding there.
class Uncached final : public Scoring {
 public:
  unsigned reads() const override { return signal_bits({Signal::outstanding, Signal::cache}); }
  Score score(const QueuedRequest& request, std::int32_t replica) override {
    const ClusterView& cluster = scene_->cluster();
    const std::int32_t uncached = request.num_prefill_tokens - cluster.cached_tokens(request.id, replica);
    return {uncached + request_tokens_ * cluster.outstanding(replica), 0};
  }
  double request_tokens_ = 64.0;
};

// A weighted sum of features, each scaled over the candidates to 0 (the least) ... 1 (the most).
class Weighted final : public Scoring {
 public:
  unsigned reads() const override {
    unsigned bits = signal_bits({Signal::waiting, Signal::state, Signal::requests});
    if (weight_uncached_ > 0) bits |= signal_bits({Signal::cache});
    return bits;
  }
  void look(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    bool first = true;
    for (const std::int32_t replica : candidates) {
      const Features features = features_of(request, replica);
      for (std::size_t i = 0; i < kFeatures; ++i) {
        low_[i] = first ? features[i] : std::min(low_[i], features[i]);
        high_[i] = first ? features[i] : std::max(high_[i], features[i]);
      }
      first = false;
    }
  }
  Score score(const QueuedRequest& request, std::int32_t replica) override {
    const Features features = features_of(request, replica);
    const Features weights = {weight_waiting_, weight_running_, weight_prefill_,
                              weight_tokens_,  weight_kv_,      weight_uncached_};
    double sum = 0;
    for (std::size_t i = 0; i < kFeatures; ++i) {
      if (high_[i] > low_[i]) sum += weights[i] * (features[i] - low_[i]) / (high_[i] - low_[i]);
    }
    return {sum, 0};
  }
  double weight_waiting_ = 1.0;
  double weight_running_ = 1.0;
  double weight_prefill_ = 0.0;
  double weight_tokens_ = 0.0;
  double weight_kv_ = 1.0;
  double weight_uncached_ = 0.0;

 private:
  static constexpr std::size_t kFeatures = 6;
  using Features = std::array<double, kFeatures>;
  Features features_of(const QueuedRequest& request, std::int32_t replica) {
    const ReplicaState& state = scene_->state(replica);
    // Looking into a cache is dear: only if it weighs anything.
    const std::int32_t cached = weight_uncached_ > 0 ? scene_->cluster().cached_tokens(request.id, replica) : 0;
    return {static_cast<double>(state.num_waiting),
            static_cast<double>(state.num_running),
            static_cast<double>(state.waiting_prefill_tokens + state.remaining_prefill_tokens),
            static_cast<double>(tokens_of(state)),
            static_cast<double>(blocks_of(state, scene_->cluster().limits(replica).block_size)),
            static_cast<double>(request.num_prefill_tokens - cached)};
  }
  Features low_{};
  Features high_{};
};

}  // namespace

std::vector<PartInfo<Scoring>> scoring_parts() {
  return {
      part<Scoring, Outstanding>("outstanding", "fewest waiting and running requests"),
      part<Scoring, Waiting>("waiting", "fewest waiting requests"),
      part<Scoring, Tokens>("tokens", "fewest tokens: prompts to be computed and context of what decodes"),
      part<Scoring, KvBlocks>("kv", "fewest KV blocks, those that waiting prompts will take included"),
      part<Scoring, Committed>("committed", "fewest KV blocks that it is committed to, then fewest outstanding",
                               kUsesForecast),
      expected_work_part(),
      interference_part(),
      completion_scoring_part(),
      part<Scoring, Prefill>("prefill", "least prompt tokens still to be computed, balanced against running decodes")
          .real(&Prefill::decode_tokens_, "decode_tokens", 200.0, 1.0, 20000.0, ParamScale::log,
                "an outstanding request weighs as much as this many prompt tokens")
          .real(&Prefill::interruption_, "interruption", 0.1, 0.0, 4.0, ParamScale::linear,
                "weight of each running decode per prompt token of the request"),
      part<Scoring, Uncached>("uncached",
                              "fewest prompt tokens that it has not cached, balanced against outstanding requests")
          .real(&Uncached::request_tokens_, "request_tokens", 64.0, 0.0, 20000.0, ParamScale::linear,
                "an outstanding request weighs as much as this many uncached prompt tokens"),
      part<Scoring, Weighted>("weighted", "weighted sum of features, each scaled over the candidates to 0 ... 1")
          .real(&Weighted::weight_waiting_, "weight_waiting", 1.0, 0.0, 4.0, ParamScale::linear, "waiting requests")
          .real(&Weighted::weight_running_, "weight_running", 1.0, 0.0, 4.0, ParamScale::linear, "running requests")
          .real(&Weighted::weight_prefill_, "weight_prefill", 0.0, 0.0, 4.0, ParamScale::linear,
                "prompt tokens still to be computed")
          .real(&Weighted::weight_tokens_, "weight_tokens", 0.0, 0.0, 4.0, ParamScale::linear,
                "tokens, as in place=tokens")
          .real(&Weighted::weight_kv_, "weight_kv", 1.0, 0.0, 4.0, ParamScale::linear, "KV blocks, as in place=kv")
          .real(&Weighted::weight_uncached_, "weight_uncached", 0.0, 0.0, 4.0, ParamScale::linear,
                "prompt tokens that the replica has not cached, as in place=uncached"),
      part<Scoring, BlockCost>(
          "cost",
          "least cost of Dynamo's KV router, in blocks: prompts to be computed less what is cached, "
          "and prompts in flight, shared blocks once")
          .real(&BlockCost::prefill_, "cost_prefill", 1.0, 0.0, 16.0, ParamScale::linear,
                "blocks in flight that a block to be computed counts as")
          .real(&BlockCost::credit_, "cost_credit", 1.0, 0.0, 4.0, ParamScale::linear,
                "blocks to be computed that a cached block of the prompt is worth")
          .real(&BlockCost::requests_, "cost_requests", 0.0, 0.0, 64.0, ParamScale::linear,
                "blocks that a request in flight counts as"),
      scorers_part(),
  };
}

}  // namespace switchyard
