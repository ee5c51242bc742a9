#include "bench/levels/levels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numbers>
#include <sstream>

#include "core/input/error.hpp"
#include "policies/random_stream.hpp"
#include "search/bend.hpp"
#include "search/plan.hpp"
#include "search/robust_ratio.hpp"
#include "search/statistics.hpp"

namespace switchyard::levels {

namespace {

constexpr std::size_t kScenarios = 6;

using Values = std::vector<double>;

// Figures of two policies by seed.
struct Pair {
  Values a, b;
};

class Source {
 public:
  Source(const Setting& setting, const Case& of)
      : setting_(setting), of_(of), random_(of.num_seeds, fmt::format("{} {}", setting.name, of.correlation)) {}

  Pair pair(std::size_t scenario = 0) {
    Pair drawn;
    for (std::size_t i = 0; i < of_.num_seeds; ++i) {
      const double common = gauss();
      drawn.a.push_back(figure(scenario, mixed(common)));
      drawn.b.push_back(figure(scenario, mixed(common)) * (1 - of_.effect));
    }
    return drawn;
  }

  // At several loads: figures that hang together as those of two policies do, times the curve's height.
  BySeed curve(const Values& heights) {
    BySeed by_load(heights.size());
    for (std::size_t i = 0; i < of_.num_seeds; ++i) {
      const double common = gauss();
      for (std::size_t l = 0; l < heights.size(); ++l) by_load[l].push_back(heights[l] * figure(0, mixed(common)));
    }
    return by_load;
  }

  // The mean of the distribution that figures of the first scenario are drawn from.
  double true_mean() const {
    if (setting_.kind == Setting::Kind::normal) return 1;
    if (setting_.kind == Setting::Kind::log_normal) return std::exp(0.5);
    const Values& from = setting_.recorded[0];  // straight between the recorded figures
    double sum = 0;
    for (std::size_t i = 0; i + 1 < from.size(); ++i) sum += (from[i] + from[i + 1]) / 2;
    return sum / static_cast<double>(from.size() - 1);
  }

 private:
  double uniform() { return (static_cast<double>(random_.next() >> 11) + 0.5) * 0x1p-53; }

  double gauss() {  // Box, Muller 1958
    if (spare_ready_) {
      spare_ready_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2 * std::log(uniform())), angle = 2 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    spare_ready_ = true;
    return radius * std::cos(angle);
  }

  double mixed(double common) { return std::sqrt(of_.correlation) * common + std::sqrt(1 - of_.correlation) * gauss(); }

  double figure(std::size_t scenario, double score) const {
    if (setting_.kind == Setting::Kind::normal) return std::max(1e-3, 1 + 0.1 * score);
    if (setting_.kind == Setting::Kind::log_normal) return std::exp(score);
    const Values& from = setting_.recorded[scenario % setting_.recorded.size()];
    const double at = std::erfc(-score / std::numbers::sqrt2) / 2 * static_cast<double>(from.size() - 1);
    const auto below = std::min(static_cast<std::size_t>(at), from.size() - 2);
    return from[below] + (at - static_cast<double>(below)) * (from[below + 1] - from[below]);
  }

  const Setting& setting_;
  Case of_;
  RandomStream random_;
  double spare_ = 0;
  bool spare_ready_ = false;
};

double share(int count, const Case& of) { return static_cast<double>(count) / of.repetitions; }

}  // namespace

Setting normal() { return {Setting::Kind::normal, "normal", {}}; }
Setting log_normal() { return {Setting::Kind::log_normal, "log-normal", {}}; }

std::vector<Setting> recorded(const std::filesystem::path& file) {
  std::ifstream in(file);
  const auto cells = [&](const std::string& line) {
    std::vector<std::string> found;
    std::istringstream text(line);
    for (std::string cell; std::getline(text, cell, ',');) found.push_back(cell);
    return found;
  };
  std::string line;
  if (!std::getline(in, line)) throw InputError(fmt::format("{}: cannot be read", file.string()));
  const std::vector<std::string> names = cells(line);  // the first is the seed
  std::vector<Setting> settings;
  for (std::size_t c = 1; c < names.size(); ++c) settings.push_back({Setting::Kind::recorded, names[c], {{}}});
  while (std::getline(in, line)) {
    const std::vector<std::string> row = cells(line);
    if (row.size() != names.size()) throw InputError(fmt::format("{}: '{}' has too few cells", file.string(), line));
    for (std::size_t c = 1; c < row.size(); ++c) settings[c - 1].recorded[0].push_back(std::stod(row[c]));
  }
  Setting all = {Setting::Kind::recorded, "the six scenarios", {}};
  for (Setting& setting : settings) {
    if (setting.recorded[0].size() < 2) throw InputError(fmt::format("{}: fewer than two seeds", file.string()));
    std::sort(setting.recorded[0].begin(), setting.recorded[0].end());
    all.recorded.push_back(setting.recorded[0]);
  }
  settings.push_back(all);
  return settings;
}

Shares differences(const Setting& setting, const Case& of) {
  Source source(setting, of);
  int told_apart = 0;
  for (int i = 0; i < of.repetitions; ++i) {
    const Pair pair = source.pair();
    const Interval change = relative_change(pair.b, pair.a);
    told_apart += of.effect > 0 ? change.high < 0 : !change.holds(0);
  }
  return {share(told_apart, of)};
}

SuiteShares suites(const Setting& setting, const Case& of) {
  Source source(setting, of);
  const SeedGroups groups(kScenarios, 0);
  int told_apart = 0, worse = 0;
  for (int i = 0; i < of.repetitions; ++i) {
    BySeed a, b;
    for (std::size_t s = 0; s < kScenarios; ++s) {
      Pair pair = source.pair(s);
      a.push_back(std::move(pair.a));
      b.push_back(std::move(pair.b));
    }
    const RobustRatio ratio = robust_ratio(b, a, groups);
    told_apart += of.effect > 0 ? ratio.geometric_mean.high < 1 : !ratio.geometric_mean.holds(1);
    worse += ratio.worst.low > 1;
  }
  return {share(told_apart, of), share(worse, of)};
}

OtherShares others(const Setting& setting, const Case& of) {
  Source source(setting, of);
  const Values loads = {1, 2, 4}, heights = {1, 1.5, 3};
  const double true_bend = 2 + 2 * (2 - 1.5) / (3 - 1.5);
  int lucky = 0, elsewhere = 0;
  for (int i = 0; i < of.repetitions; ++i) {
    const Pair training = source.pair(), held_out = source.pair();
    lucky += !optimism(training.b, training.a, held_out.b, held_out.a).holds(0);
    elsewhere += !bend_of(loads, source.curve(heights)).holds(true_bend);
  }
  return {share(lucky, of), share(elsewhere, of)};
}

PlanShares plans(const Setting& setting, const Case& of) {
  Source source(setting, of);
  Plan plan;
  plan.goal = {parse_objective("mean_e2e_s", ""), parse_constraints("mean_e2e_s<=1", "")};
  plan.goal.constraints[0].limit = source.true_mean();
  plan.kinds = {{.name = "replicas", .least = 1, .most = 1}};
  plan.num_seeds = of.num_seeds;
  int kept = 0, broken = 0;
  for (int i = 0; i < of.repetitions; ++i) {
    plan.rows.assign(1, {});
    settle_plan(plan, [&](const Counts&, const std::vector<std::size_t>&) {
      PlanPoint point;
      point.by_seed = source.pair().a;
      point.limits_by_seed = {point.by_seed};
      point.hours_by_seed = point.by_seed;
      return std::vector<PlanPoint>{point};
    });
    const Keeps said = plan.rows[0].points[0].keeps;
    kept += said == Keeps::yes;
    broken += said == Keeps::no;
  }
  return {share(kept, of), share(broken, of)};
}

}  // namespace switchyard::levels
