// Named policies are settings of compose: the same records. And settings that cannot be made say so.
#include <catch2/catch.hpp>

#include "core/workload/random.hpp"
#include "policies/compose/setting.hpp"
#include "policies/registry.hpp"
#include "tests/support/small_cluster.hpp"

using namespace switchyard;

TEST_CASE("compose spelled out gives what the named policy gives", "[compose]") {
  const auto [name, spelled_out] = GENERATE(table<std::string, std::string>({
      {"random", "compose(place=random)"},
      {"round_robin", "compose(place=round_robin)"},
      {"lor", "compose(place=waiting)"},
      {"llq", "compose(place=outstanding)"},
      {"power_of_two", "compose(place=power_of_d,samples=2,by=outstanding)"},
      {"hra(decode_ratio=0.7,safety=0.1)",
       "compose(order=prompt,admit=growth,idle=as_others,place=committed,decode_ratio=0.7,horizon=0,safety=0.1)"},
      {"shortest_expected_work(interference=0.5)", "compose(place=work,learn=mean,interference=0.5)"},
      {"prefix_cost(weight=10)", "compose(place=uncached,request_tokens=10)"},
      {"prefill_balance", "compose(place=prefill,decode_tokens=200,interruption=0.1)"},
      {"memory_headroom(order=age,exchange=7)",
       "compose(order=age,exchange=7,admit=growth,idle=as_others,place=committed,horizon=40,learn=survival)"},
  }));
  INFO(name);
  const SmallCluster cluster;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Workload workload = cluster.workload(seed);
    const Replay expected = cluster.replay(workload, *parse_policy(name, "").make(), seed);
    const Replay found = cluster.replay(workload, *parse_policy(spelled_out, "").make(), seed);
    REQUIRE(same_records(expected, found));
  }
}

TEST_CASE("a part's parameters matter only if it is chosen", "[compose]") {
  CHECK(parse_policy("compose", "").text() == "compose(order=arrival,admit=always,also=always,place=outstanding)");
  CHECK(parse_policy("compose(place=softmax,by=work,temperature=0.5)", "").text() ==
        "compose(order=arrival,admit=always,also=always,place=softmax,by=work,temperature=0.5,interference=1,"
        "output_scale=1,learn=survival)");
  CHECK_THROWS_WITH(parse_policy("compose(exchange=3)", "--policy"),
                    "--policy: parameter 'exchange' has no effect here: it matters only if order is age");
  CHECK_THROWS_WITH(parse_policy("compose(by=work)", "--policy"), Catch::Contains("place is power_of_d or split"));
}

TEST_CASE("a setting that compose does not have is refused when it is made", "[compose]") {
  CHECK_THROWS_WITH(setting("a", "").fix("ordre", "prompt").done(), Catch::Contains("no parameter ordre"));
  CHECK_THROWS_WITH(setting("a", "").fix("order", "promt").done(), Catch::Contains("did you mean 'prompt'"));
  CHECK_THROWS_WITH(setting("a", "").expose({.name = "exchange"}).done(), Catch::Contains("has no effect"));
}
