#include "search/distributions.hpp"

#include <nlohmann/json.hpp>

#include "core/input/json_text.hpp"
#include "policies/registry.hpp"
#include "results/quantile_sketch.hpp"
#include "search/parallel.hpp"

namespace switchyard {

namespace {

RequestTimes times_of(const Experiment& experiment, const PolicySpec& spec, std::uint64_t seed) {
  const auto workload = experiment.workload(seed);
  Simulation simulation;
  const Replay& replay = simulation.run(experiment.cluster(), *workload, spec.routed(), seed);
  RequestTimes times;
  for (std::size_t i = 0; i < workload->size(); ++i) {
    if (!workload->is_counted(i)) continue;
    const RequestRecord& record = replay.requests[i];
    times.add(seconds_from_ticks(record.completed_at - record.arrived_at),
              seconds_from_ticks(record.prefill_completed_at - record.arrived_at),
              workload->hidden.num_decode_tokens[i]);
  }
  return times;
}

}  // namespace

std::string distributions_json(const Experiment& experiment, const Leaderboard& leaderboard, int threads) {
  const std::vector<std::uint64_t> seeds = experiment.scenario().held_out_seeds.seeds();
  nlohmann::ordered_json json = {
      {"version", 1}, {"levels", sketch_levels()}, {"rows", nlohmann::ordered_json::array()}};
  Arena arena(threads);
  for (const LeaderboardRow& row : leaderboard.rows) {
    if (!row.failure.empty()) continue;
    const PolicySpec spec = parse_policy(row.policy, "leaderboard");
    std::vector<RequestTimes> by_seed(seeds.size());
    parallel_for_each(arena, seeds.size(), [&](std::size_t i) { by_seed[i] = times_of(experiment, spec, seeds[i]); });
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
  return json_text(json) + "\n";
}

std::string distributions_schema() {
  using Json = nlohmann::ordered_json;
  const Json quantiles = {
      {"description", "at the levels, s; empty if there is none"}, {"type", "array"}, {"items", {{"type", "number"}}}};
  const Json row = {{"type", "object"},
                    {"additionalProperties", false},
                    {"required", {"policy", "e2e_s", "ttft_s", "tpot_s"}},
                    {"properties",
                     {{"policy", {{"description", "canonical spec"}, {"type", "string"}}},
                      {"e2e_s", quantiles},
                      {"ttft_s", quantiles},
                      {"tpot_s", quantiles}}}};
  const Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                       {"title", "switchyard search: distributions.json"},
                       {"description", "Quantiles over the requests of all held-out seeds."},
                       {"type", "object"},
                       {"additionalProperties", false},
                       {"required", {"version", "levels", "rows"}},
                       {"properties",
                        {{"version", {{"const", 1}}},
                         {"levels", {{"type", "array"}, {"items", {{"type", "number"}}}}},
                         {"rows", {{"type", "array"}, {"items", row}}}}}};
  return json_text(schema, 2) + "\n";
}

}  // namespace switchyard
