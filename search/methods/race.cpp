#include "search/methods/race.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <set>

#include "search/forest.hpp"
#include "search/methods/listed.hpp"
#include "search/methods/parzen.hpp"
#include "search/methods/rungs.hpp"
#include "search/space.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kLargestBatch = 16;  // settings proposed at once
constexpr std::size_t kElites = 10;        // settings whose neighbourhood is looked at
constexpr std::size_t kNeighbours = 400;   // of the pool: moved from elites
constexpr std::size_t kCrossed = 150;      // crossed from two elites, then moved
constexpr std::size_t kRandom = 250;       // anywhere
constexpr double kPatience = 1.0;          // standard errors by which a challenger may lag and go on
constexpr double kLeastSpread = 0.01;      // of paired differences, in shares of the default's mean
constexpr double kWorst = 3.0;             // relative costs are cut here: how bad a bad setting is does not matter
constexpr std::size_t kMostSamples = 800;  // of the model: the latest

double normal_density(double z) { return std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi); }
double normal_below(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double expected_improvement(const Prediction& prediction, double best) {
  const double deviation = std::sqrt(prediction.variance);
  if (deviation < 1e-12) return std::max(0.0, best - prediction.mean);
  const double z = (best - prediction.mean) / deviation;
  return deviation * (z * normal_below(z) + normal_density(z));
}

class Race final : public Method {
 public:
  Race(const std::string& policy, std::vector<ParamSpec> params, const MethodOptions& options,
       std::vector<std::size_t> rungs)
      : params_(std::move(params)),
        options_(options),
        rungs_(std::move(rungs)),
        batch_(std::clamp<std::size_t>(options.replays / (12 * options.num_seeds), 2, kLargestBatch)),
        sobol_(policy, params_, options.study_seed),
        random_(options.study_seed, "race " + policy) {
    add(default_values(params_));
    racers_ = {0};
    rung_ = rungs_.size() - 1;  // the default: at once on all seeds
  }

  std::vector<Query> ask(std::size_t replays) override {
    if (racers_.empty()) {
      propose();
      rung_ = 0;
    }
    const std::size_t seeds = rungs_[rung_];
    std::vector<Query> queries;
    std::size_t cost = 0;
    for (const std::size_t i : racers_) {
      const std::size_t more = seeds - std::min(seeds, settings_[i].by_seed.size());
      if (cost + more > replays) break;
      cost += more;
      queries.push_back({settings_[i].values, seeds});
    }
    racers_.resize(queries.size());
    return queries;
  }

  void tell(std::span<const Answer> answers) override {
    const std::size_t seeds = rungs_[rung_];
    const bool last = seeds == options_.num_seeds;
    for (std::size_t k = 0; k < answers.size(); ++k) {
      Setting& setting = settings_[racers_[k]];
      setting.failed = answers[k].failed;
      setting.relative = setting.failed ? kWorst : answers[k].relative;
      setting.by_seed = answers[k].by_seed;
      if (last && !setting.failed && (best_ == kNone || setting.relative < settings_[best_].relative)) {
        best_ = racers_[k];
      }
    }
    if (last) {
      note_spread();
      racers_.clear();
      return;
    }
    std::erase_if(racers_, [&](std::size_t i) { return is_beaten(settings_[i]); });
    ++rung_;
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;

  struct Setting {
    ParamValues values;
    bool failed = false;
    double relative = 0;
    std::vector<double> by_seed;  // as far as it was run
  };

  std::size_t add(ParamValues values) {
    known_.insert(values);
    settings_.push_back({.values = std::move(values)});
    return settings_.size() - 1;
  }

  // Mean paired difference to the best setting on the seeds that it has run on.
  double lag(const Setting& setting) const {
    const Setting& best = settings_[best_];
    double sum = 0;
    for (std::size_t s = 0; s < setting.by_seed.size(); ++s) sum += setting.by_seed[s] - best.by_seed[s];
    return sum / static_cast<double>(setting.by_seed.size());
  }

  bool is_beaten(const Setting& setting) const {
    if (setting.failed) return true;
    if (best_ == kNone) return false;
    const auto run = static_cast<double>(setting.by_seed.size());
    const auto all = static_cast<double>(options_.num_seeds);
    // What the mean over the seeds to come may still change: sampling without replacement.
    const double error = spread_ * std::sqrt((all - run) / (run * all));
    return lag(setting) > kPatience * error;
  }

  // How much paired differences vary from seed to seed: the upper quartile over the better half of what has run on all,
  // as those are the more alike the longer the search goes on, and a challenger need not be.
  void note_spread() {
    std::vector<std::pair<double, double>> spreads;  // relative cost, standard deviation
    for (std::size_t i = 0; i < settings_.size(); ++i) {
      const Setting& setting = settings_[i];
      if (i == best_ || setting.failed || setting.by_seed.size() < options_.num_seeds || options_.num_seeds < 2)
        continue;
      const double mean = lag(setting);
      double squares = 0;
      for (std::size_t s = 0; s < setting.by_seed.size(); ++s) {
        const double deviation = setting.by_seed[s] - settings_[best_].by_seed[s] - mean;
        squares += deviation * deviation;
      }
      spreads.emplace_back(setting.relative, std::sqrt(squares / static_cast<double>(options_.num_seeds - 1)));
    }
    if (spreads.empty()) return;
    std::sort(spreads.begin(), spreads.end());
    spreads.resize(std::min<std::size_t>((spreads.size() + 1) / 2, 20));
    std::sort(spreads.begin(), spreads.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    spread_ = std::max(kLeastSpread, spreads[spreads.size() * 3 / 4].second);
  }

  double target(const Setting& setting) const {
    const double cut = std::min(setting.relative, kWorst);
    return cut > 0 ? std::log(cut) : cut;  // negative: an objective of which more is better
  }

  // The settings that are best so far; those that have run on more seeds count for more where they tie.
  std::vector<std::size_t> elites() const {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < settings_.size(); ++i) {
      if (!settings_[i].failed && settings_[i].by_seed.size() == options_.num_seeds) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return settings_[a].relative < settings_[b].relative; });
    if (order.size() > kElites) order.resize(kElites);
    return order;
  }

  void propose() {
    if (settings_.size() == 1 || best_ == kNone) {  // nothing to learn from yet
      for (std::size_t tries = 0; racers_.size() < batch_ && tries < 20 * batch_; ++tries) {
        ParamValues values = sobol_.next();
        if (!known_.count(values)) racers_.push_back(add(std::move(values)));
      }
      return;
    }
    const std::vector<std::size_t> best = elites();
    std::vector<ParamValues> pool;
    std::set<ParamValues> in_pool;
    auto offer = [&](ParamValues values) {
      if (!known_.count(values) && in_pool.insert(values).second) pool.push_back(std::move(values));
    };
    // Elites by rank: the first is taken most often.
    auto elite = [&]() -> const ParamValues& {
      const double u = uniform(random_);
      return settings_[best[static_cast<std::size_t>(u * u * static_cast<double>(best.size()))]].values;
    };
    for (std::size_t i = 0; i < kNeighbours; ++i) {
      const double step = 0.5 * std::pow(0.02, uniform(random_));  // 0.01 to 0.5, even on a logarithmic scale
      const double changes = 1 + 2 * uniform(random_);
      offer(mutated(params_, elite(), changes, step, random_));
    }
    for (std::size_t i = 0; i < kCrossed; ++i) {
      const ParamValues& a = elite();
      const ParamValues& b = elite();
      offer(mutated(params_, crossed(params_, a, b, random_), 1, 0.1, random_));
    }
    for (std::size_t i = 0; i < kRandom; ++i) offer(random_values(params_, random_));

    const Forest forest = fit();
    const double goal = target(settings_[best_]);
    std::vector<std::pair<double, std::size_t>> order;  // minus improvement: the best first, ties as they came
    for (std::size_t i = 0; i < pool.size(); ++i) {
      order.emplace_back(-expected_improvement(forest.predict(pool[i]), goal), i);
    }
    std::sort(order.begin(), order.end());
    const std::size_t explorers = batch_ / 8;
    for (std::size_t k = 0; k < order.size() && racers_.size() < (batch_ - explorers) / 2; ++k) {
      racers_.push_back(add(pool[order[k].second]));
    }
    const ParzenSampler parzen(params_, from_best());
    for (std::size_t tries = 0; racers_.size() + explorers < batch_ && tries < 20 * batch_; ++tries) {
      ParamValues values = parzen.draw(random_);
      if (!known_.count(values)) racers_.push_back(add(std::move(values)));
    }
    for (std::size_t tries = 0; racers_.size() < batch_ && tries < 20 * batch_; ++tries) {
      ParamValues values = sobol_.next();
      if (!known_.count(values)) racers_.push_back(add(std::move(values)));
    }
  }

  // All that has run, from the best to the worst; failed ones last.
  std::vector<ParamValues> from_best() const {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < settings_.size(); ++i) {
      if (settings_[i].failed || !settings_[i].by_seed.empty()) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const Setting &x = settings_[a], &y = settings_[b];
      return std::pair(x.failed, x.relative) < std::pair(y.failed, y.relative);
    });
    std::vector<ParamValues> values;
    for (const std::size_t i : order) values.push_back(settings_[i].values);
    return values;
  }

  Forest fit() const {
    std::vector<ParamValues> settings;
    std::vector<double> targets;
    const std::size_t first = settings_.size() > kMostSamples ? settings_.size() - kMostSamples : 0;
    for (std::size_t i = first; i < settings_.size(); ++i) {
      if (settings_[i].by_seed.empty() && !settings_[i].failed) continue;
      settings.push_back(settings_[i].values);
      targets.push_back(target(settings_[i]));
    }
    return {params_, settings, targets, {.seed = settings_.size()}};
  }

  std::vector<ParamSpec> params_;
  MethodOptions options_;
  std::vector<std::size_t> rungs_;
  std::size_t batch_;  // a small budget is spent in more, smaller rounds
  SobolSettings sobol_;
  RandomStream random_;
  std::vector<Setting> settings_;  // in the order of proposal; the first is the default
  std::set<ParamValues> known_;
  std::vector<std::size_t> racers_;  // of the batch, those still in it
  std::size_t rung_ = 0;
  std::size_t best_ = kNone;  // of those that have run on all seeds
  double spread_ = 0.05;      // standard deviation over seeds of paired differences, in shares of the default's mean
};

}  // namespace

namespace {

// As doubling_rungs, but the first look is at a quarter of the seeds: a single one of many misleads.
std::vector<std::size_t> race_rungs(std::size_t num_seeds) {
  std::vector<std::size_t> rungs = doubling_rungs(num_seeds);
  std::erase_if(rungs, [&](std::size_t seeds) { return seeds < num_seeds / 4; });
  return rungs;
}

}  // namespace

std::unique_ptr<Method> make_race(const std::string& policy, const std::vector<ParamSpec>& params,
                                  const MethodOptions& options) {
  return std::make_unique<Race>(policy, params, options, race_rungs(options.num_seeds));
}

std::unique_ptr<Method> make_forest(const std::string& policy, const std::vector<ParamSpec>& params,
                                    const MethodOptions& options) {
  return std::make_unique<Race>(policy, params, options, std::vector<std::size_t>{options.num_seeds});
}

}  // namespace switchyard
