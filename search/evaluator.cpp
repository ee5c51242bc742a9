#include "search/evaluator.hpp"

#include <tbb/blocked_range.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <limits>

namespace switchyard {

std::vector<double> Outcome::e2e() const {
  std::vector<double> values;
  for (const Summary& summary : by_seed) values.push_back(summary.mean_e2e_s);
  return values;
}

double Outcome::mean_e2e() const {
  if (!failure.empty() || by_seed.empty()) return std::numeric_limits<double>::infinity();
  double sum = 0;
  for (const Summary& summary : by_seed) sum += summary.mean_e2e_s;
  return sum / static_cast<double>(by_seed.size());
}

std::vector<Outcome> evaluate(const Experiment& experiment, const std::vector<PolicySpec>& policies,
                              const std::vector<std::uint64_t>& seeds, int threads, const Progress& progress) {
  std::vector<Outcome> outcomes(policies.size());
  for (Outcome& outcome : outcomes) outcome.by_seed.resize(seeds.size());
  std::vector<std::string> failures(policies.size() * seeds.size());
  std::vector<std::shared_ptr<const Workload>> workloads(seeds.size());
  tbb::enumerable_thread_specific<Simulation> simulations([] { return Simulation(); });
  std::mutex mutex;
  std::size_t done = 0;

  tbb::task_arena arena(threads);
  arena.execute([&] {
    tbb::parallel_for(std::size_t{0}, seeds.size(),
                      [&](std::size_t i) { workloads[i] = experiment.workload(seeds[i]); });
    tbb::parallel_for(
        tbb::blocked_range<std::size_t>(0, failures.size(), 1),
        [&](const tbb::blocked_range<std::size_t>& range) {
          for (std::size_t i = range.begin(); i < range.end(); ++i) {
            const std::size_t seed = i % seeds.size();
            const std::size_t trial = i / seeds.size();
            try {
              const auto policy = policies[trial].make();
              const Replay& replay =
                  simulations.local().run(experiment.cluster(), *workloads[seed], *policy, seeds[seed]);
              outcomes[trial].by_seed[seed] = summarize(replay, *workloads[seed], experiment.cluster());
            } catch (const std::exception& error) {
              failures[i] = error.what();
            }
            if (progress) {
              const std::lock_guard lock(mutex);
              progress(++done, failures.size());
            }
          }
        },
        tbb::simple_partitioner());
  });
  for (std::size_t i = 0; i < failures.size(); ++i) {
    std::string& failure = outcomes[i / seeds.size()].failure;
    if (failure.empty()) failure = failures[i];
  }
  return outcomes;
}

}  // namespace switchyard
