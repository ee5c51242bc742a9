#include "search/evaluator.hpp"

#include <tbb/enumerable_thread_specific.h>

#include <mutex>

#include "search/parallel.hpp"

namespace switchyard {

struct Evaluator::Workers {
  explicit Workers(int threads) : arena(threads), simulations([] { return Simulation(); }) {}
  tbb::task_arena arena;
  tbb::enumerable_thread_specific<Simulation> simulations;
};

Evaluator::Evaluator(const Experiment& experiment, RequestLimits limits, int threads)
    : experiment_(experiment), limits_(limits), workers_(std::make_unique<Workers>(threads)) {}

Evaluator::~Evaluator() = default;

std::vector<ReplayResult> Evaluator::run(std::span<const Job> jobs, const Progress& progress) {
  std::vector<ReplayResult> results(jobs.size());
  std::mutex mutex;
  std::size_t done = 0;
  auto replay = [&](const Job& job, ReplayResult& result) {
    const auto workload = experiment_.workload(job.seed);
    const auto alone = experiment_.alone(job.seed);
    try {
      const auto policy = job.policy->make();
      const Replay& records = workers_->simulations.local().run(experiment_.cluster(), *workload, *policy, job.seed);
      result.summary = summarize(records, *workload, experiment_.cluster(), *alone, limits_);
    } catch (const std::exception& error) {
      result.failure = error.what();
    }
    if (progress) {
      const std::lock_guard lock(mutex);
      progress(++done, jobs.size());
    }
  };
  parallel_for_each(workers_->arena, jobs.size(), [&](std::size_t i) { replay(jobs[i], results[i]); });
  return results;
}

}  // namespace switchyard
