// Many replays: an interface, so that they may run anywhere, and the threads of this process as one way.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/cluster/watch.hpp"
#include "core/metrics/summary.hpp"
#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"

namespace switchyard {

struct ReplayResult {
  std::string failure;  // empty: it ran, and `summary` holds
  Summary summary;
};

// Plain text and a number, so that it can travel: who has the experiment of that key can run it.
struct Job {
  std::string experiment;  // replay_key
  std::string policy;      // spec
  std::uint64_t seed = 0;
};

// What a replay's summary depends on, besides policy and seed: the experiment's digest, and the limits that its goodput
// counts by, if there are any.
std::string replay_key(const Experiment& experiment, const RequestLimits& limits);
std::string replay_key(std::string digest, const RequestLimits& limits);

using Progress = std::function<void(std::size_t done, std::size_t total)>;

class Evaluator {
 public:
  virtual ~Evaluator() = default;

  // Result i is that of job i, wherever and in whatever order they run. Policies on the same seed face the same
  // workload (common random numbers). A policy that stalls, assigns what it may not or throws has failed, and the
  // result says why; anything else that goes wrong (no memory, a fault of ours, an experiment that is not known,
  // InputError if a workload cannot be made) is thrown, and nothing is a result. `progress` is called from any thread,
  // one call at a time.
  virtual std::vector<ReplayResult> run(std::span<const Job> jobs, const Progress& progress = {}) = 0;

  // Jobs of this experiment can be run from now on, until it is removed; it outlives that. Returns its key.
  virtual std::string add(const Experiment& experiment) = 0;
  virtual void remove(const std::string& key) = 0;
};

// Who replays for the searches of this process: threads of its own, unless another maker was set (an MPI job, an
// executor in Python). An empty maker brings the threads back. Not for two threads at once.
using EvaluatorMaker = std::function<std::unique_ptr<Evaluator>(const RequestLimits& limits, int threads)>;
void set_evaluator_maker(EvaluatorMaker maker);
std::unique_ptr<Evaluator> make_evaluator(const RequestLimits& limits, int threads);

class ThreadEvaluator final : public Evaluator {
 public:
  // Results do not depend on `threads`.
  ThreadEvaluator(RequestLimits limits, int threads);
  ThreadEvaluator(const Experiment& experiment, RequestLimits limits, int threads);
  ~ThreadEvaluator() override;

  std::string add(const Experiment& experiment) override;
  void remove(const std::string& key) override { experiments_.erase(key); }

  std::vector<ReplayResult> run(std::span<const Job> jobs, const Progress& progress = {}) override;

  // Watches over all replays from now on, in whichever thread they run; outlives this. What it throws, run() throws.
  void set_watch(Watch* watch) { watch_ = watch; }

 private:
  struct Workers;  // threads, and a simulation for each

  RequestLimits limits_;
  std::map<std::string, const Experiment*> experiments_;  // by key
  std::unique_ptr<Workers> workers_;
  Watch* watch_ = nullptr;
};

}  // namespace switchyard
