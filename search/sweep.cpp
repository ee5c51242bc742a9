#include "search/sweep.hpp"

#include <fmt/format.h>

#include <limits>

#include "search/ledger.hpp"

namespace switchyard {

double bend_of(std::span<const double> loads, std::span<const double> values) {
  const double target = kBendFactor * values[0];
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] < target) continue;
    const double share = (target - values[i - 1]) / (values[i] - values[i - 1]);
    return loads[i - 1] + share * (loads[i] - loads[i - 1]);
  }
  return std::numeric_limits<double>::infinity();
}

Sweep run_sweep(const std::string& axis, const std::vector<double>& loads, const std::vector<Scenario>& scenarios,
                const std::vector<PolicySpec>& policies, int threads, const Progress& progress) {
  Sweep sweep;
  sweep.axis = axis;
  sweep.loads = loads;
  for (const PolicySpec& policy : policies) {
    SweepRow& row = sweep.rows.emplace_back();
    row.policy = policy.text();
    row.clairvoyant = policy.info->clairvoyant;
  }
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const Experiment experiment(scenarios[i]);
    const std::vector<std::uint64_t> seeds = scenarios[i].held_out_seeds.seeds();
    if (i == 0) {
      sweep.scenario = scenarios[i].name;
      sweep.workload = experiment.workload(seeds.front())->source;
      sweep.cost = experiment.cost_description();
      sweep.seeds = format_seed_range(scenarios[i].held_out_seeds);
    }
    Evaluator evaluator(experiment, {}, threads);
    Ledger ledger(evaluator, nullptr, progress);
    std::vector<std::size_t> trials;
    for (const PolicySpec& policy : policies) trials.push_back(ledger.trial(policy));
    ledger.run(trials, seeds);
    for (std::size_t p = 0; p < trials.size(); ++p) {
      SweepRow& row = sweep.rows[p];
      if (!row.failure.empty()) continue;
      const std::string failure = ledger.failure(trials[p], seeds);
      if (!failure.empty()) {
        row.failure = fmt::format("{} {}: {}", axis, loads[i], failure);
        row.e2e_by_seed.clear();
        continue;
      }
      std::vector<double>& values = row.e2e_by_seed.emplace_back();
      for (const Summary& summary : ledger.summaries(trials[p], seeds)) values.push_back(summary.mean_e2e_s);
    }
  }
  derive_sweep(sweep);
  return sweep;
}

void derive_sweep(Sweep& sweep) {
  const SweepRow* first = nullptr;
  for (SweepRow& row : sweep.rows) {
    row.e2e.clear();
    row.change.clear();
    if (!row.failure.empty()) continue;
    if (first == nullptr) first = &row;
    for (std::size_t i = 0; i < sweep.loads.size(); ++i) {
      row.e2e.push_back(mean_interval(row.e2e_by_seed[i]));
      row.change.push_back(relative_change(row.e2e_by_seed[i], first->e2e_by_seed[i]));
    }
    row.bend = bootstrap(row.e2e_by_seed[0].size(), [&](std::span<const std::size_t> at) {
      std::vector<double> sums;  // as many seeds at each load: sums bend where means do
      for (const std::vector<double>& values : row.e2e_by_seed) {
        double sum = 0;
        for (const std::size_t seed : at) sum += values[seed];
        sums.push_back(sum);
      }
      return bend_of(sweep.loads, sums);
    });
  }
}

}  // namespace switchyard
