// llm-d's endpoint picker by predicted latencies.
#include <algorithm>
#include <cmath>

#include "policies/learning/ridge.hpp"
#include "policies/picking/weighted_draw.hpp"
#include "policies/prefix/lru_index.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"
#include "policies/production/prompt_blocks.hpp"

namespace switchyard {

namespace {

class LlmdLatency final : public Placement {
 public:
  enum class Strategy { least, most };
  enum class Picker { weighted_random, max_score };

  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    const ClusterView& cluster = scene.cluster();
    const auto n = static_cast<std::size_t>(cluster.num_replicas());
    stream_ = RandomStream(seed, "llmd_latency");
    ties_.start(RandomStream(seed, "llmd_latency ties"));
    capacities_.clear();
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) capacities_.push_back(cluster.limits(r).num_blocks);
    index_.reset(capacities_);
    matches_.reset(cluster.num_replicas());
    prefill_tokens_.assign(n, 0);
    sent_.clear();
    ttft_.start(kWindow, kFewest);
    tpot_.start(kWindow, kFewest);
    fitted_at_ = 0;
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void ask(Subscription& asked) const override { asked.first_tokens = true; }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    prompt_.read(scene_->cluster(), request, kBlockTokens, kMostHashed);
    index_.match(prompt_.named(), MatchRule::bridged, matches_);
    learn();
    endpoints_.clear();
    for (const std::int32_t replica : candidates) endpoints_.push_back(look(request, replica));
    keep_sticky();
    if (predicts()) keep_tier();
    scores_.assign(endpoints_.size(), 0.0);
    predicts() ? score_by_headroom() : score_by_state();
    if (picker_ == Picker::weighted_random) return endpoints_[weighted_draw(stream_, scores_)].replica;
    totals_.clear();
    for (const double score : scores_) totals_.push_back({-score, 0});
    return endpoints_[ties_.least(totals_)].replica;
  }

  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    const auto chosen = std::find_if(endpoints_.begin(), endpoints_.end(),
                                     [&](const Endpoint& endpoint) { return endpoint.replica == replica; });
    const Endpoint features = chosen != endpoints_.end() ? *chosen : look(request, replica);
    index_.insert(replica, prompt_.named(), prompt_.unnamed_with_partial());
    const auto id = static_cast<std::size_t>(request.id);
    if (id >= sent_.size()) sent_.resize(id + 1);
    sent_[id] = {.replica = replica,
                 .uncached = features.uncached,
                 .arrived_at = request.arrived_at,
                 .ttft = features.ttft_features,
                 .tpot = features.tpot_features};
    prefill_tokens_[static_cast<std::size_t>(replica)] += features.uncached;
  }
  // What is learned of a latency is what was known when the request was sent.
  void first_token(const FirstToken& token) override {
    Sent& sent = sent_[static_cast<std::size_t>(token.id)];
    if (sent.replica < 0 || sent.begun) return;
    ttft_.add(sent.ttft, 1000 * seconds_from_ticks(token.at - sent.arrived_at));
    begin(sent);
  }
  void completed(const CompletedRequest& request) override {
    Sent& sent = sent_[static_cast<std::size_t>(request.id)];
    if (sent.begun && request.num_decode_tokens > 1) {
      const double decoding_s = seconds_from_ticks(request.completed_at - request.first_token_at);
      tpot_.add(sent.tpot, 1000 * decoding_s / (request.num_decode_tokens - 1));
    }
    end(sent);
  }
  void lost(const CompletedRequest& request) override { end(sent_[static_cast<std::size_t>(request.id)]); }

  double ttft_slo_ms_ = 0.0, tpot_slo_ms_ = 0.0;
  double ttft_weight_ = 0.8, tpot_weight_ = 0.2;
  Strategy strategy_ = Strategy::least;
  double sticky_match_ = 0.99;
  double sticky_penalty_ms_ = 5000.0;
  double explore_ = 0.01;
  Picker picker_ = Picker::weighted_random;

 private:
  static constexpr std::int32_t kBlockTokens = 64, kMostHashed = 131072;
  static constexpr std::size_t kWindow = 1000, kFewest = 100;  // samples
  static constexpr Time kRefit = kTicksPerSecond;
  static constexpr double kPrefillTokensPerSecond = 15928.0;  // that the affinity filter reckons with without a model
  static constexpr double kEqual = 1e-9;
  static constexpr double kSteps = 100.0;  // of a score

  using Ttft = Ridge<6>;
  using Tpot = Ridge<5>;
  struct Endpoint {
    std::int32_t replica = 0;
    std::int64_t uncached = 0;  // tokens of the prompt
    double ratio = 0;           // share of it that is held
    double ttft_ms = 0, tpot_ms = 0;
    double ttft_left = 0, tpot_left = 0;  // SLO - predicted, ms
    Ttft::Features ttft_features{};
    Tpot::Features tpot_features{};
    bool ok() const { return ttft_left >= 0 && tpot_left >= 0; }
  };
  struct Sent {
    std::int32_t replica = -1;  // -1: it is not there
    bool begun = false;         // to be answered
    std::int64_t uncached = 0;
    Time arrived_at = 0;
    Ttft::Features ttft{};
    Tpot::Features tpot{};
  };

  bool predicts() const { return ttft_.ready() && tpot_.ready(); }
  void learn() {
    const Time now = scene_->cluster().now();
    if (now - fitted_at_ < kRefit && fitted_at_ > 0) return;
    fitted_at_ = now;
    ttft_.fit();
    tpot_.fit();
  }

  Endpoint look(const QueuedRequest& request, std::int32_t replica) {
    const ReplicaState& state = scene_->state(replica);
    const auto total = static_cast<double>(prompt_.with_partial());
    Endpoint found;
    found.replica = replica;
    found.ratio = total > 0 ? matches_.blocks(replica) / total : 0.0;
    found.uncached =
        std::max<std::int64_t>(0, request.num_prefill_tokens - std::int64_t{matches_.blocks(replica)} * kBlockTokens);
    found.ttft_features = {kv_use(state),
                           double(request.num_prefill_tokens),
                           double(found.uncached),
                           double(state.num_waiting),
                           double(scene_->cluster().outstanding(replica)),
                           double(prefill_tokens_[static_cast<std::size_t>(replica)])};
    found.tpot_features = {kv_use(state), double(request.num_prefill_tokens), double(state.num_waiting),
                           double(state.num_running), double(scene_->cluster().outstanding(replica))};
    if (!predicts()) return found;
    found.ttft_ms = std::max(0.0, ttft_.predict(found.ttft_features));
    found.tpot_ms = std::max(0.0, tpot_.predict(found.tpot_features));
    found.ttft_left = ttft_slo_ms_ - found.ttft_ms;
    found.tpot_left = tpot_slo_ms_ - found.tpot_ms;
    return found;
  }
  double expected_ttft_ms(const Endpoint& endpoint) const {
    if (predicts()) return endpoint.ttft_ms;
    const auto tokens = static_cast<double>(prefill_tokens_[static_cast<std::size_t>(endpoint.replica)]);
    return 1000 * tokens / kPrefillTokensPerSecond;
  }

  // Those that hold most of the prompt, if there are any and they would not answer so much later than the others.
  void keep_sticky() {
    double best_sticky = INFINITY, best_other = INFINITY;
    for (const Endpoint& endpoint : endpoints_) {
      double& best = endpoint.ratio >= sticky_match_ ? best_sticky : best_other;
      best = std::min(best, expected_ttft_ms(endpoint));
    }
    if (std::isinf(best_sticky) || best_sticky - best_other > sticky_penalty_ms_) return;
    std::erase_if(endpoints_, [&](const Endpoint& endpoint) { return endpoint.ratio < sticky_match_; });
  }
  // Those that keep the SLO; now and then the others, so that it is noticed when they recover.
  void keep_tier() {
    const auto good = std::count_if(endpoints_.begin(), endpoints_.end(), [](const Endpoint& e) { return e.ok(); });
    if (good == 0 || good == static_cast<std::ptrdiff_t>(endpoints_.size())) return;
    const bool keep = positive_uniform(stream_) > explore_;
    std::erase_if(endpoints_, [&](const Endpoint& endpoint) { return endpoint.ok() != keep; });
  }

  void score_by_headroom() {
    bucket_.clear();
    const auto collect = [&](auto&& in) {
      if (!bucket_.empty()) return;
      for (std::size_t i = 0; i < endpoints_.size(); ++i) {
        if (in(endpoints_[i])) bucket_.push_back(i);
      }
    };
    collect([](const Endpoint& e) { return e.ok(); });
    const bool none = bucket_.empty();
    // None keeps its SLO: idle ones, then those that miss the lesser one, the greater one, both.
    collect([&](const Endpoint& e) { return scene_->cluster().outstanding(e.replica) == 0; });
    collect([](const Endpoint& e) { return e.ttft_left >= 0; });
    collect([](const Endpoint& e) { return e.tpot_left >= 0; });
    collect([](const Endpoint&) { return true; });
    score_bucket(none || strategy_ == Strategy::least);
  }
  // Headrooms scaled over the bucket; one that is equal for all does not count.
  void score_bucket(bool least) {
    double low_ttft = INFINITY, high_ttft = 0, low_tpot = INFINITY, high_tpot = 0;
    for (const std::size_t i : bucket_) {
      low_ttft = std::min(low_ttft, std::abs(endpoints_[i].ttft_left));
      high_ttft = std::max(high_ttft, std::abs(endpoints_[i].ttft_left));
      low_tpot = std::min(low_tpot, std::abs(endpoints_[i].tpot_left));
      high_tpot = std::max(high_tpot, std::abs(endpoints_[i].tpot_left));
    }
    const double ttft_range = high_ttft - low_ttft, tpot_range = high_tpot - low_tpot;
    const double sum = ttft_weight_ + tpot_weight_;
    double alpha = sum > 0 ? ttft_weight_ / sum : 1.0, beta = sum > 0 ? tpot_weight_ / sum : 0.0;
    if (ttft_range <= kEqual && tpot_range > kEqual) alpha = 0, beta = 1;
    if (tpot_range <= kEqual && ttft_range > kEqual) alpha = 1, beta = 0;
    for (const std::size_t i : bucket_) {
      const double ttft = ttft_range > kEqual ? (std::abs(endpoints_[i].ttft_left) - low_ttft) / ttft_range : 0.5;
      const double tpot = tpot_range > kEqual ? (std::abs(endpoints_[i].tpot_left) - low_tpot) / tpot_range : 0.5;
      const double far = alpha * ttft + beta * tpot;
      scores_[i] = (std::floor((least ? 1 - far : far) * kSteps) + 1) / kSteps;
    }
  }
  // While nothing is predicted: the mean of KV, queue and prefix.
  void score_by_state() {
    std::int32_t most = 0;
    for (const Endpoint& endpoint : endpoints_) most = std::max(most, scene_->state(endpoint.replica).num_waiting);
    for (std::size_t i = 0; i < endpoints_.size(); ++i) {
      const ReplicaState& state = scene_->state(endpoints_[i].replica);
      const double queue = most > 0 ? double(most - state.num_waiting) / most : 1.0;
      scores_[i] = std::round((1 - kv_use(state) + queue + endpoints_[i].ratio) / 3 * kSteps) / kSteps;
    }
  }

  void begin(Sent& sent) {
    if (!sent.begun) prefill_tokens_[static_cast<std::size_t>(sent.replica)] -= sent.uncached;
    sent.begun = true;
  }
  void end(Sent& sent) {
    if (sent.replica >= 0) begin(sent);
    sent = {};
  }

  RandomStream stream_;
  TieBreaker ties_{Ties::random};
  LruIndex index_;
  PrefixMatches matches_;
  std::vector<std::int64_t> capacities_;
  std::vector<std::int64_t> prefill_tokens_;  // uncached, of requests sent and not begun to be answered
  std::vector<Sent> sent_;                    // by request
  Ttft ttft_;                                 // ms
  Tpot tpot_;                                 // ms
  Time fitted_at_ = 0;

  // Of the request that is being placed.
  PromptBlocks prompt_;
  std::vector<Endpoint> endpoints_;
  std::vector<std::size_t> bucket_;  // of them
  std::vector<double> scores_;
  std::vector<Score> totals_;
};

}  // namespace

std::vector<PolicyInfo> llmd_latency_policies() {
  using P = LlmdLatency;
  return {
      greedy<P>(
          "llmd_latency",
          "llm-d's endpoint picker by predicted latencies: the filters prefix-cache-affinity and slo-headroom-tier, "
          "then at random in proportion to the score of TTFT and TPOT against their SLOs: closest to them among the "
          "replicas that keep them; where none does, idle ones, then the least missed. Until 100 requests have "
          "taught the predictor, the mean of KV, queue and prefix. Left out: the predictor is a ridge regression over "
          "the last 1,000 requests, learned anew each second, where the real one has gradient-boosted trees or a "
          "Bayesian ridge; admission by SLO, as nothing is refused here.",
          "llm-d/llm-d-router, pkg/epp/framework/plugins: scheduling/scorer/latency, filter/sloheadroomtier, "
          "requestcontrol/dataproducer/predictedlatency")
          .real(&P::ttft_slo_ms_, "ttft_slo_ms", 0.0, 0.0, 1e6, ParamScale::linear,
                "SLO of each request's first token, ms; 0: none, so that it is always missed")
          .real(&P::tpot_slo_ms_, "tpot_slo_ms", 0.0, 0.0, 1e6, ParamScale::linear,
                "of each further token, ms; 0: none, so that it is always missed")
          .real(&P::ttft_weight_, "ttft_weight", 0.8, 0.0, 1.0, ParamScale::linear, "of the first token in the score")
          .real(&P::tpot_weight_, "tpot_weight", 0.2, 0.0, 1.0, ParamScale::linear, "of further tokens in the score")
          .choice(&P::strategy_, "headroom", {"least", "most"}, P::Strategy::least,
                  "of replicas that keep the SLOs: the one closest to them, or the one farthest from them")
          .real(&P::sticky_match_, "sticky_match", 0.99, 0.0, 1.0, ParamScale::linear,
                "only replicas that hold this share of the prompt, if there are any")
          .real(&P::sticky_penalty_ms_, "sticky_penalty_ms", 5000.0, 0.0, 1e6, ParamScale::linear,
                "unless they would begin to answer so much later than the best other, ms")
          .real(&P::explore_, "explore", 0.01, 0.0, 1.0, ParamScale::linear,
                "chance that only replicas are looked at that miss an SLO, where some do and others do not")
          .choice(&P::picker_, "picker", {"weighted_random", "max_score"}, P::Picker::weighted_random,
                  "the greatest u^(1/score), or the greatest score, ties at random")
          .reads({Signal::waiting, Signal::state, Signal::outstanding, Signal::first_tokens}, 0.05)
          .done()};
}

}  // namespace switchyard
