// All replays of a study, each run once: what is known is looked up, what is not is run, kept and, if there is a store,
// written down. A search that is deterministic resumes by being run again on the same store.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "search/evaluator.hpp"
#include "search/study_store.hpp"

namespace switchyard {

// What the replays of a ledger are about.
struct Subject {
  Scenario scenario;
  std::string digest;    // of the experiment; "" if it is not known, as in old studies
  std::string workload;  // where the workload comes from, for reports
  std::string cost;      // where batch times come from
};

Subject subject_of(const Experiment& experiment);

class Ledger {
 public:
  // Of an experiment that the evaluator knows. All outlive the ledger; `store` may be null.
  Ledger(const Experiment& experiment, const RequestLimits& limits, Evaluator& evaluator, StudyStore* store = nullptr,
         Progress progress = {});

  // Of what a store holds, to look at: it has all trials of the store, in their order, and can run nothing. For this
  // neither the workload nor the batch times need be there.
  Ledger(Subject subject, const StudyStore& store);

  // The same of one of a study's several experiments: `key` (replay_key) says which replays are its own; trials are
  // those of the whole study.
  Ledger(Subject subject, const StudyStore& store, const std::string& key);

  // What progress is told: `done` replays of `total` are behind us. Without it, each run() counts for itself.
  void expect(std::size_t done, std::size_t total) { done_ = done, total_ = total; }

  // So many replays at least are handed to the evaluator and written down together, if as many are asked for.
  void set_width(std::size_t width) { width_ = width; }

  const Subject& subject() const { return subject_; }
  const Scenario& scenario() const { return subject_.scenario; }

  // The number of the trial of this policy: one trial a canonical spec, numbered in the order of asking.
  std::size_t trial(const PolicySpec& policy);
  std::size_t num_trials() const { return trials_.size(); }
  const PolicySpec& policy(std::size_t trial) const { return trials_[trial].policy; }

  using Request = std::pair<std::size_t, std::uint64_t>;  // trial, seed

  // Makes the results of all requests known.
  void run(const std::vector<Request>& requests);
  void run(const std::vector<std::size_t>& trials, const std::vector<std::uint64_t>& seeds);  // all pairs

  // The same in several ledgers of one evaluator and store: what is missing in any of them is run side by side. The
  // first one's progress is told.
  struct Wanted {
    Ledger* ledger;
    Request request;
  };
  static void run_all(const std::vector<Wanted>& wanted);

  bool knows(std::size_t trial, std::uint64_t seed) const { return trials_[trial].results.count(seed) > 0; }
  const ReplayResult& result(std::size_t trial, std::uint64_t seed) const { return trials_[trial].results.at(seed); }

  // The first failure among these seeds, or "".
  std::string failure(std::size_t trial, const std::vector<std::uint64_t>& seeds) const;
  std::vector<Summary> summaries(std::size_t trial, const std::vector<std::uint64_t>& seeds) const;

  std::size_t num_replays() const { return num_replays_; }  // run here, not looked up

 private:
  struct Trial {
    PolicySpec policy;
    std::map<std::uint64_t, ReplayResult> results;
  };

  Job job(const Request& request) const { return {key_, trials_[request.first].policy.text(), request.second}; }

  Subject subject_;
  std::string key_;                 // replay_key
  Evaluator* evaluator_ = nullptr;  // null: nothing can be run
  StudyStore* store_ = nullptr;
  Progress progress_;
  std::size_t done_ = 0, total_ = 0;
  std::vector<Trial> trials_;
  std::map<std::string, std::size_t> numbers_;                           // by spec
  std::map<std::string, std::map<std::uint64_t, ReplayResult>> stored_;  // read from the store, not yet asked for
  std::size_t num_replays_ = 0;
  std::size_t width_ = 0;
};

}  // namespace switchyard
