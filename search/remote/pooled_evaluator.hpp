// Replays by workers that may be anywhere: batches out, results in, in whatever order they come.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "search/evaluator.hpp"

namespace switchyard {

// What runs have cost besides replays.
struct Traffic {
  std::int64_t replays = 0, batches = 0, bytes_out = 0, bytes_in = 0, lost_batches = 0;
  // Processor time of the thread that asks for replays, from the first that it sent to the last that came back, without
  // what it took to wait: sending, reading, writing down, and what the search itself does between rounds.
  double driver_s = 0;

  std::string text() const;  // a line
};

// Those who replay, each a Replayer behind some transport. A worker has at most one batch at a time.
class WorkerPool {
 public:
  virtual ~WorkerPool() = default;

  virtual std::size_t size() const = 0;
  virtual void send(std::size_t worker, const std::string& batch) = 0;

  struct Answer {
    std::size_t worker = 0;
    std::string results;
    bool lost = false;  // the worker died over its batch; another stands in its place and knows nothing
  };
  virtual Answer receive() = 0;  // waits for one

  Traffic traffic;  // of all runs
};

class PooledEvaluator final : public Evaluator {
 public:
  PooledEvaluator(RequestLimits limits, std::shared_ptr<WorkerPool> pool);

  std::string add(const Experiment& experiment) override;
  void remove(const std::string& key) override;

  // A batch whose worker dies is given to another; jobs that were under way at three deaths fail, and say so.
  std::vector<ReplayResult> run(std::span<const Job> jobs, const Progress& progress = {}) override;

 private:
  RequestLimits limits_;
  std::shared_ptr<WorkerPool> pool_;
  std::map<std::string, std::string> experiments_;  // texts, by key
  std::vector<std::set<std::string>> knows_;        // by worker: keys of experiments that it was sent
  double counted_until_ = -1;                       // thread_seconds() up to which traffic.driver_s counts
};

}  // namespace switchyard
