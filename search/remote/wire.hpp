// What travels between the driver of a search and those who replay for it: texts, so that any transport will do.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "search/evaluator.hpp"

namespace switchyard {

// An experiment as its key and what makes it elsewhere: the scenario, the limits of goodput, and this program's
// version.
std::string experiment_text(const Experiment& experiment, const RequestLimits& limits);

// A batch of jobs of one experiment. `experiment` is its text, or its key alone for who has had the text before.
std::string batch_text(const std::string& experiment, std::span<const Job> jobs);

std::string results_text(std::span<const ReplayResult> results);

// Throws what went wrong over there: InputError for what a user gave, std::runtime_error for the rest.
std::vector<ReplayResult> parse_results(const std::string& text);

// Who replays: takes batches and answers with results, or with an error as text. Keeps the experiments that it was
// sent.
class Replayer {
 public:
  explicit Replayer(int threads);
  ~Replayer();
  Replayer(const Replayer&) = delete;
  Replayer& operator=(const Replayer&) = delete;

  // Never throws: whatever is wrong is in the answer. An experiment that comes out different here than at the driver,
  // because files or programs differ, is refused, and the answer names what differs.
  std::string answer(const std::string& batch);

 private:
  struct Held;

  std::vector<ReplayResult> replay(const std::string& batch);

  int threads_;
  std::map<std::string, std::unique_ptr<Held>> experiments_;  // by key
};

}  // namespace switchyard
