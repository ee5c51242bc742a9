// The bound is what replays of single requests give, under each replica scheduler.
#include <catch2/catch.hpp>

#include "core/metrics/interference_free.hpp"
#include "core/metrics/summary.hpp"
#include "core/scenario/experiment.hpp"
#include "core/workload/random.hpp"
#include "policies/registry.hpp"

using namespace switchyard;

TEST_CASE("interference-free times are those of requests replayed alone", "[metrics]") {
  Scenario scenario;
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
