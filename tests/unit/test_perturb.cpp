// Scenarios as `suite --perturb` changes them.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "core/scenario/experiment.hpp"
#include "search/perturb.hpp"
#include "tests/support/errors.hpp"

using namespace switchyard;

TEST_CASE("perturbed scenarios are all combinations, by name", "[perturb]") {
  const std::vector<Scenario> base = {load_scenario("azure-conv"), load_scenario("azure-conv-v1")};
  const std::vector<Scenario> all = perturbed(base, "routers,signals", "--perturb");
  REQUIRE(all.size() == 24);
  std::set<std::string> names;
  for (const Scenario& scenario : all) names.insert(scenario.name);
  CHECK(names.size() == 24);
  CHECK(names.contains("azure-conv+signals=0s+routers=1"));
  CHECK(names.contains("azure-conv-v1+signals=0.05s+routers=4"));
  for (const Scenario& scenario : all) {
    if (scenario.name == "azure-conv-v1+signals=10s+routers=2") {
      CHECK(scenario.signal_interval_s == 10);
      CHECK(scenario.kv_delay_s == 10);
      CHECK(scenario.routers == 2);
    }
    if (scenario.name == "azure-conv+signals=10s+routers=2") CHECK(scenario.kv_delay_s == 0);
  }
  CHECK(perturbed(base, "routers", "--perturb").size() == 6);
  CHECK(perturbed(base, "signals", "--perturb").size() == 8);
  CHECK(perturbed(base, "routers", "--perturb")[0].signal_interval_s == 0);
  const std::vector<Scenario> failing = perturbed(base, "failure", "--perturb");
  REQUIRE(failing.size() == 4);
  CHECK(failing[0].replica_events.empty());
  CHECK(failing[1].name == "azure-conv+failure=1");
  CHECK(failing[1].replica_events.starts_with("fail 0 at "));
  for (const auto& [name, span_s] : {std::pair("azure-conv", 1000), {"tenants", 6000 / 82.8}}) {
    const Scenario fails = perturbed({load_scenario(name)}, "failure", "--perturb")[1];
    const std::vector<ReplicaEvent> events = parse_replica_events(fails.replica_events, "");
    REQUIRE(events.size() == 1);
    CHECK(seconds_from_ticks(events[0].at) == Approx(span_s / 2).epsilon(0.1));
    CHECK(seconds_from_ticks(events[0].lasts) == Approx(span_s / 10).epsilon(0.2));
  }
}

TEST_CASE("a slow replica takes twice as long as the others, also where it has a group already", "[perturb]") {
  for (const char* name : {"azure-conv", "azure-conv-v1"}) {
    const std::vector<Scenario> both = perturbed({load_scenario(name)}, "slow-replica", "--perturb");
    REQUIRE(both.size() == 2);
    CHECK(both[0].groups.empty());
    const Experiment experiment(both[1]);
    const ClusterConfig& cluster = experiment.cluster();
    REQUIRE(cluster.num_replicas() == 4);
    const auto time_of = [&](std::int32_t replica) { return cluster.kind(replica).cost().decode_time(8, 10).time; };
    CHECK(time_of(0) == time_of(2));
    CHECK(std::abs(time_of(3) - 2 * time_of(0)) <= 1);
    const Scenario again = perturbed({both[1]}, "slow-replica", "--perturb")[1];
    CHECK(again.replicas == 4);
    CHECK(std::abs(Experiment(again).cluster().kind(3).cost().decode_time(8, 10).time - 4 * time_of(0)) <= 2);
  }
}

TEST_CASE("perturbations that there are not, or twice, are refused", "[perturb]") {
  const std::vector<Scenario> base = {load_scenario("azure-conv")};
  CHECK(error_of([&] { perturbed(base, "signal", "--perturb"); }).find("signals") != std::string::npos);
  CHECK(error_of([&] { perturbed(base, "signals,", "--perturb"); }).find("--perturb") == 0);
  CHECK(error_of([&] { perturbed(base, "routers,routers", "--perturb"); }).find("twice") != std::string::npos);
}
