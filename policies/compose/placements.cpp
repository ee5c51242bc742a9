// Placements that are not just the least score.
#include <algorithm>
#include <bit>
#include <cmath>

#include "policies/compose/hashing.hpp"
#include "policies/compose/least.hpp"
#include "policies/compose/pick.hpp"
#include "policies/compose/softmax.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

namespace {

// The next admissible replica after the last one that was chosen.
class RoundRobin final : public Placement {
 public:
  void start(Scene&, std::uint64_t) override { next_ = 0; }
  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    const auto found = std::lower_bound(candidates.begin(), candidates.end(), next_);
    const std::int32_t chosen = found == candidates.end() ? candidates.front() : *found;
    next_ = chosen + 1;
    return chosen;
  }

 private:
  std::int32_t next_ = 0;
};

class Random final : public Placement {
 public:
  void start(Scene&, std::uint64_t seed) override { stream_ = RandomStream(seed, "random"); }
  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    return candidates[static_cast<std::size_t>(stream_.below(static_cast<std::int32_t>(candidates.size())))];
  }

 private:
  RandomStream stream_;
};

class WithScoring : public Placement {
 public:
  void set_scoring(std::unique_ptr<Scoring> scoring) override { scoring_ = std::move(scoring); }
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    scoring_->start(scene, seed);
  }
  unsigned reads() const override { return scoring_->reads(); }
  void ask(Subscription& asked) const override { scoring_->ask(asked); }
  void watch(std::vector<Part*>& watchers) override { scoring_->watch(watchers); }

 protected:
  std::unique_ptr<Scoring> scoring_;
};

// Power of d choices: the best of `samples` different random candidates, ties to the one drawn first.
class PowerOfD final : public WithScoring {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    WithScoring::start(scene, seed);
    stream_ = RandomStream(seed, "power_of_two");
  }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const auto n = static_cast<std::int32_t>(candidates.size());
    scoring_->look(request, candidates);
    taken_.clear();
    std::int32_t best = -1;
    Score best_score;
    for (std::int32_t i = 0; i < std::min(samples_, n); ++i) {
      // The k-th of those that have not been drawn yet.
      std::int32_t k = stream_.below(n - i);
      auto at = taken_.begin();
      for (; at != taken_.end() && *at <= k; ++at) ++k;
      taken_.insert(at, k);
      const std::int32_t replica = candidates[static_cast<std::size_t>(k)];
      const Score score = scoring_->score(request, replica);
      if (best >= 0 && !(score < best_score)) continue;
      best = replica;
      best_score = score;
    }
    return best;
  }

  std::int32_t samples_ = 2;

 private:
  RandomStream stream_;
  std::vector<std::int32_t> taken_;  // in order
};

// Size-based splitting: prompts above a quantile of those seen so far go to a share of the replicas (the last ones),
// the others to the rest; where a group has no admissible replica, to the other. The quantile is of powers of two in
// eighths, counted.
class Split final : public WithScoring {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    WithScoring::start(scene, seed);
    seen_.assign(kBins, 0);
    total_ = 0;
  }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const std::size_t bin = bin_of(request.num_prefill_tokens);
    ++seen_[bin];
    ++total_;
    std::int64_t shorter = 0;
    for (std::size_t i = 0; i < bin; ++i) shorter += seen_[i];
    const bool is_long = static_cast<double>(shorter) >= long_above_ * static_cast<double>(total_);

    const std::int32_t n = scene_->cluster().num_replicas();
    const auto for_long = static_cast<std::int32_t>(std::lround(long_share_ * n));
    const std::int32_t first_long = n - std::clamp(for_long, 1, std::max(1, n - 1));
    group_.clear();
    for (const std::int32_t replica : candidates) {
      if ((replica >= first_long) == is_long) group_.push_back(replica);
    }
    const std::span<const std::int32_t> group = group_.empty() ? candidates : std::span<const std::int32_t>(group_);
    return least_of(*scoring_, request, group);
  }

  double long_above_ = 0.8;
  double long_share_ = 0.5;

 private:
  static constexpr std::size_t kBins = 32 * 8;
  static std::size_t bin_of(std::int32_t tokens) {
    // Times 8, so that small prompts have bins of their own: eight bins between powers of two.
    const auto value = static_cast<std::uint64_t>(tokens) << 3;
    const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - 4);
    return std::min(kBins - 1, static_cast<std::size_t>(8 * shift) + ((value >> shift) & 7));
  }
  std::vector<std::int64_t> seen_;
  std::int64_t total_ = 0;
  std::vector<std::int32_t> group_;
};

class Softmax final : public WithScoring {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    WithScoring::start(scene, seed);
    draw_ = SoftmaxDraw(RandomStream(seed, "softmax"));
  }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    scoring_->look(request, candidates);
    scores_.clear();
    for (const std::int32_t replica : candidates) scores_.push_back(scoring_->score(request, replica));
    return candidates[draw_.choose(scores_, temperature_)];
  }

  double temperature_ = 0.1;

 private:
  SoftmaxDraw draw_;
  std::vector<Score> scores_;
};

}  // namespace

std::vector<PartInfo<Placement>> placement_parts() {
  return {
      part<Placement, RoundRobin>("round_robin", "the next replica in turn"),
      part<Placement, Random>("random", "a uniformly random replica"),
      part<Placement, PowerOfD>("power_of_d", "the best of `samples` different random replicas, by the score `by`",
                                kUsesScoring)
          .integer(&PowerOfD::samples_, "samples", 2, 1, 64, ParamScale::log, "replicas drawn"),
      part<Placement, Split>("split",
                             "long prompts to a share of the replicas, the others to the rest; within a group by the "
                             "score `by`",
                             kUsesScoring)
          .real(&Split::long_above_, "long_above", 0.8, 0.0, 1.0, ParamScale::linear,
                "a prompt is long if at least this share of those seen so far was shorter")
          .real(&Split::long_share_, "long_share", 0.5, 0.0, 1.0, ParamScale::linear,
                "share of the replicas for long prompts"),
      part<Placement, Softmax>("softmax", "at random, the likelier the less its score `by`", kUsesScoring)
          .real(&Softmax::temperature_, "temperature", 0.1, 0.0, 4.0, ParamScale::linear,
                "0: the least score; the higher, the more alike the chances"),
      ring_part(),
      rendezvous_part(),
      pick_part(),
  };
}

}  // namespace switchyard
