// All replays of a study, each run once: what is known is looked up, what is not is run, kept and, if there is a store,
// written down. A search that is deterministic resumes by being run again on the same store.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "search/evaluator.hpp"
#include "search/study_store.hpp"

namespace switchyard {

class Ledger {
 public:
  // Both outlive the ledger; `store` may be null.
  explicit Ledger(Evaluator& evaluator, StudyStore* store = nullptr, Progress progress = {});

  // What progress is told: `done` replays of `total` are behind us. Without it, each run() counts for itself.
  void expect(std::size_t done, std::size_t total) { done_ = done, total_ = total; }

  const Experiment& experiment() const { return evaluator_.experiment(); }

  // The number of the trial of this policy: one trial a canonical spec, numbered in the order of asking.
  std::size_t trial(const PolicySpec& policy);
  std::size_t num_trials() const { return trials_.size(); }
  const PolicySpec& policy(std::size_t trial) const { return trials_[trial].policy; }

  using Request = std::pair<std::size_t, std::uint64_t>;  // trial, seed

  // Makes the results of all requests known.
  void run(const std::vector<Request>& requests);
  void run(const std::vector<std::size_t>& trials, const std::vector<std::uint64_t>& seeds);  // all pairs

  bool knows(std::size_t trial, std::uint64_t seed) const { return trials_[trial].results.count(seed) > 0; }
  const ReplayResult& result(std::size_t trial, std::uint64_t seed) const { return trials_[trial].results.at(seed); }

  // The first failure among these seeds, or "".
  std::string failure(std::size_t trial, const std::vector<std::uint64_t>& seeds) const;
  std::vector<Summary> summaries(std::size_t trial, const std::vector<std::uint64_t>& seeds) const;

  std::size_t num_replays() const { return num_replays_; }  // run here, not looked up

 private:
  struct Trial {
    PolicySpec policy;
    bool stored = false;
    std::map<std::uint64_t, ReplayResult> results;
  };

  Evaluator& evaluator_;
  StudyStore* store_;
  Progress progress_;
  std::size_t done_ = 0, total_ = 0;
  std::vector<Trial> trials_;
  std::map<std::string, std::size_t> numbers_;                           // by spec
  std::map<std::string, std::map<std::uint64_t, ReplayResult>> stored_;  // read from the store, not yet asked for
  std::size_t num_replays_ = 0;
};

}  // namespace switchyard
