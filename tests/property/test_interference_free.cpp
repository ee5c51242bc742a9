// The bound is what replays of single requests give, under each replica scheduler.
#include <catch2/catch.hpp>
#include <vector>

#include "core/metrics/interference_free.hpp"
#include "core/metrics/summary.hpp"
#include "core/scenario/experiment.hpp"
#include "core/workload/random.hpp"
#include "policies/registry.hpp"

using namespace switchyard;

TEST_CASE("interference-free times are those of requests replayed alone", "[metrics]") {
  Scenario scenario = load_scenario("azure-conv");
  for (const auto scheduler : {EngineKind::vllm_v0, EngineKind::sarathi, EngineKind::orca}) {
    scenario.replica_scheduler = scheduler;
    const Experiment experiment(scenario);
    const auto llq = parse_policy("llq", "").make();
    Simulation simulation;
    WorkloadRandom random(7, WorkloadRandom::Purpose::lengths);
    for (int i = 0; i < 200; ++i) {
      const auto prompt = static_cast<std::int32_t>(1 + random.below(i % 2 == 0 ? 200 : 3000));
      const auto outputs = static_cast<std::int32_t>(1 + random.below(i % 3 == 0 ? 3 : 1000));
      const Workload one = make_workload("one", {{1.5, prompt, outputs}});
      const Replay& replay = simulation.run(experiment.cluster(), one, *llq, 1);
      INFO(prompt << " + " << outputs);
      CHECK(interference_free_times(experiment.cluster(), one).at(0) ==
            replay.requests[0].completed_at - one.requests[0].arrived_at);
      CHECK(summarize(replay, one, experiment.cluster()).mean_slowdown == 1.0);
    }
  }
}

TEST_CASE("no replay beats the interference-free bound", "[metrics]") {
  const Experiment experiment(load_scenario("chat-pressure"));
  const auto workload = experiment.workload(1);
  const auto alone = experiment.alone(1);
  Simulation simulation;
  for (const char* name : {"llq", "hra"}) {
    const auto policy = parse_policy(name, "").make();
    const Replay& replay = simulation.run(experiment.cluster(), *workload, *policy, 1);
    std::size_t faster = 0;
    for (std::size_t i = 0; i < workload->size(); ++i) {
      faster += replay.requests[i].completed_at - workload->requests[i].arrived_at < (*alone)[i];
    }
    CHECK(faster == 0);
  }
}

namespace {

// As `experiment` has it, but with vllm_v1 on one replica.
ClusterConfig one_vllm_v1(const Experiment& experiment, const VllmV1Options& options) {
  return ClusterConfig::uniform(1, ReplicaKind(options, experiment.cluster().kind(0).cost()));
}

}  // namespace

TEST_CASE("interference-free times under vllm_v1 are those of requests replayed alone", "[metrics][vllm_v1]") {
  const Experiment experiment(load_scenario("azure-conv"));
  VllmV1Options options;
  options.num_gpu_blocks = 1000;
  const auto llq = parse_policy("llq", "").make();
  Simulation simulation(Kernel::step);
  WorkloadRandom random(7, WorkloadRandom::Purpose::lengths);
  for (int i = 0; i < 100; ++i) {
    options.max_num_batched_tokens = static_cast<std::int32_t>(1 + random.below(3000));
    options.long_prefill_token_threshold = i % 3 == 0 ? static_cast<std::int32_t>(1 + random.below(3000)) : 0;
    options.async_scheduling = i % 2 == 0;
    options.output_ends = i % 4 == 0 ? OutputEnds::stop : OutputEnds::length;
    const ClusterConfig config = one_vllm_v1(experiment, options);
    const auto prompt = static_cast<std::int32_t>(1 + random.below(i % 2 == 0 ? 200 : 3000));
    const auto outputs = static_cast<std::int32_t>(1 + random.below(i % 3 == 0 ? 3 : 1000));
    const Workload one = make_workload("one", {{1.5, prompt, outputs}});
    const Replay& replay = simulation.run(config, one, *llq, 1);
    INFO(prompt << " + " << outputs << ", budget " << options.max_num_batched_tokens);
    CHECK(interference_free_times(config, one).at(0) == replay.requests[0].completed_at - one.requests[0].arrived_at);
  }
}

TEST_CASE("the interference-free bound takes a cache that holds all earlier requests", "[metrics][vllm_v1]") {
  const Experiment experiment(load_scenario("azure-conv"));
  VllmV1Options options;
  options.num_gpu_blocks = 1000;
  options.enable_prefix_caching = GENERATE(true, false);
  const ClusterConfig config = one_vllm_v1(experiment, options);
  TraceContent content;
  content.hash_id_tokens = 16;
  std::vector<RawRequest> rows;
  const auto add = [&](double at, int prompt, int outputs, const std::vector<std::int64_t>& ids) {
    RawRequest& row = rows.emplace_back();
    row = {at, prompt, outputs};
    row.content = content.ids.add(ids);
    row.num_hashed_tokens = static_cast<std::int32_t>(16 * ids.size());
  };
  add(0, 64, 16, {1, 2, 3, 4, 5});   // its last token is never computed, so nobody finds block 5
  add(100, 81, 2, {1, 2, 3, 4, 5});  // four blocks; computes block 5, as part of its prompt
  add(200, 80, 2, {1, 2, 3, 4, 5});  // all of it, less the last block
  add(300, 90, 2, {1, 2, 9, 4, 5});  // two
  add(400, 90, 2, {1, 2, 9, 4, 5});  // five
  add(500, 90, 2, {7});              // none
  const Workload workload = make_workload("six", rows, content);
  const auto llq = parse_policy("llq", "").make();
  const Replay replay = Simulation(Kernel::step).run(config, workload, *llq, 1);
  const std::vector<Time> alone = interference_free_times(config, workload);
  const std::vector<std::int32_t> cached = {0, 64, 64, 32, 80, 0};
  for (std::size_t i = 0; i < workload.size(); ++i) {  // far apart, in a roomy memory: each meets the bound
    INFO("request " << i);
    CHECK(alone[i] == replay.requests[i].completed_at - workload.requests[i].arrived_at);
    CHECK(replay.requests[i].num_cached_tokens == (options.enable_prefix_caching ? cached[i] : 0));
  }
  const Summary summary = summarize(replay, workload, config);
  CHECK(summary.hit_tokens == (options.enable_prefix_caching ? 240 : 0));
  CHECK(summary.hit_rate == Approx(options.enable_prefix_caching ? 240 / 495.0 : 0.0));
  CHECK(summary.num_scheduled_tokens == (64 + 81 + 80 + 3 * 90) + (15 + 5 * 1) - summary.hit_tokens);
}
