#include "search/distributions.hpp"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <nlohmann/json.hpp>

#include "policies/registry.hpp"
#include "results/quantile_sketch.hpp"

namespace switchyard {

namespace {

RequestTimes times_of(const Experiment& experiment, const PolicySpec& spec, std::uint64_t seed) {
  const auto workload = experiment.workload(seed);
  const auto policy = spec.make();
  Simulation simulation;
  const Replay& replay = simulation.run(experiment.cluster(), *workload, *policy, seed);
  RequestTimes times;
  for (std::size_t i = 0; i < workload->size(); ++i) {
    const RequestRecord& record = replay.requests[i];
    const Time arrived_at = workload->requests[i].arrived_at;
    times.add(seconds_from_ticks(record.completed_at - arrived_at),
              seconds_from_ticks(record.prefill_completed_at - arrived_at), workload->hidden.num_decode_tokens[i]);
  }
  return times;
}

}  // namespace

std::string distributions_json(const Experiment& experiment, const Leaderboard& leaderboard, int threads) {
  const std::vector<std::uint64_t> seeds = experiment.scenario().held_out_seeds.seeds();
  nlohmann::ordered_json json = {
      {"version", 1}, {"levels", sketch_levels()}, {"rows", nlohmann::ordered_json::array()}};
  tbb::task_arena arena(threads);
  for (const LeaderboardRow& row : leaderboard.rows) {
    if (!row.failure.empty()) continue;
    const PolicySpec spec = parse_policy(row.policy, "leaderboard");
    std::vector<RequestTimes> by_seed(seeds.size());
    arena.execute([&] {
      tbb::parallel_for(std::size_t{0}, seeds.size(),
                        [&](std::size_t i) { by_seed[i] = times_of(experiment, spec, seeds[i]); });
    });
    RequestTimes all;
    for (const RequestTimes& times : by_seed) {
      all.e2e.insert(all.e2e.end(), times.e2e.begin(), times.e2e.end());
      all.ttft.insert(all.ttft.end(), times.ttft.begin(), times.ttft.end());
      all.tpot.insert(all.tpot.end(), times.tpot.begin(), times.tpot.end());
    }
    nlohmann::ordered_json entry = {{"policy", row.policy}};
    entry.update(sketches(all));
    json["rows"].push_back(std::move(entry));
  }
  return json.dump() + "\n";
}

}  // namespace switchyard
