// How often verdicts are mistaken, by simulation: two policies that are equally good, whose figures of a seed are
// exchangeable, and what search/ says of them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace switchyard::levels {

// Where figures by seed come from, all of them above 0.
struct Setting {
  enum class Kind { normal, log_normal, recorded } kind = Kind::normal;
  std::string name;
  // Recorded figures, rising; by scenario if there are several.
  std::vector<std::vector<double>> recorded;
};

Setting normal();      // mean 1, standard deviation 0.1
Setting log_normal();  // of a normal one with mean 0 and standard deviation 1
// One setting for each column of a file that record.py wrote, and last one of all columns together: six scenarios that
// differ. Throws InputError.
std::vector<Setting> recorded(const std::filesystem::path& file);

struct Case {
  std::size_t num_seeds = 0;
  double correlation = 0;  // of the two policies' figures of a seed (of their normal scores)
  double effect = 0;       // the second policy's figures are lower by this share
  int repetitions = 0;
};

// Shares of repetitions in which something is said that is not so (or, with an effect, in which it is seen).
struct Shares {
  double difference = 0;  // the two policies differ: (~k), changes, pairs before Holm, steps of a sensitivity
};
struct SuiteShares {
  double geometric_mean = 0;  // the two differ, over six scenarios
  double never_worse = 0;     // "no"
};
struct OtherShares {
  double optimism = 0;  // is not 0, over as many training seeds
  double bend = 0;      // is not where the curve of the true means bends
};

struct PlanShares {
  double kept = 0;    // a limit is said to be kept, which lies a hair's breadth below the true mean
  double broken = 0;  // it is said to be broken, a hair's breadth above
};

// Over the first scenario of the setting.
Shares differences(const Setting& setting, const Case& of);
// Over six scenarios, each drawn on its own: the setting's six, or six alike.
SuiteShares suites(const Setting& setting, const Case& of);
OtherShares others(const Setting& setting, const Case& of);
// Of a plan under one limit. There is one policy, so that correlation has no part in it.
PlanShares plans(const Setting& setting, const Case& of);

}  // namespace switchyard::levels
