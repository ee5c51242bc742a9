#include "search/profile_study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/cost/profile_draw.hpp"
#include "core/input/error.hpp"

namespace switchyard {

namespace {

bool deployable(const SuiteRow& row) { return row.failure.empty() && !row.clairvoyant && row.infeasible.empty(); }

// Policies that can be deployed, by rank.
std::vector<const SuiteRow*> ranked(const Suite& suite) {
  std::vector<const SuiteRow*> rows;
  for (const SuiteRow& row : suite.rows) {
    if (deployable(row)) rows.push_back(&row);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const SuiteRow* a, const SuiteRow* b) { return a->rank < b->rank; });
  return rows;
}

// The policy with the best ratio to llq in one scenario.
std::string winner_of(const Suite& suite, std::size_t scenario) {
  const SuiteRow* best = nullptr;
  for (const SuiteRow* row : ranked(suite)) {
    const double here = row->ratios[scenario].value;
    const double least = best ? best->ratios[scenario].value : 0;
    if (!best || (suite.goal.objective.higher_is_better() ? here > least : here < least)) best = row;
  }
  return best ? best->policy : "";
}

}  // namespace

void check_profiles_drawn(const std::vector<Scenario>& scenarios) {
  for (const Scenario& scenario : scenarios) {
    if (!scenario.cost_tables.empty()) {
      throw InputError(
          fmt::format("--profile-uncertainty: {} has prediction tables in place of a profile, whose error is "
                      "not known",
                      scenario.name));
    }
  }
}

std::vector<PolicySpec> deployable_policies(const Suite& suite) {
  std::vector<PolicySpec> policies;
  for (const SuiteRow* row : ranked(suite)) policies.push_back(parse_policy(row->policy, "suite"));
  return policies;
}

ProfileStudy study_profiles(const Suite& suite, const std::vector<Scenario>& scenarios,
                            const std::vector<PolicySpec>& policies, std::int64_t num_draws, int threads,
                            const Progress& progress) {
  check_profiles_drawn(scenarios);
  ProfileStudy study{.num_draws = num_draws};
  std::map<std::string, std::size_t> place;  // in study.policies
  for (const SuiteRow* row : ranked(suite)) {
    PolicyUnderDraws policy;
    policy.policy = row->policy;
    policy.verdict = never_worse_text(row->never_worse);
    policy.rank = study.policies.size() + 1;
    policy.ratio = row->geometric_mean.value;
    place[row->policy] = study.policies.size();
    study.policies.push_back(std::move(policy));
  }
  for (std::size_t s = 0; s < suite.scenarios.size(); ++s) {
    study.scenarios.push_back({suite.scenarios[s].name, winner_of(suite, s), 0});
  }

  for (std::int64_t draw = 1; draw <= num_draws; ++draw) {
    std::vector<Scenario> drawn = scenarios;
    for (Scenario& scenario : drawn) {
      scenario.set_profile(name_of_draw(scenario.profile, static_cast<std::uint64_t>(draw)));
    }
    const Suite other = run_suite(suite.goal, drawn, policies, threads, progress);
    std::size_t rank = 0;
    for (const SuiteRow* row : ranked(other)) {
      ++rank;
      const auto found = place.find(row->policy);
      if (found == place.end()) continue;  // ranked here alone
      PolicyUnderDraws& policy = study.policies[found->second];
      const double ratio = row->geometric_mean.value;
      policy.best_rank = policy.best_rank == 0 ? rank : std::min(policy.best_rank, rank);
      policy.worst_rank = std::max(policy.worst_rank, rank);
      policy.least_ratio = policy.least_ratio == 0 ? ratio : std::min(policy.least_ratio, ratio);
      policy.most_ratio = std::max(policy.most_ratio, ratio);
      policy.num_same_verdict += never_worse_text(row->never_worse) == policy.verdict;
      study.num_same_winner += rank == 1 && found->second == 0;
    }
    for (std::size_t s = 0; s < study.scenarios.size(); ++s) {
      study.scenarios[s].num_same_winner += winner_of(other, s) == study.scenarios[s].winner;
    }
  }
  return study;
}

std::string profile_study_markdown(const ProfileStudy& study) {
  std::string text = fmt::format(
      "# Does the ranking survive the error of its profiles?\n\nThe suite anew under {} draws: token operators off by "
      "{:.0f}%, attention of decodes by {:.0f}% and of prompts by {:.0f}% (standard deviations; each as a whole). The "
      "first of the "
      "ranking stays first in {} of {}.\n\n| rank | policy | ranks over draws | ratio to llq | over draws | never "
      "worse | draws that "
      "say so |\n|---:|---|---:|---:|---:|---|---:|\n",
      study.num_draws, 100 * kTokenDeviation, 100 * kDecodeDeviation, 100 * kPrefillDeviation, study.num_same_winner,
      study.num_draws);
  for (const PolicyUnderDraws& policy : study.policies) {
    text += fmt::format("| {} | `{}` | {}-{} | {:.3f} | {:.3f}-{:.3f} | {} | {} of {} |\n", policy.rank, policy.policy,
                        policy.best_rank, policy.worst_rank, policy.ratio, policy.least_ratio, policy.most_ratio,
                        policy.verdict, policy.num_same_verdict, study.num_draws);
  }
  text += "\n| scenario | best in it | draws in which it is |\n|---|---|---:|\n";
  for (const ScenarioUnderDraws& scenario : study.scenarios) {
    text += fmt::format("| {} | `{}` | {} of {} |\n", scenario.scenario, scenario.winner, scenario.num_same_winner,
                        study.num_draws);
  }
  return text;
}

}  // namespace switchyard
