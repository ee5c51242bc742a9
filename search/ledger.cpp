#include "search/ledger.hpp"

#include <algorithm>
#include <set>

namespace switchyard {

namespace {

// Replays that are written down together: what a kill can cost. The same for any number of threads, so that the
// transactions, and with them the bytes of the store, are the same too.
constexpr std::size_t kChunk = 64;

}  // namespace

Ledger::Ledger(Evaluator& evaluator, StudyStore* store, Progress progress)
    : evaluator_(evaluator), store_(store), progress_(std::move(progress)) {
  if (!store_) return;
  const std::vector<StoredTrial> trials = store_->trials();
  for (const StoredTrial& trial : trials) stored_[trial.policy];
  for (StoredReplay& replay : store_->replays()) {
    stored_[trials.at(replay.trial).policy].emplace(replay.seed, std::move(replay.result));
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
    trial.stored = true;
    trial.results = std::move(stored->second);
    stored_.erase(stored);
  }
  return at->second;
}

void Ledger::run(const std::vector<Request>& requests) {
  std::vector<Request> missing;
  std::set<Request> seen;
  for (const Request& request : requests) {
    if (!knows(request.first, request.second) && seen.insert(request).second) missing.push_back(request);
  }
  const std::size_t total = std::max(total_, done_ + missing.size());
  for (std::size_t begin = 0; begin < missing.size(); begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, missing.size());
    std::vector<Job> jobs;
    for (std::size_t i = begin; i < end; ++i) jobs.push_back({&trials_[missing[i].first].policy, missing[i].second});
    std::vector<ReplayResult> results = evaluator_.run(
        jobs, progress_ ? [&](std::size_t done, std::size_t) { progress_(done_ + begin + done, total); } : Progress{});
    num_replays_ += jobs.size();
    std::vector<StoredTrial> new_trials;
    std::vector<StoredReplay> new_replays;
    for (std::size_t i = begin; i < end; ++i) {
      const auto [number, seed] = missing[i];
      Trial& trial = trials_[number];
      if (store_) {
        if (!trial.stored) new_trials.push_back({number, trial.policy.text()});
        trial.stored = true;
        new_replays.push_back({number, seed, results[i - begin]});
      }
      trial.results.emplace(seed, std::move(results[i - begin]));
    }
    if (store_) store_->append(new_trials, new_replays);
  }
  done_ = total_ = 0;
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
