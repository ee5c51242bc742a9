// A study over several scenarios: one setting of a policy is tuned for all of them at once, and judged on the held-out
// seeds of each.
#pragma once

#include <memory>
#include <vector>

#include "search/study.hpp"
#include "search/suite.hpp"
#include "search/suite_scenarios.hpp"

namespace switchyard {

// What a scenario that was left out says of a setting that was chosen by the others, on its held-out seeds.
struct LeftOut {
  std::string scenario;
  std::string policy;  // name
  std::string chosen;  // spec: what the search would have ended with without this scenario
  Interval ratio;      // of its figure to the default setting's
  std::string best;    // spec: what it ended with
  Interval best_ratio;
};

// How the settings without a scenario are found: chosen anew among those that the search has tried, whose proposals it
// had a part in; or by another search of the same budget per scenario.
enum class LeaveOut : std::uint8_t { none, choose, search };
std::vector<std::string> leave_out_names();
LeaveOut parse_leave_out(const std::string& name, std::string_view where);  // throws InputError
std::string leave_out_name(LeaveOut leave_out);

struct SuiteStudyOptions {
  StudyOptions study;
  std::vector<TrainingAxis> axes;
  LeaveOut leave_out = LeaveOut::choose;
};

// The scenarios of a suite study, and their subjects: those that are judged, and those that are trained on, of which
// each belongs to one of the former.
struct SuiteSubjects {
  std::vector<Subject> judged;
  std::vector<Subject> trained;
  std::vector<std::size_t> owner;  // of each of `trained`, in `judged`
};

class SuiteStudy {
 public:
  // Loads everything. The options and the evaluator outlive it. Throws InputError, also for two scenarios that are the
  // same whatever they are called.
  SuiteStudy(const std::vector<Scenario>& scenarios, const SuiteStudyOptions& options, Evaluator& evaluator);

  SuiteSubjects subjects() const;

  struct Result {
    Suite suite;  // references, default settings and leaders, on held-out seeds
    std::vector<LeftOut> left_out;
    std::size_t training_replays = 0;
  };

  // Tunes, judges, and leaves scenarios out. `store` may be null. Once.
  Result run(StudyStore* store, const Progress& progress);

  const Grid& grid() const { return *grid_; }  // of training; from run() on
  std::size_t num_replays() const;             // run here, not looked up

 private:
  std::vector<LeftOut> leave_out(const Tuning& tuning);
  std::size_t chosen_without(std::size_t scenario, std::size_t policy);  // trial

  const SuiteStudyOptions& options_;
  Evaluator& evaluator_;
  std::vector<std::unique_ptr<Experiment>> experiments_;
  std::vector<const Experiment*> judged_, trained_;
  std::vector<std::size_t> owner_;  // of each of trained_, in judged_
  std::vector<std::unique_ptr<Ledger>> judged_ledgers_, trained_ledgers_;
  std::unique_ptr<Grid> grid_;
};

}  // namespace switchyard
