// What production routers do around their scores: gates that leave out candidates or switch to another rule, and ways
// to pick by the scores, with a rule for ties.
#include "policies/compose/pick.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "policies/picking/ties.hpp"
#include "policies/prefix/held_tokens.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

namespace {

class Pick final : public Placement {
 public:
  enum class Imbalance { ignore, least };
  enum class Sticky { off, on };
  enum class Overload { off, on };
  enum class Picker { least, weighted, top_k };

  void set_scoring(std::unique_ptr<Scoring> scoring) override { scoring_ = std::move(scoring); }
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    scoring_->start(scene, seed);
    held_.reset(scene.cluster().num_replicas());
    breaker_.start(ties_, RandomStream(seed, "ties"));
    stream_ = RandomStream(seed, "pick");
  }
  void ask(Subscription& asked) const override { scoring_->ask(asked); }
  unsigned reads() const override {
    unsigned bits = scoring_->reads();
    if (overload_ == Overload::on) bits |= signal_bits({Signal::state});
    if (imbalance_ == Imbalance::least) bits |= signal_bits({Signal::outstanding});
    if (sticky_ == Sticky::on) bits |= signal_bits({Signal::cache, Signal::state});
    return bits;
  }
  void watch(std::vector<Part*>& watchers) override { scoring_->watch(watchers); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const ClusterView& cluster = scene_->cluster();
    candidates = without_overloaded(candidates);
    if (imbalance_ == Imbalance::least && is_imbalanced(candidates)) {
      scoring_->look(request, candidates);  // it may keep books of what it has seen
      scores_.clear();
      for (const std::int32_t replica : candidates) scores_.push_back({double(cluster.outstanding(replica)), 0});
      return candidates[breaker_.least(scores_)];
    }
    candidates = sticky(request, candidates);
    scoring_->look(request, candidates);
    scores_.clear();
    for (const std::int32_t replica : candidates) scores_.push_back(scoring_->score(request, replica));
    switch (picker_) {
      case Picker::weighted:
        return candidates[weighted()];
      case Picker::top_k:
        return candidates[one_of_top()];
      case Picker::least:
        break;
    }
    return candidates[breaker_.least(scores_)];
  }

  Overload overload_ = Overload::off;
  double overload_kv_ = 0.8;
  std::int32_t overload_waiting_ = 5;
  Imbalance imbalance_ = Imbalance::ignore;
  std::int32_t imbalance_abs_ = 64;
  double imbalance_rel_ = 1.5;
  Sticky sticky_ = Sticky::off;
  double sticky_share_ = 0.8;
  double sticky_cost_s_ = 18.0;
  Picker picker_ = Picker::least;
  std::int32_t top_ = 2;
  Ties ties_ = Ties::first;

 private:
  // Those with too much in use or too long a queue, unless all have.
  std::span<const std::int32_t> without_overloaded(std::span<const std::int32_t> candidates) {
    if (overload_ == Overload::off) return candidates;
    ready_.clear();
    for (const std::int32_t replica : candidates) {
      const ReplicaState& state = scene_->state(replica);
      const double use = static_cast<double>(state.blocks_used) / state.num_blocks;
      if (use <= overload_kv_ && state.num_waiting <= overload_waiting_) ready_.push_back(replica);
    }
    return ready_.empty() ? candidates : std::span<const std::int32_t>(ready_);
  }

  bool is_imbalanced(std::span<const std::int32_t> candidates) const {
    std::int32_t most = 0, fewest = INT32_MAX;
    for (const std::int32_t replica : candidates) {
      most = std::max(most, scene_->cluster().outstanding(replica));
      fewest = std::min(fewest, scene_->cluster().outstanding(replica));
    }
    return most - fewest > imbalance_abs_ && most > imbalance_rel_ * fewest;
  }

  // Those that have cached most of the prompt, unless the least loaded of them has that much more to compute than the
  // least loaded of the others.
  std::span<const std::int32_t> sticky(const QueuedRequest& request, std::span<const std::int32_t> candidates) {
    if (sticky_ == Sticky::off) return candidates;
    held_.read(scene_->cluster(), request.id);
    sticky_ones_.clear();
    double here = std::numeric_limits<double>::infinity(), elsewhere = here;
    for (const std::int32_t replica : candidates) {
      const bool holds = held_.of(replica) >= sticky_share_ * request.num_prefill_tokens;
      double& least = holds ? here : elsewhere;
      least = std::min(least, prefill_s(replica));
      if (holds) sticky_ones_.push_back(replica);
    }
    if (sticky_ones_.empty() || sticky_ones_.size() == candidates.size()) return candidates;
    if (here - elsewhere > sticky_cost_s_) return candidates;
    return sticky_ones_;
  }
  double prefill_s(std::int32_t replica) const {
    const ReplicaState& state = scene_->state(replica);
    const std::int64_t tokens = state.waiting_prefill_tokens + state.remaining_prefill_tokens;
    return seconds_from_ticks(scene_->cluster().batch_times(replica).prefill(tokens));
  }

  // A-Res (Efraimidis, Spirakis 2006): the highest u^(1 / weight). Weights are the sums of scorers (-x) where these are
  // positive, else how far below the worst a score is; all 0: any.
  std::size_t weighted() {
    double most = -std::numeric_limits<double>::infinity();
    for (const Score& score : scores_) most = std::max(most, score.value);
    std::size_t best = 0;
    double highest = -std::numeric_limits<double>::infinity();
    bool found = false;
    for (std::size_t i = 0; i < scores_.size(); ++i) {
      const double weight = most <= 0 ? -scores_[i].value : most - scores_[i].value;
      const double u = (static_cast<double>(stream_.next() >> 11) + 0.5) * 0x1.0p-53;
      if (weight <= 0) continue;
      const double key = std::log(u) / weight;  // of the same order as u^(1 / weight)
      if (found && key <= highest) continue;
      found = true;
      best = i;
      highest = key;
    }
    return found ? best : static_cast<std::size_t>(stream_.below(static_cast<std::int32_t>(scores_.size())));
  }

  // Any of the `top` best; which of equals are among them, the rule for ties says.
  std::size_t one_of_top() {
    left_.clear();
    for (std::size_t i = 0; i < scores_.size(); ++i) left_.push_back(i);
    auto rank = stream_.below(std::min(top_, static_cast<std::int32_t>(scores_.size())));
    for (;; --rank) {
      best_.clear();
      for (const std::size_t i : left_) {
        if (!best_.empty() && scores_[i] < scores_[best_.front()]) best_.clear();
        if (best_.empty() || !(scores_[best_.front()] < scores_[i])) best_.push_back(i);
      }
      const std::size_t next = breaker_.one_of(best_, scores_.size());
      if (rank == 0) return next;
      left_.erase(std::find(left_.begin(), left_.end(), next));
    }
  }

  std::unique_ptr<Scoring> scoring_;
  TieBreaker breaker_;
  RandomStream stream_;
  std::vector<std::int32_t> ready_, sticky_ones_;
  HeldTokens held_;
  std::vector<Score> scores_;
  std::vector<std::size_t> left_, best_;
};

}  // namespace

PartInfo<Placement> pick_part() {
  using P = Pick;
  return part<Placement, P>(
             "pick", "by the score `by`, behind the gates of production routers and with a rule for ties", kUsesScoring)
      .choice(&P::overload_, "overload", {"off", "on"}, P::Overload::off,
              "whether replicas above overload_kv or overload_waiting are passed over, unless all are")
      .real(&P::overload_kv_, "overload_kv", 0.8, 0.0, 1.0, ParamScale::linear, "share of KV blocks in use")
      .only_if("overload", {"on"})
      .integer(&P::overload_waiting_, "overload_waiting", 5, 0, 10000, ParamScale::linear, "waiting requests")
      .only_if("overload", {"on"})
      .choice(&P::imbalance_, "imbalance", {"ignore", "least"}, P::Imbalance::ignore,
              "what if requests in flight differ by more than imbalance_abs, and by more than imbalance_rel times: "
              "nothing, or to the fewest")
      .integer(&P::imbalance_abs_, "imbalance_abs", 64, 0, 10000, ParamScale::linear, "requests")
      .only_if("imbalance", {"least"})
      .real(&P::imbalance_rel_, "imbalance_rel", 1.5, 1.0, 10.0, ParamScale::linear, "most / fewest")
      .only_if("imbalance", {"least"})
      .choice(&P::sticky_, "sticky", {"off", "on"}, P::Sticky::off,
              "whether only replicas count that have cached at least sticky_share of the prompt, if any has")
      .real(&P::sticky_share_, "sticky_share", 0.8, 0.0, 1.0, ParamScale::linear, "share of the prompt")
      .only_if("sticky", {"on"})
      .real(&P::sticky_cost_s_, "sticky_cost_s", 18.0, 0.0, 1000.0, ParamScale::linear,
            "unless the best of them has so much more prefill to do than the best of the others, s")
      .only_if("sticky", {"on"})
      .choice(&P::picker_, "picker", {"least", "weighted", "top_k"}, P::Picker::least,
              "the least score; at random in proportion to it (of scorers: to their sum); or any of the pick_top best")
      .integer(&P::top_, "pick_top", 2, 1, 64, ParamScale::log, "replicas")
      .only_if("picker", {"top_k"})
      .choice(
          &P::ties_, "ties", {"first", "last", "random", "reservoir", "round_robin", "rotate"}, Ties::first,
          "which of equals: the lowest id, the highest, a random one by one draw or by one for each, in turn, or the "
          "first from a start that moves on with each decision")
      .only_if("picker", {"least", "top_k"});
}

}  // namespace switchyard
