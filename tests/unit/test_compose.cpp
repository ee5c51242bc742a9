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

TEST_CASE("what a setting reads follows from its parts and features", "[compose]") {
  const auto read = [](const std::string& spec) {
    std::string names;
    for (const Signal signal : parse_policy(spec, "").signals()) {
      names += (names.empty() ? "" : " ") + std::string(signal_name(signal));
    }
    return names;
  };
  CHECK(read("compose") == "outstanding");
  CHECK(read("compose(place=waiting)") == "waiting");
  CHECK(read("compose(place=round_robin)").empty());
  CHECK(read("compose(place=uncached)") == "outstanding cache");
  CHECK(read("compose(place=weighted)") == "waiting state requests");
  CHECK(read("compose(place=weighted,weight_uncached=1)") == "waiting state requests cache");
  CHECK(read("compose(place=pick,by=outstanding)") == "outstanding");
  CHECK(read("compose(place=pick,by=outstanding,sticky=on)") == "outstanding state cache");
  CHECK(read("compose(place=scorers,w_prefix_index=sent)") == "outstanding state");
  CHECK(read("compose(place=completion)") == "outstanding first_tokens state cache");
  CHECK(read("compose(place=waiting,admit=backlog)") == "outstanding waiting state");  // an idle replica admits
  CHECK(read("compose(place=waiting,admit=backlog,idle=as_others)") == "waiting state");
  CHECK(read("formula") == "outstanding");
  CHECK(read("formula(place=\"waiting\")") == "outstanding waiting");  // decides between equals
  CHECK(read("formula(place=\"blocks_used + uncached\")") == "outstanding state cache");
  CHECK(read("formula(admit=\"committed < 10\")") == "outstanding state requests");
  // Named settings name what their parts read.
  for (const PolicyInfo& info : registered_policies()) {
    if (info.composition.empty() || info.signals.empty()) continue;
    INFO(info.name);
    for (const Signal signal : PolicySpec{&find_policy("compose", ""), info.composition}.signals()) {
      INFO(signal_name(signal));
      CHECK(std::count(info.signals.begin(), info.signals.end(), signal) == 1);
    }
  }
}
