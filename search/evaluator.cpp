#include "search/evaluator.hpp"

#include <fmt/format.h>
#include <tbb/enumerable_thread_specific.h>

#include <cmath>
#include <mutex>
#include <stdexcept>

#include "core/cluster/policy_error.hpp"
#include "search/parallel.hpp"

namespace switchyard {

namespace {

// A job with what its texts stand for.
struct Task {
  const Experiment* experiment = nullptr;
  const PolicySpec* policy = nullptr;
  std::uint64_t seed = 0;
};

ReplayResult replay(const Task& task, const RequestLimits& limits, Simulation& simulation) {
  const Experiment& experiment = *task.experiment;
  const auto workload = experiment.workload(task.seed);
  const auto alone = experiment.alone(task.seed);
  ReplayResult result;
  const auto fail = [&](const std::exception& error) { result.failure = error.what(); };
  const Replay* records = nullptr;
  try {
    records = &simulation.run(experiment.cluster(), *workload, task.policy->routed(), task.seed);
  } catch (const StalledError& error) {
    fail(error);
  } catch (const PolicyError& error) {
    fail(error);
  } catch (const std::overflow_error& error) {  // the run never ends
    fail(error);
  }
  if (records) result.summary = summarize(*records, *workload, experiment.cluster(), *alone, limits);
  return result;
}

}  // namespace

std::string replay_key(const Experiment& experiment, const RequestLimits& limits) {
  return replay_key(experiment.digest().text(), limits);
}

std::string replay_key(std::string digest, const RequestLimits& limits) {
  std::string key = std::move(digest);
  for (const auto& [name, limit] :
       {std::pair("ttft", limits.ttft_s), std::pair("tpot", limits.tpot_s), std::pair("e2e", limits.e2e_s)}) {
    if (std::isfinite(limit)) key += fmt::format(" {}<={}", name, limit);
  }
  return key;
}

namespace {

EvaluatorMaker& evaluator_maker() {
  static EvaluatorMaker maker;
  return maker;
}

}  // namespace

void set_evaluator_maker(EvaluatorMaker maker) { evaluator_maker() = std::move(maker); }

std::unique_ptr<Evaluator> make_evaluator(const RequestLimits& limits, int threads) {
  if (const EvaluatorMaker& maker = evaluator_maker()) return maker(limits, threads);
  return std::make_unique<ThreadEvaluator>(limits, threads);
}

struct ThreadEvaluator::Workers {
  explicit Workers(int threads) : arena(threads), simulations([] { return Simulation(); }) {}
  Arena arena;
  tbb::enumerable_thread_specific<Simulation> simulations;
};

ThreadEvaluator::ThreadEvaluator(RequestLimits limits, int threads)
    : limits_(limits), workers_(std::make_unique<Workers>(threads)) {}

ThreadEvaluator::ThreadEvaluator(const Experiment& experiment, RequestLimits limits, int threads)
    : ThreadEvaluator(limits, threads) {
  add(experiment);
}

ThreadEvaluator::~ThreadEvaluator() = default;

std::string ThreadEvaluator::add(const Experiment& experiment) {
  std::string key = replay_key(experiment, limits_);
  experiments_[key] = &experiment;
  return key;
}

std::vector<ReplayResult> ThreadEvaluator::run(std::span<const Job> jobs, const Progress& progress) {
  std::map<std::string, PolicySpec> policies;
  std::vector<Task> tasks;
  for (const Job& job : jobs) {
    const auto experiment = experiments_.find(job.experiment);
    if (experiment == experiments_.end()) throw std::logic_error("no such experiment here: " + job.experiment);
    auto policy = policies.find(job.policy);
    if (policy == policies.end()) policy = policies.emplace(job.policy, parse_policy(job.policy, "policy")).first;
    tasks.push_back({experiment->second, &policy->second, job.seed});
  }
  std::vector<ReplayResult> results(jobs.size());
  std::mutex mutex;
  std::size_t done = 0;
  parallel_for_each(workers_->arena, tasks.size(), [&](std::size_t i) {
    const Watched watched(watch_ ? watch_ : watch_of_this_thread);
    results[i] = replay(tasks[i], limits_, workers_->simulations.local());
    if (progress) {
      const std::lock_guard lock(mutex);
      progress(++done, jobs.size());
    }
  });
  return results;
}

}  // namespace switchyard
