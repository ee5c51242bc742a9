// Replays that the caller of a search runs: the search goes on in a thread of its own, asks for a list of replays, and
// waits until it has been told all of them.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "search/evaluator.hpp"

namespace switchyard::python {

// Between a search in a thread of its own and its caller. Results, and so all that the search leaves, do not depend on
// the order in which they are told.
class Exchange {
 public:
  struct Question {
    std::size_t number = 0;  // counts up, over the whole search
    Job job;
  };

  // Begins `search` in a thread of its own: what it returns is its outcome.
  explicit Exchange(std::function<std::string()> search);
  ~Exchange();  // a search that is under way is given up; what it was told is written down, if it writes
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // The search ends when it next wants replays; those who wait for it go on then.
  void give_up();

  // Of the replays that are wanted now those that were not handed out yet, at most so many. Waits for the search to
  // want some; none if it is done, or can go on only when it is told more. Throws what has ended the search.
  std::vector<Question> ask(std::size_t most);

  // Throws std::invalid_argument if this question is not open.
  void tell(std::size_t number, ReplayResult result);

  // Whether the search has ended; waits while it computes. Throws what has ended it.
  bool done();

  const std::string& outcome() const { return outcome_; }  // once it is done
  const RequestLimits& limits() const { return limits_; }  // that goodput is counted by; once it has asked

  // In the thread of the search.
  std::vector<ReplayResult> answers(std::span<const Job> jobs);
  void set_limits(const RequestLimits& limits) { limits_ = limits; }

 private:
  void settle(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Job> wanted_;
  std::vector<ReplayResult> told_;
  std::vector<bool> open_;
  std::size_t first_ = 0, handed_out_ = 0, num_open_ = 0;  // number of wanted_[0]; of wanted_: handed out, not told
  bool given_up_ = false, ended_ = false;
  std::string outcome_;
  std::exception_ptr error_;
  RequestLimits limits_;
  std::thread thread_;  // last: it uses all of the above
};

// The evaluator of a search that runs in an Exchange's thread.
class AskedElsewhere final : public Evaluator {
 public:
  static std::unique_ptr<Evaluator> of_this_thread(const RequestLimits& limits);  // null in any other thread

  AskedElsewhere(Exchange& exchange, const RequestLimits& limits);

  std::string add(const Experiment& experiment) override { return replay_key(experiment, limits_); }
  void remove(const std::string&) override {}
  std::vector<ReplayResult> run(std::span<const Job> jobs, const Progress& progress) override;

 private:
  Exchange& exchange_;
  RequestLimits limits_;
};

}  // namespace switchyard::python
