// Which of several equally good candidates it is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policies/compose/part.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

enum class Ties : std::uint8_t {
  first,        // the lowest id
  last,         // the highest
  random,       // uniformly random, one draw if there is more than one
  reservoir,    // uniformly random, by a draw for each further one as they are gone through
  round_robin,  // the best in turn: the k-th decision takes the k-th of them, modulo their number
  rotate        // the first from a start that moves on by one candidate with each decision
};

class TieBreaker {
 public:
  explicit TieBreaker(Ties rule = Ties::first) : rule_(rule) {}

  void start(Ties rule, RandomStream stream) {
    rule_ = rule;
    start(stream);
  }
  void start(RandomStream stream) {
    stream_ = stream;
    turn_ = 0;
  }

  // The index of the least; there is at least one.
  std::size_t least(std::span<const Score> scores) {
    best_.clear();
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (!best_.empty() && scores[best_.front()] < scores[i]) continue;
      if (!best_.empty() && scores[i] < scores[best_.front()]) best_.clear();
      best_.push_back(i);
    }
    return one_of(best_, scores.size());
  }

  // One of these indices, which count up; they are of `num_candidates`.
  std::size_t one_of(std::span<const std::size_t> best, std::size_t num_candidates) {
    const auto count = static_cast<std::int32_t>(best.size());
    switch (rule_) {
      case Ties::first:
        break;
      case Ties::last:
        return best.back();
      case Ties::random:
        return count == 1 ? best.front() : best[std::size_t(stream_.below(count))];
      case Ties::reservoir: {
        std::size_t kept = best.front();
        for (std::int32_t seen = 2; seen <= count; ++seen) {
          if (stream_.below(seen) == 0) kept = best[static_cast<std::size_t>(seen) - 1];
        }
        return kept;
      }
      case Ties::round_robin:
        return best[turn_++ % best.size()];
      case Ties::rotate: {
        const std::size_t begin = turn_++ % num_candidates;
        for (const std::size_t i : best) {
          if (i >= begin) return i;
        }
        break;
      }
    }
    return best.front();
  }

 private:
  Ties rule_;
  RandomStream stream_;
  std::size_t turn_ = 0;
  std::vector<std::size_t> best_;
};

// The candidate with the least score, ties by a rule. `name` is that of its random stream.
class LeastTied final : public Placement {
 public:
  LeastTied(std::unique_ptr<Scoring> scoring, Ties rule, std::string name)
      : scoring_(std::move(scoring)), ties_(rule), name_(std::move(name)) {}

  void start(Scene& scene, std::uint64_t seed) override {
    scoring_->start(scene, seed);
    ties_.start(RandomStream(seed, name_));
  }
  void ask(Subscription& asked) const override { scoring_->ask(asked); }
  void watch(std::vector<Part*>& watchers) override { scoring_->watch(watchers); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    scoring_->look(request, candidates);
    scores_.clear();
    for (const std::int32_t replica : candidates) scores_.push_back(scoring_->score(request, replica));
    return candidates[ties_.least(scores_)];
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
  TieBreaker ties_;
  std::string name_;
  std::vector<Score> scores_;
};

}  // namespace switchyard
