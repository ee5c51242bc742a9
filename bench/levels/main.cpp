// Prints how often verdicts are mistaken, and how often they see a difference of 1%, as Markdown tables.
#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <iostream>
#include <string_view>

#include "bench/levels/levels.hpp"
#include "core/input/error.hpp"

using namespace switchyard;
using namespace switchyard::levels;

namespace {

const std::vector<std::size_t> kSeeds = {2, 3, 4, 8, 16, 32};

void head(const std::string& title) {
  fmt::print("\n| {} | correlation |", title);
  for (const std::size_t n : kSeeds) fmt::print(" {} seeds |", n);
  fmt::print("\n|---|---:|");
  for (std::size_t i = 0; i < kSeeds.size(); ++i) fmt::print("---:|");
  fmt::print("\n");
}

void lines(const std::string& name, int repetitions, const std::function<std::string(const Case&)>& cell) {
  for (const double correlation : {0.0, 0.8}) {
    fmt::print("| {} | {:g} |", name, correlation);
    for (const std::size_t n : kSeeds) fmt::print(" {} |", cell({n, correlation, 0, repetitions}));
    fmt::print("\n");
    std::fflush(stdout);
  }
}

Case with_effect(Case of) {
  of.effect = 0.01;
  return of;
}

int run(const std::string& file, int repetitions) {
  std::vector<Setting> all = recorded(file);
  const Setting together = all.back();
  all.pop_back();
  all.insert(all.begin(), {normal(), log_normal()});
  fmt::print(
      "False verdicts in %, and in parentheses how many of a difference of 1% are seen; {} repetitions a cell.\n",
      repetitions);
  head("two policies");
  for (const Setting& setting : all) {
    lines(setting.name, repetitions, [&](const Case& of) {
      return fmt::format("{:.1f} ({:.0f})", 100 * differences(setting, of).difference,
                         100 * differences(setting, with_effect(of)).difference);
    });
  }
  const std::vector<Setting> kinds = {normal(), log_normal(), together};
  head("geometric mean over six scenarios");
  for (const Setting& setting : kinds) {
    lines(setting.name, repetitions, [&](const Case& of) {
      return fmt::format("{:.1f} ({:.0f})", 100 * suites(setting, of).geometric_mean,
                         100 * suites(setting, with_effect(of)).geometric_mean);
    });
  }
  head("never worse: no, over six scenarios");
  for (const Setting& setting : kinds) {
    lines(setting.name, repetitions,
          [&](const Case& of) { return fmt::format("{:.1f}", 100 * suites(setting, of).never_worse); });
  }
  head("optimism, as many training seeds; bend");
  for (const Setting& setting : all) {
    lines(setting.name, repetitions, [&](const Case& of) {
      const OtherShares shares = others(setting, of);
      return fmt::format("{:.1f}; {:.1f}", 100 * shares.optimism, 100 * shares.bend);
    });
  }
  head("a limit of plan: kept; broken");
  for (const Setting& setting : all) {
    fmt::print("| {} | - |", setting.name);
    for (const std::size_t n : kSeeds) {
      const PlanShares shares = plans(setting, {n, 0, 0, repetitions});
      fmt::print(" {:.1f}; {:.1f} |", 100 * shares.kept, 100 * shares.broken);
    }
    fmt::print("\n");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int repetitions = 10'000;
  bool understood = argc == 2 || argc == 3;
  if (argc == 3) {
    const std::string_view text = argv[2];
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), repetitions);
    understood = fault == std::errc() && end == text.data() + text.size() && repetitions > 0;
  }
  if (!understood) {
    std::cerr << "usage: switchyard_levels bench/levels/figures.csv [REPETITIONS]\n";
    return 2;
  }
  try {
    return run(argv[1], repetitions);
  } catch (const InputError& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
}
