#include "search/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "search/ledger.hpp"

namespace switchyard {

namespace {

// How many requests were cut or left out at all loads so far.
struct WorkloadCounts {
  std::size_t cut = 0, dropped = 0, requests = 0;

  // The workload's title, this load counted too.
  std::string title_with(const Experiment& experiment, const std::vector<std::uint64_t>& seeds) {
    for (const std::uint64_t seed : seeds) {
      const auto made = experiment.workload(seed);
      cut += made->num_cut;
      dropped += made->num_dropped;
      requests += made->size();
    }
    std::int32_t context = 0;
    for (const auto& kind : experiment.cluster().kinds) context = std::max(context, kind.limits().max_tokens);
    return workload_title(experiment.workload(seeds.front())->source, cut, dropped, requests, context);
  }
};

}  // namespace

Sweep run_sweep(const Goal& goal, const std::string& axis, const std::vector<double>& loads,
                const std::vector<Scenario>& scenarios, const std::vector<PolicySpec>& policies, int threads,
                const Progress& progress, StudyStore* store) {
  Sweep sweep;
  sweep.goal = goal;
  sweep.axis = axis;
  sweep.loads = loads;
  for (const PolicySpec& policy : policies) {
    SweepRow& row = sweep.rows.emplace_back();
    row.policy = policy.text();
    row.clairvoyant = policy.info->clairvoyant;
  }
  WorkloadCounts counts;
  const auto evaluator = make_evaluator(goal.objective.limits, threads);
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const Experiment experiment(scenarios[i]);
    const std::vector<std::uint64_t> seeds = scenarios[i].held_out_seeds.seeds();
    if (i == 0) {
      sweep.scenario = scenarios[i].name;
      sweep.cost = experiment.cost_description();
      sweep.seeds = format_seed_range(scenarios[i].held_out_seeds);
    }
    sweep.workload = counts.title_with(experiment, seeds);
    const std::string key = evaluator->add(experiment);
    sweep.digests.push_back(experiment.digest().text());
    Ledger ledger(experiment, goal.objective.limits, *evaluator, store, progress);
    std::vector<std::size_t> trials;
    for (const PolicySpec& policy : policies) trials.push_back(ledger.trial(policy));
    ledger.run(trials, seeds);
    for (std::size_t p = 0; p < trials.size(); ++p) {
      SweepRow& row = sweep.rows[p];
      if (!row.failure.empty()) continue;
      const std::string failure = ledger.failure(trials[p], seeds);
      if (!failure.empty()) {
        row.failure = fmt::format("{} {}: {}", axis, loads[i], failure);
        row.by_seed.clear();
        row.infeasible.clear();
        continue;
      }
      const std::vector<Summary> summaries = ledger.summaries(trials[p], seeds);
      row.by_seed.push_back(goal.objective.by_seed(summaries));
      row.infeasible.push_back(broken_constraints(goal, mean_of(summaries)));
    }
    evaluator->remove(key);
  }
  derive_sweep(sweep);
  return sweep;
}

void derive_sweep(Sweep& sweep) {
  const SweepRow* first = nullptr;
  for (SweepRow& row : sweep.rows) {
    row.value.clear();
    row.change.clear();
    row.kept_to.reset();
    if (!row.failure.empty()) continue;
    if (first == nullptr) first = &row;
    for (std::size_t i = 0; i < sweep.loads.size(); ++i) {
      row.value.push_back(mean_interval(row.by_seed[i]));
      const std::vector<double>& reference = first->by_seed[i];
      const Interval change = relative_change(row.by_seed[i], reference);
      row.change.push_back(std::isnan(change.value) ? std::nullopt : std::optional(change));
    }
    for (std::size_t i = 0; i < sweep.loads.size() && row.infeasible[i].empty(); ++i) row.kept_to = sweep.loads[i];
    row.bend = bend_of(sweep.loads, row.by_seed, sweep.goal.objective.higher_is_better());
  }
}

}  // namespace switchyard
