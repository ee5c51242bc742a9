#include "search/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/input/error.hpp"
#include "core/scenario/digest.hpp"
#include "search/differences.hpp"
#include "search/ranking.hpp"
#include "search/statistics.hpp"

namespace switchyard {

Leaderboard judge(Ledger& ledger, const Goal& goal, const std::vector<std::size_t>& judged, Tuned tuned) {
  const Scenario& scenario = ledger.scenario();
  std::vector<std::uint64_t> training;
  if (tuned == Tuned::yes) training = scenario.train_seeds.seeds();
  const std::vector<std::uint64_t> held_out = scenario.held_out_seeds.seeds();
  const std::size_t lor = ledger.trial(parse_policy("lor", ""));
  const std::size_t llq = ledger.trial(parse_policy("llq", ""));
  std::vector<std::size_t> rows = judged;
  for (const PolicyInfo& info : registered_policies()) {
    if (info.clairvoyant) rows.push_back(ledger.trial({&info, default_values(info.params)}));
  }
  std::set<std::size_t> known;
  std::erase_if(rows, [&](std::size_t trial) { return !known.insert(trial).second; });
  std::vector<std::size_t> all = {lor, llq};
  all.insert(all.end(), rows.begin(), rows.end());
  ledger.run(all, training);
  ledger.run(all, held_out);

  Leaderboard leaderboard;
  leaderboard.scenario = scenario.name;
  leaderboard.workload = ledger.subject().workload;
  leaderboard.cost = ledger.subject().cost;
  leaderboard.digest = ledger.subject().digest;
  leaderboard.objective = goal.objective.text();
  leaderboard.higher_is_better = goal.objective.higher_is_better();
  leaderboard.constraints = format_constraints(goal.constraints);
  if (tuned == Tuned::yes) leaderboard.train_seeds = format_seed_range(scenario.train_seeds);
  if (tuned == Tuned::yes && scenario.train_overload > 0) {
    leaderboard.train_seeds += fmt::format(", at 1 to {:.6g} times the load", 1 + scenario.train_overload);
  }
  leaderboard.held_out_seeds = format_seed_range(scenario.held_out_seeds);
  leaderboard.intervals = interval_method(held_out.size());
  for (const Summary& summary : ledger.summaries(llq, held_out)) {
    leaderboard.interference_free_by_seed.push_back(summary.interference_free_e2e_s);
  }
  leaderboard.lor_by_seed = goal.objective.by_seed(ledger.summaries(lor, held_out));
  leaderboard.llq_by_seed = goal.objective.by_seed(ledger.summaries(llq, held_out));
  leaderboard.llq_training_by_seed = goal.objective.by_seed(ledger.summaries(llq, training));
  for (const std::size_t trial : rows) {
    const PolicySpec& policy = ledger.policy(trial);
    LeaderboardRow row;
    row.policy = policy.text();
    row.is_default = policy.values == default_values(policy.info->params);
    row.clairvoyant = policy.info->clairvoyant;
    row.failure = ledger.failure(trial, training);
    if (row.failure.empty()) row.failure = ledger.failure(trial, held_out);
    if (row.failure.empty()) {
      row.training_by_seed = goal.objective.by_seed(ledger.summaries(trial, training));
      row.held_out_by_seed = goal.objective.by_seed(ledger.summaries(trial, held_out));
      row.metrics = mean_of(ledger.summaries(trial, held_out));
      row.infeasible = broken_constraints(goal, row.metrics);
    }
    leaderboard.rows.push_back(std::move(row));
  }
  rank_rows(leaderboard);
  return leaderboard;
}

void rank_rows(Leaderboard& leaderboard) {
  std::vector<LeaderboardRow>& rows = leaderboard.rows;
  for (LeaderboardRow& row : rows) {
    if (row.failure.empty()) row.held_out = mean_interval(row.held_out_by_seed);
  }
  const double sign = leaderboard.higher_is_better ? -1 : 1;
  sort_and_number(
      rows, leaderboard.llq_by_seed.size() > 1, [&](const LeaderboardRow& row) { return sign * row.held_out.value; },
      [](const LeaderboardRow& row, const LeaderboardRow& other) {
        return distinguishable(row.held_out_by_seed, other.held_out_by_seed);
      });
  leaderboard.interference_free = mean_interval(leaderboard.interference_free_by_seed);
  std::vector<std::vector<double>> held_out;
  for (const LeaderboardRow& row : rows) {
    if (row.failure.empty()) held_out.push_back(row.held_out_by_seed);
  }
  const std::vector<Interval> simultaneous = simultaneous_changes(held_out, leaderboard.llq_by_seed);
  for (std::size_t i = 0; i < held_out.size(); ++i) {  // failed rows come last
    LeaderboardRow& row = rows[i];
    const std::vector<double>& values = row.held_out_by_seed;
    if (leaderboard.tuned()) row.training = mean_interval(row.training_by_seed);
    row.change_against_lor = relative_change(values, leaderboard.lor_by_seed);
    row.change_against_llq = relative_change(values, leaderboard.llq_by_seed);
    row.simultaneous_against_llq = simultaneous[i];
    if (leaderboard.tuned()) {
      row.optimism = optimism(row.training_by_seed, leaderboard.llq_training_by_seed, values, leaderboard.llq_by_seed);
    }
    if (leaderboard.ranks_mean_e2e()) {
      row.gap_closed = gap_closed(values, leaderboard.llq_by_seed, leaderboard.interference_free_by_seed);
    }
  }
}

namespace {

// What two leaderboards differ in; "" if they are about the same. Where both digests are known, names do not matter.
std::string difference_of(const Leaderboard& a, const Leaderboard& b) {
  if (std::string digests = digest_difference(a.digest, b.digest); !digests.empty()) return digests;
  Differences found;
  if (!parse_digest(a.digest) || !parse_digest(b.digest)) {
    found.add("the scenario", a.scenario, b.scenario);
    found.add("the workload", a.workload, b.workload);
    found.add("the batch times", a.cost, b.cost);
  }
  found.add("the objective", a.objective, b.objective);
  found.add("the constraints", a.constraints, b.constraints);
  found.add("the training seeds", a.train_seeds, b.train_seeds);
  found.add("the held-out seeds", a.held_out_seeds, b.held_out_seeds);
  if (found.text().empty() && a.llq_by_seed != b.llq_by_seed) return "llq's figures on the same seeds";
  return found.text();
}

}  // namespace

Leaderboard merge(const std::vector<Leaderboard>& leaderboards, const std::vector<std::string>& folders) {
  Leaderboard merged = leaderboards.at(0);
  for (std::size_t i = 1; i < leaderboards.size(); ++i) {
    const Leaderboard& other = leaderboards[i];
    if (const std::string difference = difference_of(merged, other); !difference.empty()) {
      throw InputError(fmt::format("leaderboard: {} and {} cannot be ranked together: they differ in {}",
                                   in_quotes(folders.at(0)), in_quotes(folders.at(i)), difference));
    }
    if (merged.digest.empty()) merged.digest = other.digest;
    merged.reproducible = merged.reproducible && other.reproducible;
    for (const LeaderboardRow& row : other.rows) {
      const bool known = std::any_of(merged.rows.begin(), merged.rows.end(),
                                     [&](const LeaderboardRow& mine) { return mine.policy == row.policy; });
      if (!known) merged.rows.push_back(row);
    }
  }
  rank_rows(merged);
  return merged;
}

}  // namespace switchyard
