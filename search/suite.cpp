#include "search/suite.hpp"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <set>

#include "core/input/error.hpp"
#include "search/ledger.hpp"
#include "search/ranking.hpp"

namespace switchyard {

namespace {

// The policies of the rows: those asked for and the clairvoyant references, each once.
std::vector<PolicySpec> with_references(std::vector<PolicySpec> policies) {
  for (const PolicyInfo& info : registered_policies()) {
    if (info.clairvoyant) policies.push_back({&info, default_values(info.params)});
  }
  std::set<std::string> known;
  std::erase_if(policies, [&](const PolicySpec& policy) { return !known.insert(policy.text()).second; });
  return policies;
}

SeedGroups groups_of(const std::vector<SuiteScenario>& scenarios) {
  std::map<std::string, std::size_t> numbers;
  SeedGroups groups;
  for (const SuiteScenario& scenario : scenarios) {
    groups.push_back(numbers.emplace(scenario.seeds, numbers.size()).first->second);
  }
  return groups;
}

// Ratios to it are defined, whichever seed is left out.
void check_yardstick(const Objective& objective, const SuiteScenario& scenario,
                     const std::vector<std::uint64_t>& seeds) {
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    if (scenario.llq_by_seed[i] > 0) continue;
    throw InputError(fmt::format("{}: {} of llq, which others are measured by, is 0 on seed {}: no ratio to it",
                                 scenario.name, objective.text(), seeds[i]));
  }
}

Suite rows_of(const Goal& goal, const std::vector<PolicySpec>& policies) {
  Suite suite;
  suite.goal = goal;
  for (const PolicySpec& policy : policies) {
    SuiteRow& row = suite.rows.emplace_back();
    row.policy = policy.text();
    row.clairvoyant = policy.info->clairvoyant;
  }
  return suite;
}

// What a scenario's held-out seeds say of the suite's policies, a row each.
void add_scenario(Suite& suite, Ledger& ledger, const std::vector<PolicySpec>& policies) {
  const Goal& goal = suite.goal;
  const Scenario& scenario = ledger.scenario();
  const std::vector<std::uint64_t> seeds = scenario.held_out_seeds.seeds();
  const std::size_t llq = ledger.trial(parse_policy("llq", ""));
  std::vector<std::size_t> trials;
  for (const PolicySpec& policy : policies) trials.push_back(ledger.trial(policy));
  std::vector<std::size_t> all = trials;
  all.insert(all.begin(), llq);
  ledger.run(all, seeds);
  if (const std::string failure = ledger.failure(llq, seeds); !failure.empty()) {
    throw InputError(fmt::format("{}: llq, which others are measured by, failed: {}", scenario.name, failure));
  }
  SuiteScenario& about = suite.scenarios.emplace_back();
  about.name = scenario.name;
  about.workload = ledger.subject().workload;
  about.cost = ledger.subject().cost;
  about.digest = ledger.subject().digest;
  about.seeds = format_seed_range(scenario.held_out_seeds);
  const std::vector<Summary> of_llq = ledger.summaries(llq, seeds);
  about.llq_by_seed = goal.objective.by_seed(of_llq);
  check_yardstick(goal.objective, about, seeds);
  if (goal.objective.is_mean_e2e()) {
    for (const Summary& summary : of_llq) about.interference_free_by_seed.push_back(summary.interference_free_e2e_s);
  }
  for (std::size_t i = 0; i < trials.size(); ++i) {
    SuiteRow& row = suite.rows[i];
    if (!row.failure.empty()) continue;
    const std::string failure = ledger.failure(trials[i], seeds);
    if (!failure.empty()) {
      row.failure = scenario.name + ": " + failure;
      row.infeasible.clear();
      row.by_seed.clear();
      continue;
    }
    const std::vector<Summary> summaries = ledger.summaries(trials[i], seeds);
    row.by_seed.push_back(goal.objective.by_seed(summaries));
    if (const std::string broken = broken_constraints(goal, mean_of(summaries)); !broken.empty()) {
      row.infeasible += fmt::format("{}{}: {}", row.infeasible.empty() ? "" : "; ", scenario.name, broken);
    }
  }
}

}  // namespace

Suite run_suite(const Goal& goal, const std::vector<Scenario>& scenarios, const std::vector<PolicySpec>& asked,
                int threads, const Progress& progress, StudyStore* store) {
  std::vector<std::unique_ptr<Experiment>> experiments;  // all of them first: what is wrong with one is said at once
  std::set<std::string> names;
  for (const Scenario& scenario : scenarios) {
    if (!names.insert(scenario.name).second) {
      throw InputError(fmt::format("--scenarios: two are named {}", in_quotes(scenario.name)));
    }
    experiments.push_back(std::make_unique<Experiment>(scenario));
  }
  const std::vector<PolicySpec> policies = with_references(asked);
  Suite suite = rows_of(goal, policies);
  const auto evaluator = make_evaluator(goal.objective.limits, threads);
  for (std::unique_ptr<Experiment>& experiment : experiments) {
    const std::string key = evaluator->add(*experiment);
    Ledger ledger(*experiment, goal.objective.limits, *evaluator, store, progress);
    add_scenario(suite, ledger, policies);
    evaluator->remove(key);
    experiment.reset();  // its workloads are not needed any more
  }
  rank_suite(suite);
  return suite;
}

Suite judge_suite(const Goal& goal, const std::vector<Ledger*>& ledgers, const std::vector<PolicySpec>& asked) {
  const std::vector<PolicySpec> policies = with_references(asked);
  Suite suite = rows_of(goal, policies);
  for (Ledger* ledger : ledgers) add_scenario(suite, *ledger, policies);
  rank_suite(suite);
  return suite;
}

std::string never_worse_text(NeverWorse verdict) {
  constexpr const char* texts[] = {"yes", "within error", "no", "-"};
  return texts[static_cast<std::size_t>(verdict)];
}

void rank_suite(Suite& suite) {
  const bool higher = suite.goal.objective.higher_is_better();
  const auto all_worse = [&](const Interval& ratio) { return higher ? ratio.high < 1 : ratio.low > 1; };
  const auto none_worse = [&](const Interval& ratio) { return higher ? ratio.low >= 1 : ratio.high <= 1; };
  const SeedGroups groups = groups_of(suite.scenarios);
  BySeed llq;
  bool decidable = true;
  for (const SuiteScenario& scenario : suite.scenarios) {
    llq.push_back(scenario.llq_by_seed);
    decidable = decidable && scenario.llq_by_seed.size() > 1;
  }
  for (SuiteRow& row : suite.rows) {
    row.ratios.clear();
    row.real_losses.clear();
    if (!row.failure.empty()) continue;
    const RobustRatio robust = robust_ratio(row.by_seed, llq, groups, higher);
    row.ratios = robust.ratios;
    row.geometric_mean = robust.geometric_mean;
    row.worst = robust.worst;
    row.worst_scenario = robust.worst_scenario;
    for (std::size_t s = 0; s < llq.size(); ++s) {
      if (all_worse(row.ratios[s])) row.real_losses.push_back(s);
    }
    row.never_worse = !row.worst.has_interval() ? NeverWorse::unknown
                      : all_worse(row.worst)    ? NeverWorse::no
                      : none_worse(row.worst)   ? NeverWorse::yes
                                                : NeverWorse::within_error;
  }
  sort_and_number(
      suite.rows, decidable, [&](const SuiteRow& row) { return suite.goal.objective.cost(row.geometric_mean.value); },
      [&](const SuiteRow& row, const SuiteRow& other) {
        return robustly_distinguishable(row.by_seed, other.by_seed, groups);
      });
}

}  // namespace switchyard
