#include <catch2/catch.hpp>

#include "search/objective.hpp"
#include "tests/support/errors.hpp"

using namespace switchyard;

TEST_CASE("objectives read back as they are written", "[objective]") {
  for (const char* text : {"mean_e2e_s", "p99_ttft_s", "throughput_rps", "goodput(ttft_s<=2,tpot_s<=0.1)"}) {
    CHECK(parse_objective(text, "--objective").text() == text);
  }
  CHECK(parse_objective("ttft_p99_s", "").text() == "p99_ttft_s");
  CHECK(parse_objective("goodput( e2e_s <= 20 )", "").text() == "goodput(e2e_s<=20)");
  CHECK(parse_objective("goodput(ttft_s<=2)", "").cost(3) == -3);  // more is better
  CHECK(parse_objective("mean_e2e_s", "").cost(3) == 3);
}

TEST_CASE("objectives that cannot be are refused", "[objective]") {
  const auto error = [](const char* text) { return error_of([&] { parse_objective(text, "--objective"); }); };
  CHECK_THAT(error("mean_e2_s"), Catch::Contains("--objective: unknown figure 'mean_e2_s'; did you mean 'mean_e2e_s'"));
  CHECK_THAT(error("num_batches"), Catch::Contains("'num_batches' is not an objective"));
  CHECK_THAT(error("kv_use_mean"), Catch::Contains("'kv_use_mean' is not an objective"));
  CHECK_THAT(error("goodput"), Catch::Contains("goodput needs limits"));
  CHECK_THAT(error("goodput(tfft_s<=1)"), Catch::Contains("did you mean 'ttft_s'"));
  CHECK_THAT(error("goodput(ttft_s>=1)"), Catch::Contains("at most (<=)"));
  CHECK_THAT(error("goodput(ttft_s<=x)"), Catch::Contains("name<=number"));
  CHECK_THAT(error("goodput()"), Catch::Contains("name<=number"));
}

TEST_CASE("what does not exist ranks and limits nothing", "[objective]") {
  const Summary without;
  const std::string why = "mean_tpot_s does not exist on this workload: it needs a request with a second output token";
  const Objective objective = parse_objective("mean_tpot_s", "");
  CHECK(error_of([&] { objective.by_seed({without}); }) == "--objective: " + why);
  const Goal goal{parse_objective("mean_e2e_s", ""), parse_constraints("mean_tpot_s<=1", "")};
  CHECK(error_of([&] { broken_constraints(goal, without); }) == "--constraint: " + why);
  for (const char* name : {"p50_ttft_s", "p95_ttft_s", "p90_tpot_s", "tpot_p95_s", "p95_e2e_s"}) {
    CHECK(parse_objective(name, "").field->better == Better::lower);
  }
}

TEST_CASE("constraints compare means with limits", "[objective]") {
  const auto constraints = parse_constraints("e2e_p99_s<=20, throughput_rps>=0.5", "--constraint");
  REQUIRE(constraints.size() == 2);
  CHECK(format_constraints(constraints) == "p99_e2e_s<=20,throughput_rps>=0.5");
  CHECK(constraints[0].excess(20) == 0);
  CHECK(constraints[0].excess(30) == 0.5);
  CHECK(constraints[1].excess(0.25) == 0.25);  // of 1: the limit is smaller
  CHECK(constraints[1].excess(0.75) == 0);
  Goal goal{parse_objective("mean_e2e_s", ""), constraints};
  Summary mean;
  mean.p99_e2e_s = 25;
  mean.throughput_rps = 1;
  CHECK(broken_constraints(goal, mean) == "p99_e2e_s<=20 is 25");
  const auto error = [](const char* text) { return error_of([&] { parse_constraints(text, "--constraint"); }); };
  CHECK_THAT(error("p99_e2e<=20"), Catch::Contains("did you mean 'p99_e2e_s'"));
  CHECK_THAT(error("p99_e2e_s<20"), Catch::Contains("name<=number"));
  CHECK_THAT(error("p99_e2e_s<=inf"), Catch::Contains("name<=number"));
  CHECK_THAT(error(""), Catch::Contains("name<=number"));
}
