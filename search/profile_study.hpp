// Whether a ranking survives the error of the profile that it rests on: the same suite under draws from the profile's
// uncertainty.
#pragma once

#include <string>
#include <vector>

#include "search/suite.hpp"

namespace switchyard {

struct PolicyUnderDraws {
  std::string policy;
  std::string verdict;                                // never worse than llq, under the profile itself
  std::int64_t num_same_verdict = 0;                  // draws that say the same
  std::size_t rank = 0;                               // among policies that can be deployed, from 1
  std::size_t best_rank = 0, worst_rank = 0;          // over the draws
  double ratio = 0, least_ratio = 0, most_ratio = 0;  // geometric mean
};

struct ScenarioUnderDraws {
  std::string scenario;
  std::string winner;
  std::int64_t num_same_winner = 0;
};

struct ProfileStudy {
  std::int64_t num_draws = 0;
  std::int64_t num_same_winner = 0;        // of the whole suite
  std::vector<PolicyUnderDraws> policies;  // by rank
  std::vector<ScenarioUnderDraws> scenarios;
};

// Throws InputError for a scenario with prediction tables in place of a profile, whose error is not known.
void check_profiles_drawn(const std::vector<Scenario>& scenarios);

// The settings of a suite's rows that can be deployed, by rank.
std::vector<PolicySpec> deployable_policies(const Suite& suite);

// Runs the suite anew under draws 1 to `num_draws` of each scenario's profile and compares with `suite`, which was run
// under the profiles themselves. Throws InputError as check_profiles_drawn does.
ProfileStudy study_profiles(const Suite& suite, const std::vector<Scenario>& scenarios,
                            const std::vector<PolicySpec>& policies, std::int64_t num_draws, int threads,
                            const Progress& progress = {});

// As Markdown, a page of its own.
std::string profile_study_markdown(const ProfileStudy& study);

}  // namespace switchyard
