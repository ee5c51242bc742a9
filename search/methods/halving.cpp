#include "search/methods/halving.hpp"

#include <algorithm>
#include <utility>

#include "search/methods/listed.hpp"
#include "search/methods/rungs.hpp"

namespace switchyard {

namespace {

class Halving final : public Method {
 public:
  Halving(SobolSettings settings, const MethodOptions& options) : rungs_(doubling_rungs(options.num_seeds)) {
    std::size_t starters = 1;
    while (cost(starters + 1) <= options.replays) ++starters;
    for (std::size_t i = 0; i < starters; ++i) alive_.push_back(settings.next());
  }

  std::vector<Query> ask(std::size_t replays) override {
    if (rung_ == rungs_.size()) return {};
    const std::size_t known = rung_ == 0 ? 0 : rungs_[rung_ - 1];
    const std::size_t affordable = replays / (rungs_[rung_] - known);
    if (alive_.size() > affordable) alive_.resize(affordable);
    std::vector<Query> queries;
    for (const ParamValues& values : alive_) queries.push_back({values, rungs_[rung_]});
    return queries;
  }

  void tell(std::span<const Answer> answers) override {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (!answers[i].failed) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return answers[a].relative < answers[b].relative; });
    order.resize(std::min(order.size(), (answers.size() + 1) / 2));
    std::vector<ParamValues> survivors;
    for (const std::size_t i : order) survivors.push_back(std::move(alive_[i]));
    alive_ = std::move(survivors);
    ++rung_;
  }

 private:
  // Replays that this many starters take in all.
  std::size_t cost(std::size_t starters) const {
    std::size_t total = 0, known = 0;
    for (const std::size_t seeds : rungs_) {
      total += starters * (seeds - known);
      known = seeds;
      starters = (starters + 1) / 2;
    }
    return total;
  }

  std::vector<std::size_t> rungs_;
  std::size_t rung_ = 0;
  std::vector<ParamValues> alive_;  // best of the last rung first
};

}  // namespace

std::unique_ptr<Method> make_halving(const std::string& policy, const std::vector<ParamSpec>& params,
                                     const MethodOptions& options) {
  return std::make_unique<Halving>(SobolSettings(policy, params, options.study_seed), options);
}

}  // namespace switchyard
