// Policies as expressions: equal to compiled ones, and clear about what is wrong.
#include <catch2/catch.hpp>

#include "core/scenario/experiment.hpp"
#include "policies/registry.hpp"
#include "tests/support/small_cluster.hpp"

using namespace switchyard;

TEST_CASE("formulas give what the compiled policies give", "[formula]") {
  const auto [name, formula] = GENERATE(table<std::string, std::string>({
      {"llq", R"f(formula(place="outstanding"))f"},
      {"hra", R"f(formula(order="prompt",admit="num_blocks - (committed + needed) >= floor(0.03 * num_blocks)",)f"
              R"f(place="committed",idle=as_others,decode_ratio=0.6,horizon=0))f"},
      {"memory_headroom(order=age,exchange=20)",
       R"f(formula(order="prompt + 20 * arrived_s",)f"
       R"f(admit="num_blocks - (committed + needed) >= floor(0.03 * num_blocks)",place="committed",idle=as_others))f"},
      {"glia_expert", R"f(formula(order="prompt",admit="num_blocks - committed - needed >= floor(num_blocks / 10)",)f"
                      R"f(place="committed",decode_ratio=0,horizon=0))f"},
      {"compose(admit=cap,max_outstanding=3,place=tokens)",
       R"f(formula(admit="outstanding < 3",place="waiting_prompt_tokens + remaining_prompt_tokens + kv_tokens"))f"},
  }));
  INFO(name << " " << formula);
  const SmallCluster cluster;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Workload workload = SmallCluster::workload(seed);
    const Replay expected = cluster.replay(workload, *parse_policy(name, "").make(), seed);
    REQUIRE(same_records(expected, cluster.replay(workload, *parse_policy(formula, "").make(), seed)));
    REQUIRE(same_records(expected, cluster.replay(workload, *parse_policy(formula, "").make(), seed, Kernel::step)));
  }
}

TEST_CASE("a formula equal to hra gives exactly its results on the benchmark scenarios", "[formula]") {
  const std::string formula =
      R"f(formula(order="prompt",admit="num_blocks - (committed + needed) >= floor(0.03 * num_blocks)",)f"
      R"f(place="committed",idle=as_others,decode_ratio=0.6,horizon=0))f";
  Simulation simulation;
  for (const char* scenario : {"azure-conv", "azure-code", "conv-pressure", "chat-pressure"}) {
    const Experiment experiment(load_scenario(scenario));
    for (const std::uint64_t seed : {1, 2}) {
      INFO(scenario << " seed " << seed);
      const auto workload = experiment.workload(seed);
      const Replay expected = simulation.run(experiment.cluster(), *workload, *parse_policy("hra", "").make(), seed);
      const Replay& found = simulation.run(experiment.cluster(), *workload, *parse_policy(formula, "").make(), seed);
      REQUIRE(same_records(expected, found));
    }
  }
}

TEST_CASE("routers of serving systems compute what their formulas say", "[formula]") {
  // A formula breaks ties by outstanding requests, the router by id only: the id, weighed below any difference, makes
  // the order of replicas complete for both.
  const auto [name, formula] = GENERATE(table<std::string, std::string>({
      {"vllm_dp(version=before_2026_07)", "4 * waiting + running + replica / 1000"},
      {"aibrix_least_kv", "blocks_used / num_blocks - replica * 1e-9"},
      {"llumnix_freeness", "outstanding == 0 ? -1e30 + replica * 1e20 : -(blocks_free - waiting_blocks) / outstanding"},
  }));
  const SmallCluster cluster;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Workload workload = SmallCluster::workload(seed);
    const Replay expected = cluster.replay(workload, *parse_policy(name, "").make(), seed);
    const auto policy = parse_policy("formula(place=\"" + formula + "\")", "").make();
    INFO(name << " seed " << seed);
    REQUIRE(same_records(expected, cluster.replay(workload, *policy, seed)));
  }
}

TEST_CASE("faults in formulas name the character and the nearest feature", "[formula]") {
  const auto [spec, message] = GENERATE(table<std::string, std::string>({
      {R"f(formula(order="promt"))f", "order: 'promt' at character 1: unknown feature 'promt'; did you mean 'prompt'?"},
      {R"f(formula(order="prompt + waiting"))f",
       "order: 'prompt + waiting' at character 10: 'waiting' is of a replica, which an order does not have"},
      {R"f(formula(place="4*waiting+runing"))f", "at character 11: unknown feature 'runing'; did you mean 'running'?"},
      {R"f(formula(admit="waiting = 3"))f", "at character 9: '=' does not compare; did you mean '=='?"},
      {R"f(formula(order=""))f", "at character 1: expected a formula"},
      {R"f(formula(order="prompt +"))f", "at character 9: Unexpected end of expression"},
      {R"f(formula(order="(prompt"))f", "at character 8: Missing parenthesis"},
      {R"f(formula(order="prompt, 3"))f", "at character 7: one formula is expected, not a list"},
      {R"f(formula(order="prompt))f", "at character 15: expected a '\"' at the end of the text"},
      {R"f(formula(order="prompt" 3))f", "at character 23: expected ',' or ')'"},
      {R"f(formula(order="prompt",order="prompt"))f", "parameter 'order' is given twice"},
      {R"f(formula(order="prompt",horizon=3))f", "unknown parameter of 'formula' with these texts 'horizon'"},
      {"formula(order=\"prompt\t\")", "at character 7: only printable ASCII characters are allowed"},
  }));
  CHECK_THROWS_WITH(parse_policy(spec, "--policy"), Catch::StartsWith("--policy: ") && Catch::Contains(message));
}

TEST_CASE("a long formula is refused", "[formula]") {
  std::string text = "prompt";
  while (text.size() < 600) text += "+prompt";
  CHECK_THROWS_WITH(parse_policy("formula(order=\"" + text + "\")", ""),
                    Catch::Contains("at character 501: too long; allowed: 500 characters"));
}

TEST_CASE("the spec of formulas reads back as itself", "[formula]") {
  const PolicySpec spec =
      parse_policy(R"f(formula( place= "min(waiting, 3)" , admit = "committed < (3)",horizon=7))f", "");
  CHECK(spec.text() ==
        R"f(formula(order="arrived_s",admit="committed < (3)",place="min(waiting, 3)",idle=admits,scan=head,)f"
        R"f(wait_for=any,decode_ratio=0,horizon=7,ages=mean,learn=survival))f");
  CHECK(parse_policy(spec.text(), "").text() == spec.text());
}

TEST_CASE("what is not a number comes last, and admits nothing", "[formula]") {
  const SmallCluster cluster;
  const Workload workload = SmallCluster::workload(1);
  for (const char* spec : {R"f(formula(order="0/0"))f", R"f(formula(place="0/0"))f", R"f(formula(admit="0/0"))f",
                           R"f(formula(order="sqrt(-1)",admit="ln(-1)",place="1/0"))f"}) {
    INFO(spec);
    const Replay replay = cluster.replay(workload, *parse_policy(spec, "").make(), 1);
    for (const RequestRecord& record : replay.requests) CHECK(record.completed_at > 0);
  }
}
