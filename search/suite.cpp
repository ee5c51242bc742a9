#include "search/suite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <tuple>

#include "core/input/error.hpp"
#include "search/ledger.hpp"

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

bool excludes(const Interval& interval, double value) { return interval.low > value || interval.high < value; }

Interval ratio_of(std::span<const double> values, std::span<const double> reference) {
  const Interval change = relative_change(values, reference);
  return {1 + change.value, 1 + change.low, 1 + change.high};
}

}  // namespace

Suite run_suite(const std::vector<Scenario>& scenarios, const std::vector<PolicySpec>& asked, int threads,
                const Progress& progress) {
  std::vector<std::unique_ptr<Experiment>> experiments;  // all of them first: what is wrong with one is said at once
  std::set<std::string> names;
  for (const Scenario& scenario : scenarios) {
    if (!names.insert(scenario.name).second) {
      throw InputError(fmt::format("--scenarios: two are named {}", in_quotes(scenario.name)));
    }
    experiments.push_back(std::make_unique<Experiment>(scenario));
  }
  const std::vector<PolicySpec> policies = with_references(asked);
  Suite suite;
  for (const PolicySpec& policy : policies) {
    SuiteRow& row = suite.rows.emplace_back();
    row.policy = policy.text();
    row.clairvoyant = policy.info->clairvoyant;
  }
  for (std::unique_ptr<Experiment>& experiment : experiments) {
    const Scenario& scenario = experiment->scenario();
    const std::vector<std::uint64_t> seeds = scenario.held_out_seeds.seeds();
    Evaluator evaluator(*experiment, {}, threads);
    Ledger ledger(evaluator, nullptr, progress);
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
    about.workload = experiment->workload(seeds.front())->source;
    about.cost = experiment->cost_description();
    about.seeds = format_seed_range(scenario.held_out_seeds);
    for (const Summary& summary : ledger.summaries(llq, seeds)) {
      about.llq_by_seed.push_back(summary.mean_e2e_s);
      about.interference_free_by_seed.push_back(summary.interference_free_e2e_s);
    }
    for (std::size_t i = 0; i < trials.size(); ++i) {
      SuiteRow& row = suite.rows[i];
      if (!row.failure.empty()) continue;
      const std::string failure = ledger.failure(trials[i], seeds);
      if (!failure.empty()) {
        row.failure = scenario.name + ": " + failure;
        row.e2e_by_seed.clear();
        continue;
      }
      std::vector<double>& values = row.e2e_by_seed.emplace_back();
      for (const Summary& summary : ledger.summaries(trials[i], seeds)) values.push_back(summary.mean_e2e_s);
    }
    experiment.reset();  // its workloads are not needed any more
  }
  rank_suite(suite);
  return suite;
}

void rank_suite(Suite& suite) {
  std::vector<std::vector<double>> llq;
  for (const SuiteScenario& scenario : suite.scenarios) llq.push_back(scenario.llq_by_seed);
  for (SuiteRow& row : suite.rows) {
    row.rank = row.not_distinguishable_from = 0;
    row.ratios.clear();
    row.real_losses.clear();
    if (!row.failure.empty()) continue;
    const Robustness robustness = robust_ratio(row.e2e_by_seed, llq);
    row.geometric_mean = robustness.geometric_mean;
    row.worst = robustness.worst;
    row.worst_scenario = 0;
    for (std::size_t s = 0; s < llq.size(); ++s) {
      row.ratios.push_back(ratio_of(row.e2e_by_seed[s], llq[s]));
      if (row.ratios[s].value > row.ratios[row.worst_scenario].value) row.worst_scenario = s;
      if (row.ratios[s].low > 1) row.real_losses.push_back(s);
    }
    row.never_worse = row.worst.value <= 1;
  }
  std::sort(suite.rows.begin(), suite.rows.end(), [](const SuiteRow& a, const SuiteRow& b) {
    return std::tuple(!a.failure.empty(), a.geometric_mean.value, std::cref(a.policy).get()) <
           std::tuple(!b.failure.empty(), b.geometric_mean.value, std::cref(b.policy).get());
  });
  std::vector<const SuiteRow*> ranked;
  for (SuiteRow& row : suite.rows) {
    if (row.clairvoyant || !row.failure.empty()) continue;
    row.rank = static_cast<int>(ranked.size()) + 1;
    for (std::size_t k = 0; k < ranked.size() && row.not_distinguishable_from == 0; ++k) {
      const Interval ratio = robust_ratio(row.e2e_by_seed, ranked[k]->e2e_by_seed).geometric_mean;
      if (!excludes(ratio, 1)) row.not_distinguishable_from = static_cast<int>(k) + 1;
    }
    ranked.push_back(&row);
  }
}

}  // namespace switchyard
