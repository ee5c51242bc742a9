#include "search/suite_study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

const char* const kLeaveOut[] = {"none", "choose", "search"};

}  // namespace

std::vector<std::string> leave_out_names() { return {std::begin(kLeaveOut), std::end(kLeaveOut)}; }

LeaveOut parse_leave_out(const std::string& name, std::string_view where) {
  for (const LeaveOut leave_out : {LeaveOut::none, LeaveOut::choose, LeaveOut::search}) {
    if (leave_out_name(leave_out) == name) return leave_out;
  }
  throw unknown_name(where, "way to leave a scenario out", name, leave_out_names());
}

std::string leave_out_name(LeaveOut leave_out) { return kLeaveOut[static_cast<std::size_t>(leave_out)]; }

SuiteStudy::SuiteStudy(const std::vector<Scenario>& scenarios, const SuiteStudyOptions& options, Evaluator& evaluator)
    : options_(options), evaluator_(evaluator) {
  const RequestLimits& limits = options.study.goal.objective.limits;
  std::map<std::string, std::string> judged, trained;  // names by key
  const auto load = [&](const Scenario& scenario) {
    evaluator_.add(*experiments_.emplace_back(std::make_unique<Experiment>(scenario)));
    return experiments_.back().get();
  };
  const auto check = [&](auto& known, const Experiment& experiment, const char* flag) {
    const std::string& name = experiment.scenario().name;
    const auto [at, is_new] = known.emplace(replay_key(experiment, limits), name);
    if (is_new) return;
    throw InputError(
        fmt::format("{}: {} and {} are the same but for their names", flag, in_quotes(at->second), in_quotes(name)));
  };
  for (const Scenario& scenario : scenarios) {
    const Experiment& base = *judged_.emplace_back(load(scenario));
    check(judged, base, "--suite");
    for (const Scenario& variant : training_variants(scenario, options.axes, "--train-over")) {
      trained_.push_back(options.axes.empty() ? &base : load(variant));
      check(trained, *trained_.back(), "--train-over");
      owner_.push_back(judged_.size() - 1);
    }
  }
}

SuiteSubjects SuiteStudy::subjects() const {
  SuiteSubjects subjects{.judged = {}, .trained = {}, .owner = owner_};
  for (const Experiment* experiment : judged_) subjects.judged.push_back(subject_of(*experiment));
  for (const Experiment* experiment : trained_) subjects.trained.push_back(subject_of(*experiment));
  return subjects;
}

SuiteStudy::Result SuiteStudy::run(StudyStore* store, const Progress& progress) {
  const Goal& goal = options_.study.goal;
  // What is trained on and what is judged may be one experiment: its seeds are apart, and so may its ledgers be.
  const auto open = [&](const Experiment& experiment) {
    return std::make_unique<Ledger>(experiment, goal.objective.limits, evaluator_, store, progress);
  };
  std::vector<Ledger*> trained, judged;
  for (const Experiment* experiment : trained_) {
    trained.push_back(trained_ledgers_.emplace_back(open(*experiment)).get());
  }
  for (const Experiment* experiment : judged_) judged.push_back(judged_ledgers_.emplace_back(open(*experiment)).get());
  grid_ = std::make_unique<Grid>(trained);

  const Tuning tuning = tune(*grid_, options_.study);
  std::vector<PolicySpec> policies;
  for (const std::size_t trial : tuning.references) policies.push_back(grid_->policy(trial));
  for (const TunedPolicy& tuned : tuning.policies) {
    policies.push_back(grid_->policy(tuned.own));
    for (const std::size_t trial : tuned.leaders) policies.push_back(grid_->policy(trial));
  }
  Result result;
  result.suite = judge_suite(goal, judged, policies);
  result.training_replays = tuning.replays;
  if (options_.leave_out != LeaveOut::none && judged_.size() > 1) result.left_out = leave_out(tuning);
  return result;
}

std::size_t SuiteStudy::chosen_without(std::size_t scenario, std::size_t policy) {
  std::vector<std::size_t> others;
  for (std::size_t place = 0; place < owner_.size(); ++place) {
    if (owner_[place] != scenario) others.push_back(place);
  }
  Grid grid = grid_->part(others);
  StudyOptions study = options_.study;
  study.policies = {options_.study.policies[policy]};
  if (options_.leave_out == LeaveOut::search) {
    // As many replays of each scenario that is left.
    study.replays =
        std::max<std::size_t>(1, study.replays * grid.training_cells().size() / grid_->training_cells().size());
    const Tuning tuning = tune(grid, study);
    return tuning.policies[0].leaders.empty() ? tuning.policies[0].own : tuning.policies[0].leaders[0];
  }
  // The default comes first.
  const std::vector<TrialScore> scores = ranked_trials(grid, study, *study.policies[0]);
  return scores[std::min<std::size_t>(1, scores.size() - 1)].trial;
}

std::vector<LeftOut> SuiteStudy::leave_out(const Tuning& tuning) {
  const Goal& goal = options_.study.goal;
  std::vector<LeftOut> rows;
  for (std::size_t p = 0; p < tuning.policies.size(); ++p) {
    const TunedPolicy& tuned = tuning.policies[p];
    if (tuned.leaders.empty()) continue;
    for (std::size_t s = 0; s < judged_.size(); ++s) {
      Ledger& ledger = *judged_ledgers_[s];
      const std::vector<std::uint64_t> seeds = ledger.scenario().held_out_seeds.seeds();
      const std::size_t chosen = chosen_without(s, p);
      const auto here = [&](std::size_t trial) { return ledger.trial(grid_->policy(trial)); };
      const std::vector<std::size_t> trials = {here(tuned.own), here(chosen), here(tuned.leaders[0])};
      ledger.run(trials, seeds);
      LeftOut& row = rows.emplace_back();
      row.scenario = ledger.scenario().name;
      row.policy = options_.study.policies[p]->name;
      row.chosen = grid_->policy(chosen).text();
      row.best = grid_->policy(tuned.leaders[0]).text();
      if (!ledger.failure(trials[0], seeds).empty()) continue;
      const std::vector<double> own = goal.objective.by_seed(ledger.summaries(trials[0], seeds));
      const auto ratio = [&](std::size_t trial) {
        if (!ledger.failure(trial, seeds).empty()) return Interval{kAbsent};
        return ratio_of_means(goal.objective.by_seed(ledger.summaries(trial, seeds)), own);
      };
      row.ratio = ratio(trials[1]);
      row.best_ratio = ratio(trials[2]);
    }
  }
  return rows;
}

std::size_t SuiteStudy::num_replays() const {
  std::size_t sum = 0;
  for (const auto& ledger : trained_ledgers_) sum += ledger->num_replays();
  for (const auto& ledger : judged_ledgers_) sum += ledger->num_replays();
  return sum;
}

}  // namespace switchyard
