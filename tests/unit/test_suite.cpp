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

Goal goal_of(const char* objective, const char* constraint = nullptr) {
  Goal goal{parse_objective(objective, ""), {}};
  if (constraint != nullptr) goal.constraints = parse_constraints(constraint, "");
  return goal;
}

SuiteRow row(const char* policy, std::vector<std::vector<double>> values) {
  SuiteRow made;
  made.policy = policy;
  made.by_seed = std::move(values);
  return made;
}

// llq's figure is 1, 2, 3 on one scenario and 10, 20, 30 on the other.
Suite two_scenarios(const Goal& goal = goal_of("mean_e2e_s")) {
  Suite suite;
  suite.goal = goal;
  suite.scenarios.resize(2);
  suite.scenarios[0].name = "small";
  suite.scenarios[0].llq_by_seed = {1, 2, 3};
  suite.scenarios[0].interference_free_by_seed = {0.5, 1, 1.5};
  suite.scenarios[1].name = "large";
  suite.scenarios[1].llq_by_seed = {10, 20, 30};
  suite.scenarios[1].interference_free_by_seed = {5, 10, 15};
  return suite;
}

Sweep three_loads(std::vector<std::vector<double>> values, const Goal& goal = goal_of("mean_e2e_s")) {
  Sweep sweep;
  sweep.goal = goal;
  sweep.axis = "qps";
  sweep.loads = {1, 2, 4};
  sweep.rows.resize(1);
  sweep.rows[0].policy = "llq";
  sweep.rows[0].by_seed = std::move(values);
  sweep.rows[0].infeasible.resize(3);
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

TEST_CASE("a suite whose objective is better the higher it is", "[suite]") {
  Suite suite = two_scenarios(goal_of("goodput(ttft_s<=2)"));
  suite.rows = {row("llq", {{1, 2, 3}, {10, 20, 30}}), row("mixed", {{2, 4, 6}, {5, 10, 15}}),
                row("better", {{2, 4, 6}, {10, 20, 30}}), row("nothing", {{0, 0, 0}, {20, 40, 60}}),
                row("nothing either", {{0, 0, 0}, {40, 80, 120}})};
  rank_suite(suite);
  const SuiteRow &best = suite.rows[0], &mixed = suite.rows[2], &nothing = suite.rows[3];
  CHECK(best.policy == "better");
  CHECK(best.rank == 1);
  CHECK(best.geometric_mean.value == Approx(std::sqrt(2)));
  CHECK(best.worst.value == Approx(1));
  CHECK(best.worst_scenario == 1);
  CHECK(best.never_worse);
  CHECK(mixed.policy == "mixed");
  CHECK(mixed.not_distinguishable_from == 2);  // twice and half: as llq
  CHECK(mixed.worst.value == Approx(0.5));     // the smallest
  CHECK(mixed.worst_scenario == 1);
  CHECK(mixed.real_losses == std::vector<std::size_t>{1});
  CHECK_FALSE(mixed.never_worse);
  CHECK(nothing.policy == "nothing");
  CHECK(nothing.geometric_mean.value == 0);
  CHECK(nothing.rank == 4);
  CHECK(nothing.not_distinguishable_from == 0);
  CHECK(suite.rows[4].not_distinguishable_from == 4);  // nothing times anything
  const std::string table = render(suite, TableFormat::table);
  CHECK_THAT(table, Contains("goodput(ttft_s<=2) relative to LLQ's") && Contains("above 1 is better") &&
                        Contains("interval that is below 1") && !Contains("nterference-free"));
  const std::string coloured = render(suite, TableFormat::table, {.colour = true});
  CHECK_THAT(coloured, Contains("\x1b[32m1.414") && Contains("\x1b[31m0.500"));
  const std::string json = render(suite, TableFormat::json);
  CHECK_THAT(json, Contains("\"objective\": \"goodput(ttft_s<=2)\"") && Contains("\"higher_is_better\": true") &&
                       !Contains("interference_free") && !Contains("null"));
  CHECK_THAT(render(suite, TableFormat::csv),
             Contains("small goodput(ttft_s<=2)") && !Contains("nan") && !Contains("inf,"));
}

TEST_CASE("a suite's figures of 0 are told from those that are not", "[suite]") {
  Suite suite = two_scenarios(goal_of("longest_wait_s"));
  suite.rows = {row("llq", {{1, 2, 3}, {10, 20, 30}}), row("no wait", {{0, 0, 0}, {20, 40, 60}})};
  rank_suite(suite);
  CHECK(suite.rows[0].policy == "no wait");
  CHECK(suite.rows[0].geometric_mean.value == 0);
  CHECK(suite.rows[0].worst.value == Approx(2));
  CHECK(suite.rows[1].not_distinguishable_from == 0);
}

TEST_CASE("a policy that breaks a constraint on any scenario is ranked below those that do not", "[suite]") {
  Suite suite = two_scenarios(goal_of("mean_e2e_s", "p99_e2e_s<=40"));
  suite.rows = {row("quick", {{0.5, 1, 1.5}, {5, 10, 15}}), row("llq", {{1, 2, 3}, {10, 20, 30}}), row("failed", {})};
  suite.rows[0].infeasible = "large: p99_e2e_s<=40 is 41";
  suite.rows[2].failure = "it stalled";
  rank_suite(suite);
  CHECK(suite.rows[0].policy == "llq");
  CHECK(suite.rows[1].policy == "quick");
  CHECK(suite.rows[1].not_distinguishable_from == 0);
  CHECK(suite.rows[2].policy == "failed");
  CHECK_THAT(render(suite, TableFormat::table),
             Contains("Infeasible: quick: large: p99_e2e_s<=40 is 41") && Contains("infeasible  quick") &&
                 Contains("Constraints on held-out means: p99_e2e_s<=40; what breaks them on any scenario comes last"));
}

TEST_CASE("a curve bends where it reaches twice its first value", "[sweep]") {
  const double loads[] = {1, 2, 4};
  CHECK(bend_of(loads, std::vector<double>{1, 1.5, 2.5}) == Approx(3));
  CHECK(bend_of(loads, std::vector<double>{1, 2, 3}) == Approx(2));
  CHECK(bend_of(loads, std::vector<double>{1, 3, 1}) == Approx(1.5));  // the first crossing counts
  CHECK(std::isinf(bend_of(loads, std::vector<double>{1, 1.5, 1.9})));
  CHECK(std::isinf(bend_of(loads, std::vector<double>{0, 0, 1})));  // nothing is twice 0
  // Rates grow with the load: what counts is how much of it they keep up with.
  CHECK(std::isinf(bend_of(loads, std::vector<double>{1, 2, 2.1}, true)));
  CHECK(bend_of(loads, std::vector<double>{1, 2, 2}, true) == Approx(4));
  CHECK(bend_of(loads, std::vector<double>{1, 2, 0}, true) == Approx(3));
  CHECK(std::isinf(bend_of(loads, std::vector<double>{0, 0, 1}, true)));
}

TEST_CASE("the interval of a bend holds the same seeds at all loads", "[sweep]") {
  const Sweep even = three_loads({{1, 2, 3}, {1.5, 3, 4.5}, {2.5, 5, 7.5}});  // each seed's curve has the same shape
  CHECK(even.rows[0].bend.value == Approx(3));
  CHECK(even.rows[0].bend.low == Approx(3));
  CHECK(even.rows[0].bend.high == Approx(3));
  CHECK(even.rows[0].value[1].value == Approx(3));
  CHECK(even.rows[0].change[2]->value == Approx(0));  // it is the first
  const Sweep flat = three_loads({{1, 1}, {1, 1}, {1.5, 1.5}});
  CHECK(std::isinf(flat.rows[0].bend.value));
  CHECK_THAT(render(flat, TableFormat::table), Contains("not reached"));
  CHECK_THAT(render(flat, TableFormat::json), Contains("\"bend\": {\n        \"value\": null"));
}

TEST_CASE("a sweep says up to which load constraints are kept", "[sweep]") {
  Sweep sweep = three_loads({{1, 1}, {2, 2}, {9, 9}}, goal_of("p99_ttft_s", "p99_e2e_s<=20"));
  CHECK(sweep.rows[0].kept_to == 4);
  CHECK_THAT(render(sweep, TableFormat::table), Contains("within limits to qps") && Contains("  all\n"));
  sweep.rows[0].infeasible = {"", "p99_e2e_s<=20 is 21", ""};
  derive_sweep(sweep);
  CHECK(sweep.rows[0].kept_to == 1);
  CHECK_THAT(render(sweep, TableFormat::table), Contains("! 2.000 [2.000, 2.000]") && !Contains("! 9") &&
                                                    Contains("Infeasible: llq at qps 2: p99_e2e_s<=20 is 21"));
  sweep.rows[0].infeasible[0] = "p99_e2e_s<=20 is 22";
  derive_sweep(sweep);
  CHECK_FALSE(sweep.rows[0].kept_to.has_value());
  CHECK_THAT(render(sweep, TableFormat::json), Contains("\"kept_to\": null") && Contains("\"value\": {"));
  CHECK_THAT(render(sweep, TableFormat::table), Contains("  none\n"));
}

TEST_CASE("a sweep of a rate, also where it is 0", "[sweep]") {
  Sweep sweep = three_loads({{1, 1}, {0.02, 0.02}, {0, 1}}, goal_of("goodput(ttft_s<=2)"));
  SweepRow& other = sweep.rows.emplace_back(sweep.rows[0]);
  other.by_seed = {{2, 2}, {0.01, 0.01}, {1, 1}};
  derive_sweep(sweep);
  CHECK(other.change[0]->value == Approx(1));
  CHECK_FALSE(other.change[2].has_value());  // of nothing, on one seed
  CHECK_THAT(render(sweep, TableFormat::table, {.colour = true}),
             Contains("\x1b[32m2.0000") && Contains("\x1b[31m0.0100"));  // more is better; digits for the smallest
  CHECK_THAT(render(sweep, TableFormat::table),
             Contains("more is better") && Contains("falls to 1/2 of that at qps 1"));
  CHECK_THAT(render(sweep, TableFormat::json), Contains("\"change_against_first\": null"));
  CHECK_THAT(render(sweep, TableFormat::csv), !Contains("nan") && !Contains("inf,"));
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
