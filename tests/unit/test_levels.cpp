#include <catch2/catch.hpp>

#include "bench/levels/levels.hpp"

using namespace switchyard;
using namespace switchyard::levels;

namespace {

constexpr int kRepetitions = 2000;  // the standard error of a share of 5% is 0.5 points

std::vector<Setting> settings() {
  std::vector<Setting> all = recorded(SWITCHYARD_SOURCE_DIR "/bench/levels/figures.csv");
  all.insert(all.begin(), {normal(), log_normal()});
  return all;
}

}  // namespace

TEST_CASE("verdicts on two equal policies are mistaken in 5% of cases or fewer, from three seeds on", "[levels]") {
  for (const Setting& setting : settings()) {
    for (const double correlation : {0.0, 0.8}) {
      for (const std::size_t n : {2, 3, 4, 8, 16, 32}) {
        INFO(setting.name << ", correlation " << correlation << ", " << n << " seeds");
        const double mistaken = differences(setting, {n, correlation, 0, kRepetitions}).difference;
        CHECK(mistaken <= 0.07);
        if (setting.kind == Setting::Kind::normal) CHECK(mistaken >= 0.03);
      }
    }
  }
}

TEST_CASE("verdicts over six scenarios keep their level, too", "[levels]") {
  for (const Setting& setting : {normal(), log_normal(), settings().back()}) {
    for (const double correlation : {0.0, 0.8}) {
      for (const std::size_t n : {3, 8}) {
        INFO(setting.name << ", correlation " << correlation << ", " << n << " seeds");
        const SuiteShares mistaken = suites(setting, {n, correlation, 0, kRepetitions});
        CHECK(mistaken.geometric_mean <= 0.07);
        if (setting.kind == Setting::Kind::normal) CHECK(mistaken.geometric_mean >= 0.03);
        CHECK(mistaken.never_worse <= 0.05);
      }
    }
  }
}

TEST_CASE("intervals of optimism and of bends hold the truth as often as they say", "[levels]") {
  for (const Setting& setting : {normal(), settings().back()}) {
    for (const double correlation : {0.0, 0.8}) {
      for (const std::size_t n : {3, 8}) {
        INFO(setting.name << ", correlation " << correlation << ", " << n << " seeds");
        const OtherShares mistaken = others(setting, {n, correlation, 0, kRepetitions});
        CHECK(mistaken.optimism <= 0.07);
        CHECK(mistaken.bend <= 0.07);
      }
    }
  }
}

TEST_CASE("a difference that is there is seen the more often, the more seeds there are", "[levels]") {
  const double few = differences(normal(), {4, 0.8, 0.1, 500}).difference;
  const double many = differences(normal(), {16, 0.8, 0.1, 500}).difference;
  CHECK(few > 0.3);
  CHECK(many > 0.95);
  CHECK(many > few);
}

// 2.5% to either side, where figures are not skewed. Means of skewed ones are said to keep a limit too often: few seeds
// hold the large figures that their mean is made of (search/README.md has how often).
TEST_CASE("a plan's verdict on a limit keeps its level", "[levels]") {
  for (const std::size_t n : {3, 8, 16}) {
    INFO(n << " seeds");
    const PlanShares mistaken = plans(normal(), {n, 0, 0, kRepetitions});
    CHECK(mistaken.kept <= 0.036);
    CHECK(mistaken.broken <= 0.036);
    CHECK(mistaken.kept + mistaken.broken >= 0.03);
  }
}
