#include "search/ledger.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace switchyard {

namespace {

// Replays that are written down together, unless a larger width is declared: what a kill can cost. The same for any
// number of threads, so that the transactions, and with them the bytes of the store, are the same too.
constexpr std::size_t kChunk = 64;

}  // namespace

Subject subject_of(const Experiment& experiment) {
  const Scenario& scenario = experiment.scenario();
  return {.scenario = scenario,
          .digest = experiment.digest().text(),
          .workload = experiment.workload_title(scenario.held_out_seeds.seeds()),
          .cost = experiment.cost_description()};
}

Ledger::Ledger(const Experiment& experiment, const RequestLimits& limits, Evaluator& evaluator, StudyStore* store,
               Progress progress)
    : subject_(subject_of(experiment)),
      key_(replay_key(experiment, limits)),
      evaluator_(&evaluator),
      store_(store),
      progress_(std::move(progress)) {
  if (!store_) return;
  for (StoredReplay& replay : store_->replays()) {
    if (replay.experiment == key_) stored_[replay.policy].emplace(replay.seed, std::move(replay.result));
  }
}

Ledger::Ledger(Subject subject, const StudyStore& store) : subject_(std::move(subject)) {
  for (StoredReplay& replay : store.replays()) {
    trials_[trial(parse_policy(replay.policy, "study"))].results.emplace(replay.seed, std::move(replay.result));
  }
}

Ledger::Ledger(Subject subject, const StudyStore& store, const std::string& key) : subject_(std::move(subject)) {
  for (StoredReplay& replay : store.replays()) {
    const std::size_t number = trial(parse_policy(replay.policy, "study"));
    if (replay.experiment == key) trials_[number].results.emplace(replay.seed, std::move(replay.result));
  }
}

std::size_t Ledger::trial(const PolicySpec& policy) {
  const std::string spec = policy.text();
  const auto [at, is_new] = numbers_.emplace(spec, trials_.size());
  if (!is_new) return at->second;
  Trial& trial = trials_.emplace_back();
  trial.policy = policy;
  const auto stored = stored_.find(spec);
  if (stored != stored_.end()) {
    trial.results = std::move(stored->second);
    stored_.erase(stored);
  }
  return at->second;
}

void Ledger::run(const std::vector<Request>& requests) {
  std::vector<Wanted> wanted;
  for (const Request& request : requests) wanted.push_back({this, request});
  run_all(wanted);
  done_ = total_ = 0;
}

void Ledger::run_all(const std::vector<Wanted>& wanted) {
  std::vector<Wanted> missing;
  std::set<std::pair<const Ledger*, Request>> seen;
  for (const Wanted& want : wanted) {
    const auto& [trial, seed] = want.request;
    if (!want.ledger->knows(trial, seed) && seen.emplace(want.ledger, want.request).second) missing.push_back(want);
  }
  if (missing.empty()) return;
  const Ledger& first = *wanted.front().ledger;
  if (!first.evaluator_) throw std::logic_error("a ledger that is only read was asked to run a replay");
  const std::size_t before = first.done_, total = std::max(first.total_, before + missing.size());
  const std::size_t chunk = std::max(kChunk, first.width_);
  for (std::size_t begin = 0; begin < missing.size(); begin += chunk) {
    const std::size_t end = std::min(begin + chunk, missing.size());
    std::vector<Job> jobs;
    for (std::size_t i = begin; i < end; ++i) jobs.push_back(missing[i].ledger->job(missing[i].request));
    std::vector<ReplayResult> results = first.evaluator_->run(
        jobs, first.progress_ ? [&](std::size_t done, std::size_t) { first.progress_(before + begin + done, total); }
                              : Progress{});
    if (first.store_) {
      std::vector<StoredReplay> stored;
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        stored.push_back({jobs[i].experiment, jobs[i].policy, jobs[i].seed, results[i]});
      }
      first.store_->append(stored);
    }
    for (std::size_t i = begin; i < end; ++i) {
      Ledger& ledger = *missing[i].ledger;
      const auto& [trial, seed] = missing[i].request;
      ledger.trials_[trial].results.emplace(seed, std::move(results[i - begin]));
      ++ledger.num_replays_;
    }
  }
}

void Ledger::run(const std::vector<std::size_t>& trials, const std::vector<std::uint64_t>& seeds) {
  std::vector<Request> requests;
  for (const std::size_t trial : trials) {
    for (const std::uint64_t seed : seeds) requests.emplace_back(trial, seed);
  }
  run(requests);
}

std::string Ledger::failure(std::size_t trial, const std::vector<std::uint64_t>& seeds) const {
  for (const std::uint64_t seed : seeds) {
    if (!result(trial, seed).failure.empty()) return result(trial, seed).failure;
  }
  return "";
}

std::vector<Summary> Ledger::summaries(std::size_t trial, const std::vector<std::uint64_t>& seeds) const {
  std::vector<Summary> all;
  for (const std::uint64_t seed : seeds) all.push_back(result(trial, seed).summary);
  return all;
}

}  // namespace switchyard
