// The candidate with the least score.
#pragma once

#include "policies/compose/part.hpp"

namespace switchyard {

inline std::int32_t least_of(Scoring& scoring, const QueuedRequest& request, std::span<const std::int32_t> candidates) {
  scoring.look(request, candidates);
  std::int32_t best = candidates.front();
  Score best_score = scoring.score(request, best);
  for (const std::int32_t replica : candidates.subspan(1)) {
    const Score score = scoring.score(request, replica);
    if (score < best_score) {
      best = replica;
      best_score = score;
    }
  }
  return best;
}

class Least final : public Placement {
 public:
  explicit Least(std::unique_ptr<Scoring> scoring) : scoring_(std::move(scoring)) {}

  void start(Scene& scene, std::uint64_t seed) override { scoring_->start(scene, seed); }
  unsigned reads() const override { return scoring_->reads(); }
  void ask(Subscription& asked) const override { scoring_->ask(asked); }
  void watch(std::vector<Part*>& watchers) override { scoring_->watch(watchers); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    return least_of(*scoring_, request, candidates);
  }

  std::int32_t choose_any(const QueuedRequest& request, std::span<const std::int32_t> all) override {
    const std::int32_t known = scoring_->best_by_index();
    return known >= 0 ? known : least_of(*scoring_, request, all);
  }

  void scores(const QueuedRequest& request, std::span<const std::int32_t> candidates,
              std::vector<double>& scores) const override {
    scoring_->look(request, candidates);
    for (const std::int32_t replica : candidates) {
      scores.push_back(scoring_->shown(scoring_->score(request, replica)));
    }
  }

 private:
  std::unique_ptr<Scoring> scoring_;
};

}  // namespace switchyard
