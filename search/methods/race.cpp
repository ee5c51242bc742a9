#include "search/methods/race.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <set>
#include <utility>

#include "search/forest.hpp"
#include "search/methods/listed.hpp"
#include "search/methods/parzen.hpp"
#include "search/methods/rungs.hpp"
#include "search/space.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kLargestBatch = 8;  // settings proposed at once
constexpr std::size_t kElites = 10;       // settings whose neighbourhood is looked at
constexpr std::size_t kNeighbours = 400;  // of the pool: moved from elites
constexpr std::size_t kCrossed = 150;     // crossed from two elites, then moved
constexpr std::size_t kRandom = 250;      // anywhere
constexpr double kPatience = 1.0;         // errors of a look by which a challenger may lag and go on
constexpr std::size_t kBar = 5;           // of the settings that ran on all seeds, the one that a challenger must reach
constexpr double kFirstError = 0.05;      // of any look, before it is known; relative
constexpr double kLeastError = 0.002;     // of a look, relative
constexpr double kWorst = 3.0;            // relative costs are cut here: how bad a bad setting is does not matter
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
        error_(rungs_.size(), kFirstError),
        batch_(std::max(std::clamp<std::size_t>(options.replays / (12 * options.num_seeds), 2, kLargestBatch),
                        (options.width + rungs_[0] - 1) / rungs_[0])),
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
      if (setting.failed) continue;
      // The default, which skips the looks before the last, is at each as good as itself.
      setting.relative.resize(rung_, answers[k].relative);
      setting.relative.push_back(answers[k].relative);
      setting.by_seed = answers[k].by_seed;
      if (last && (best_ == kNone || setting.relative[rung_] < settings_[best_].relative[rung_])) best_ = racers_[k];
    }
    if (last) {
      note_bar();
      note_errors();
      racers_.clear();
      return;
    }
    std::erase_if(racers_,
                  [&](std::size_t i) { return (rung_ == 0 && is_twin(settings_[i])) || is_beaten(settings_[i]); });
    ++rung_;
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;

  struct Setting {
    ParamValues values;
    bool failed = false;
    std::vector<double> relative;  // cost at each look, relative to the default's on the same seeds
    std::vector<double> by_seed;   // as far as it was run
  };

  std::size_t add(ParamValues values) {
    known_.insert(values);
    settings_.push_back({.values = std::move(values)});
    return settings_.size() - 1;
  }

  // The relative cost on all seeds, as seen at a look: what it were if the setting stood to the best one there as it
  // did on the seeds that it had run on. The first seeds are the hard ones, on which a good setting gains more than on
  // all: its relative cost on these alone would flatter it.
  double cost(const Setting& setting, std::size_t look) const {
    const Setting& best = settings_[best_];
    const double there = best.relative[look];
    return there == 0 ? setting.relative[look] : setting.relative[look] * best.relative.back() / there;
  }
  double cost(const Setting& setting) const {
    return setting.failed ? kWorst : cost(setting, setting.relative.size() - 1);
  }

  bool is_beaten(const Setting& setting) const {
    if (setting.failed) return true;
    if (best_ == kNone) return false;
    return cost(setting) - bar_ > kPatience * error_[rung_] * std::abs(bar_);
  }

  // Whether it did just as another on the first seeds: then it differs in what does not come into play, as a cap that
  // is never reached, and would do the same on the others.
  bool is_twin(const Setting& setting) { return !setting.failed && !seen_.insert(setting.by_seed).second; }

  void note_bar() {
    const std::vector<std::size_t> order = by_cost();
    if (!order.empty()) bar_ = cost(settings_[order[std::min(order.size(), kBar) - 1]]);
  }

  // By how much each look has misjudged settings: the upper quartile over the better half of those that have run on all
  // seeds, as these are the more alike the longer the search goes on, and a challenger need not be.
  void note_errors() {
    std::vector<std::size_t> judged = by_cost();
    judged.resize(std::min<std::size_t>((judged.size() + 1) / 2, 20));
    for (std::size_t look = 0; look + 1 < rungs_.size(); ++look) {
      std::vector<double> errors;
      for (const std::size_t i : judged) {
        if (i == best_) continue;
        const double all = settings_[i].relative.back();
        errors.push_back(all == 0 ? 0 : std::abs(cost(settings_[i], look) / all - 1));
      }
      if (errors.empty()) return;
      std::sort(errors.begin(), errors.end());
      error_[look] = std::max(kLeastError, errors[errors.size() * 3 / 4]);
    }
  }

  static double target(double cost) {
    const double cut = std::min(cost, kWorst);
    return cut > 0 ? std::log(cut) : cut;  // negative: an objective of which more is better
  }

  // The settings that have run on all seeds, the best first.
  std::vector<std::size_t> by_cost() const {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < settings_.size(); ++i) {
      if (!settings_[i].failed && settings_[i].by_seed.size() == options_.num_seeds) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return cost(settings_[a]) < cost(settings_[b]); });
    return order;
  }

  // The best setting of each combination of choices, then the others, the best first: the best of all soon differ in
  // numbers only, and a search around them alone would never leave their combination.
  std::vector<std::size_t> elites() const {
    std::set<std::vector<double>> combinations;
    std::vector<std::size_t> first, others;
    for (const std::size_t i : by_cost()) {
      std::vector<double> choices;
      for (std::size_t p = 0; p < params_.size(); ++p) {
        if (params_[p].type == ParamType::choice) choices.push_back(settings_[i].values[p]);
      }
      (combinations.insert(std::move(choices)).second ? first : others).push_back(i);
    }
    first.insert(first.end(), others.begin(), others.end());
    if (first.size() > kElites) first.resize(kElites);
    return first;
  }

  void propose() {
    for (ParamValues& values : std::exchange(starts_, {})) {
      settle(params_, values);
      if (!known_.count(values)) racers_.push_back(add(std::move(values)));
    }
    if (!racers_.empty()) return;
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
    const double goal = target(bar_);
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
      return std::pair(x.failed, cost(x)) < std::pair(y.failed, cost(y));
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
      targets.push_back(target(cost(settings_[i])));
    }
    return {params_, settings, targets, {.seed = settings_.size()}};
  }

  std::vector<ParamSpec> params_;
  MethodOptions options_;
  std::vector<ParamValues> starts_{options_.starts};  // not yet run
  std::vector<std::size_t> rungs_;
  std::vector<double> error_;  // of a look at each rung, relative
  std::size_t batch_;          // a small budget is spent in more, smaller rounds; a declared width makes them wider
  SobolSettings sobol_;
  RandomStream random_;
  std::vector<Setting> settings_;  // in the order of proposal; the first is the default
  std::set<ParamValues> known_;
  std::set<std::vector<double>> seen_;  // costs at the first look
  std::vector<std::size_t> racers_;     // of the batch, those still in it
  std::size_t rung_ = 0;
  std::size_t best_ = kNone;  // of those that have run on all seeds
  // What a challenger must reach. The very best owes something to luck on these seeds: held against it, hardly any
  // would be run on all, and the models would learn little more.
  double bar_ = 1;
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
