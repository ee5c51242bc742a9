#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/metrics/summary.hpp"
#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"
#include "results/state_history.hpp"

using namespace switchyard;

TEST_CASE("state_history: few bins whatever the run's length, the same from both kernels", "[state_history]") {
  Scenario scenario = load_scenario("chat-pressure");
  for (const double duration : {0.5, 20.0, 120.0}) {
    scenario.workload.duration_s = duration;
    const Experiment experiment(scenario);
    const auto workload = experiment.workload(3);
    std::string texts[2];
    for (const Kernel kernel : {Kernel::leap, Kernel::step}) {
      const auto policy = parse_policy("hra", "").make();
      Simulation simulation(kernel);
      StateHistory history(scenario.replicas);
      const Replay& replay = simulation.run(experiment.cluster(), *workload, *policy, 3, nullptr, &history);
      const std::string text = texts[kernel == Kernel::step] =
          history.json(experiment.cluster().kinds.front().limits());
      const auto json = nlohmann::json::parse(text);
      const double bin_s = json.at("bin_s");
      const std::size_t bins = json.at("queued").size();
      CHECK(bins >= StateHistory::kMostBins / 2);
      CHECK(bins <= StateHistory::kMostBins);
      CHECK(static_cast<double>(bins) * bin_s == Approx(seconds_from_ticks(replay.makespan)).epsilon(0.01));
      REQUIRE(json.at("replicas").size() == replay.replicas.size());
      for (std::size_t r = 0; r < replay.replicas.size(); ++r) {
        const auto& series = json.at("replicas")[r];
        double busy = 0;
        for (const char* kind : {"prefill", "decode", "mixed"}) {
          REQUIRE(series.at(kind).size() == bins);
          for (const double share : series.at(kind)) busy += share * bin_s;
        }
        CHECK(busy == Approx(seconds_from_ticks(replay.replicas[r].busy)).epsilon(0.05));
        for (const double blocks : series.at("kv_blocks")) CHECK(blocks <= json.at("num_blocks").get<double>());
      }
    }
    CHECK(texts[0] == texts[1]);
  }
}
