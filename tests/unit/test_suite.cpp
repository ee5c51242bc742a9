#include <catch2/catch.hpp>
#include <cmath>

#include "core/input/error.hpp"
#include "results/text_table.hpp"
#include "search/pairwise.hpp"
#include "search/spec_list.hpp"
#include "search/suite_files.hpp"
#include "search/sweep_files.hpp"

using namespace switchyard;
using Catch::Contains;

namespace {

SuiteRow row(const char* policy, std::vector<std::vector<double>> values) {
  SuiteRow made;
  made.policy = policy;
  made.e2e_by_seed = std::move(values);
  return made;
}

// llq takes 1, 2, 3 s on one scenario and 10, 20, 30 s on the other.
Suite two_scenarios() {
  Suite suite;
  suite.scenarios.resize(2);
  suite.scenarios[0].name = "small";
  suite.scenarios[0].llq_by_seed = {1, 2, 3};
  suite.scenarios[0].interference_free_by_seed = {0.5, 1, 1.5};
  suite.scenarios[1].name = "large";
  suite.scenarios[1].llq_by_seed = {10, 20, 30};
  suite.scenarios[1].interference_free_by_seed = {5, 10, 15};
  return suite;
}

Sweep three_loads(std::vector<std::vector<double>> values) {
  Sweep sweep;
  sweep.axis = "qps";
  sweep.loads = {1, 2, 4};
  sweep.rows.resize(1);
  sweep.rows[0].policy = "llq";
  sweep.rows[0].e2e_by_seed = std::move(values);
  derive_sweep(sweep);
  return sweep;
}

}  // namespace

TEST_CASE("a suite ranks by the geometric mean of ratios, whatever the scenarios' scale", "[suite]") {
  Suite suite = two_scenarios();
  suite.rows = {row("mixed", {{2, 4, 6}, {5, 10, 15}}), row("better", {{0.5, 1, 1.5}, {5, 10, 15}}),
                row("llq", {{1, 2, 3}, {10, 20, 30}}), row("noisy", {{1.5, 2, 2}, {10, 20, 30.5}})};
  SuiteRow& failed = suite.rows.emplace_back(row("failed", {}));
  failed.failure = "large: it stalled";
  SuiteRow& seer = suite.rows.emplace_back(row("seer", {{0.1, 0.2, 0.3}, {1, 2, 3}}));
  seer.clairvoyant = true;
  rank_suite(suite);
  REQUIRE(suite.rows.size() == 6);
  CHECK(suite.rows[0].policy == "seer");
  CHECK(suite.rows[0].rank == 0);
  const SuiteRow& best = suite.rows[1];
  CHECK(best.policy == "better");
  CHECK(best.rank == 1);
  CHECK(best.geometric_mean.value == Approx(0.5));
  CHECK(best.geometric_mean.high == Approx(0.5));  // the same factor on every seed
  CHECK(best.never_worse);
  CHECK(best.not_distinguishable_from == 0);
  for (const SuiteRow& candidate : suite.rows) {
    if (candidate.policy == "mixed") {
      CHECK(candidate.geometric_mean.value == Approx(1));  // twice and half
      CHECK(candidate.worst.value == Approx(2));
      CHECK(candidate.worst_scenario == 0);
      CHECK(candidate.real_losses == std::vector<std::size_t>{0});
      CHECK_FALSE(candidate.never_worse);
    }
    if (candidate.policy == "llq") CHECK(candidate.never_worse);
    if (candidate.policy == "noisy") {
      CHECK(candidate.ratios[0].value == Approx(5.5 / 6));
      CHECK(candidate.ratios[1].value == Approx(60.5 / 60));
      CHECK(candidate.real_losses.empty());  // one seed of three is not enough to tell
      CHECK_FALSE(candidate.never_worse);
    }
  }
  CHECK(suite.rows.back().policy == "failed");
  const std::string table = render(suite, TableFormat::table);
  CHECK_THAT(table,
             Contains("within error") && Contains("Failed: failed: large: it stalled") && Contains("clairvoyant"));
}

TEST_CASE("policies that a suite does not tell apart say so", "[suite]") {
  Suite suite = two_scenarios();
  suite.rows = {row("a", {{1, 2, 3}, {10, 20, 30}}), row("b", {{3, 2, 1.01}, {30, 20, 10.1}})};
  rank_suite(suite);
  CHECK(suite.rows[0].policy == "a");
  CHECK(suite.rows[1].not_distinguishable_from == 1);
}

TEST_CASE("a curve bends where it reaches twice its first value", "[sweep]") {
  const double loads[] = {1, 2, 4};
  CHECK(bend_of(loads, std::vector<double>{1, 1.5, 2.5}) == Approx(3));
  CHECK(bend_of(loads, std::vector<double>{1, 2, 3}) == Approx(2));
  CHECK(bend_of(loads, std::vector<double>{1, 3, 1}) == Approx(1.5));  // the first crossing counts
  CHECK(std::isinf(bend_of(loads, std::vector<double>{1, 1.5, 1.9})));
}

TEST_CASE("the interval of a bend holds the same seeds at all loads", "[sweep]") {
  const Sweep even = three_loads({{1, 2, 3}, {1.5, 3, 4.5}, {2.5, 5, 7.5}});  // each seed's curve has the same shape
  CHECK(even.rows[0].bend.value == Approx(3));
  CHECK(even.rows[0].bend.low == Approx(3));
  CHECK(even.rows[0].bend.high == Approx(3));
  CHECK(even.rows[0].e2e[1].value == Approx(3));
  CHECK(even.rows[0].change[2].value == Approx(0));  // it is the first
  const Sweep flat = three_loads({{1, 1}, {1, 1}, {1.5, 1.5}});
  CHECK(std::isinf(flat.rows[0].bend.value));
  CHECK_THAT(render(flat, TableFormat::table), Contains("not reached"));
  CHECK_THAT(render(flat, TableFormat::json), Contains("\"bend\": {\n        \"value\": null"));
}

TEST_CASE("p-values against known ones, and adjusted by Holm's method", "[pairwise]") {
  const double a[] = {1, 2, 3, 4, 5}, none[] = {0, 0, 0, 0, 0};
  CHECK(paired_p_value(a, none) == Approx(0.0132356).epsilon(1e-5));  // t = 3 / sqrt(0.5), 4 degrees of freedom
  CHECK(paired_p_value(a, a) == 1);
  const double shifted[] = {2, 3, 4, 5, 6};
  CHECK(paired_p_value(a, shifted) == 0);
  const double one[] = {1}, two[] = {2};
  CHECK(paired_p_value(one, two) == 1);
  const std::vector<double> adjusted = holm_adjusted(std::vector<double>{0.04, 0.01, 0.03, 0.005});
  CHECK(adjusted[3] == Approx(0.02));
  CHECK(adjusted[1] == Approx(0.03));
  CHECK(adjusted[2] == Approx(0.06));
  CHECK(adjusted[0] == Approx(0.06));  // not below what came before it
  CHECK(holm_adjusted(std::vector<double>{0.9, 0.8})[1] == 1);
}

TEST_CASE("pairs of the policies asked for, and of no others", "[pairwise]") {
  Leaderboard board;
  for (const char* policy : {"a", "b", "c", "reference"}) {
    LeaderboardRow& made = board.rows.emplace_back();
    made.policy = policy;
    made.held_out_by_seed = {1, 2, 3, 4};
  }
  board.rows[1].held_out_by_seed = {2, 3.1, 4, 5};
  board.rows[2].failure = "it stalled";
  const auto pairs = paired_differences(board, {"c", "b", "a"});
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].policy == "a");
  CHECK(pairs[0].difference.value == Approx(-1.025));
  CHECK(pairs[0].real);
}

TEST_CASE("lists of specs are split outside parentheses and quotes", "[specs]") {
  CHECK(split_specs("hra(a=1,b=2),llq", "") == std::vector<std::string>{"hra(a=1,b=2)", "llq"});
  CHECK(split_specs("f(x='a,)b',y=2),g(\"(,\")", "") == std::vector<std::string>{"f(x='a,)b',y=2)", "g(\"(,\")"});
  CHECK(split_specs("f(g(1,2),3),h", "") == std::vector<std::string>{"f(g(1,2),3)", "h"});
  CHECK_THROWS_WITH(split_specs("llq,,lor", "--policy"), Contains("--policy: 'llq,,lor' is not allowed"));
  CHECK_THROWS_AS(split_specs("", ""), InputError);
  CHECK_THROWS_WITH(parse_specs("hra,llq,hra(safety=0.03)", "suite"), Contains("is given twice"));
  CHECK(parse_specs("all", "").size() > 5);
}

TEST_CASE("cells with separators are quoted or escaped", "[table]") {
  CHECK(csv_table({"a", "b"}, {{"x,y", "say \"hi\""}}) == "a,b\n\"x,y\",\"say \"\"hi\"\"\"\n");
  CHECK(markdown_table({{.title = "a", .right = false}, {.title = "b"}}, {{{"x|y"}, {"1"}}}) ==
        "| a | b |\n|---|---:|\n| x\\|y | 1 |\n");
}
