// Every registered policy on each operated scenario, shortened: it runs to the end, or is refused in one line.
#include <catch2/catch.hpp>

#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"

using namespace switchyard;

namespace {

Scenario shortened(const char* name, double duration_s) {
  Scenario scenario = load_scenario(name);
  scenario.workload.duration_s = duration_s;
  scenario.workload.warm_up_requests = 0;
  return scenario;
}

// Under the leap kernel; "" if it ran, or why it was refused.
std::string refusal(const Experiment& experiment, const PolicyInfo& info) {
  constexpr std::uint64_t kSeed = 1;
  const auto workload = experiment.workload(kSeed);
  try {
    const Replay replay =
        Simulation().run(experiment.cluster(), *workload, routed_by(info, default_values(info.params)), kSeed);
    std::size_t completed = 0;
    for (const ReplicaTotals& replica : replay.replicas) completed += static_cast<std::size_t>(replica.num_requests);
    CHECK(completed + static_cast<std::size_t>(replay.num_failed) == workload->size());
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("every registered policy runs on clusters that are mixed, fail and grow", "[operations]") {
  Scenario fails = shortened("failing-replica", 10);
  fails.workload.sessions_at_start = 60;
  fails.replica_events = "fail 3 at 4 for 3, fail 0 at 6, drain 1 at 8";
  Scenario grows = shortened("autoscaled-day", 40);
  grows.start_up_s = 2;
  grows.scale_after_s = 1;
  grows.scale_idle_s = 1;
  grows.workload.wave_period_s = 40;
  for (const Scenario& scenario : {shortened("mixed-gpus", 5), fails, grows}) {
    const Experiment experiment(scenario);
    for (const PolicyInfo& info : registered_policies()) {
      INFO(scenario.name << " " << info.name);
      CHECK(refusal(experiment, info).empty());
    }
  }
}

TEST_CASE("every registered policy runs where prefill and decode are apart, or is refused in one line",
          "[operations]") {
  const Experiment experiment(shortened("split-prefill", 4));
  std::size_t num_that_run = 0;
  for (const PolicyInfo& info : registered_policies()) {
    INFO(info.name);
    const std::string why = refusal(experiment, info);
    num_that_run += why.empty() ? 1 : 0;
    CHECK(why.empty() == info.knows_roles);
    if (!why.empty()) CHECK_THAT(why, Catch::StartsWith("it ignores roles, and prefill and decode are apart"));
    CHECK(why.find('\n') == std::string::npos);
  }
  CHECK(num_that_run >= 6);  // llq, compose_split and those of serving systems
}
