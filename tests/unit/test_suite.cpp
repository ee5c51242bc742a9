#include <catch2/catch.hpp>
#include <cmath>

#include "core/input/error.hpp"
#include "results/text_table.hpp"
#include "search/pairwise.hpp"
#include "search/spec_list.hpp"
#include "search/statistics.hpp"
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

using Values = std::vector<double>;

// llq's figures on one scenario; on the other they are ten times as large.
const Values kFigures = {1, 1.1, 0.9, 1.05, 0.95, 1.02};

Values times(double factor, const Values& values = kFigures) {
  Values product;
  for (const double value : values) product.push_back(factor * value);
  return product;
}

Suite two_scenarios(const Goal& goal = goal_of("mean_e2e_s")) {
  Suite suite;
  suite.goal = goal;
  suite.scenarios.resize(2);
  suite.scenarios[0].name = "small";
  suite.scenarios[0].llq_by_seed = kFigures;
  suite.scenarios[0].interference_free_by_seed = times(0.5);
  suite.scenarios[1].name = "large";
  suite.scenarios[1].llq_by_seed = times(10);
  suite.scenarios[1].interference_free_by_seed = times(5);
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
  suite.rows = {row("mixed", {times(2), times(5)}), row("better", {times(0.5), times(5)}),
                row("llq", {times(1), times(10)}),
                row("noisy", {{0.9, 0.9, 0.85, 0.91, 0.92, 0.9}, {10, 11, 9, 10.5, 9.5, 10.6}})};
  SuiteRow& failed = suite.rows.emplace_back(row("failed", {}));
  failed.failure = "large: it stalled";
  SuiteRow& seer = suite.rows.emplace_back(row("seer", {times(0.1), times(1)}));
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
  CHECK(best.never_worse == NeverWorse::yes);
  CHECK(best.not_distinguishable_from == 0);
  for (const SuiteRow& candidate : suite.rows) {
    if (candidate.policy == "mixed") {
      CHECK(candidate.geometric_mean.value == Approx(1));  // twice and half
      CHECK(candidate.worst.value == Approx(2));
      CHECK(candidate.worst_scenario == 0);
      CHECK(candidate.real_losses == std::vector<std::size_t>{0});
      CHECK(candidate.never_worse == NeverWorse::no);
    }
    if (candidate.policy == "llq") CHECK(candidate.never_worse == NeverWorse::yes);
    if (candidate.policy == "noisy") {
      CHECK(candidate.ratios[0].value == Approx(5.38 / 6.02));
      CHECK(candidate.ratios[1].value == Approx(60.6 / 60.2));
      CHECK(candidate.real_losses.empty());  // one seed of six is not enough to tell
      CHECK(candidate.never_worse == NeverWorse::within_error);
    }
  }
  CHECK(suite.rows.back().policy == "failed");
  const std::string table = render(suite, TableFormat::table);
  CHECK_THAT(table,
             Contains("within error") && Contains("Failed: failed: large: it stalled") && Contains("clairvoyant"));
}

TEST_CASE("policies that a suite does not tell apart say so", "[suite]") {
  Suite suite = two_scenarios();
  const Values reversed = {1.02, 0.95, 1.05, 0.9, 1.1, 1.01};
  suite.rows = {row("a", {kFigures, times(10)}), row("b", {reversed, times(10, reversed)})};
  rank_suite(suite);
  CHECK(suite.rows[0].policy == "a");
  CHECK(suite.rows[1].not_distinguishable_from == 1);
}

TEST_CASE("a suite of one seed has no intervals and no verdicts", "[suite]") {
  Suite suite = two_scenarios();
  for (SuiteScenario& scenario : suite.scenarios) scenario.llq_by_seed.resize(1);
  suite.rows = {row("a", {{0.5}, {9}}), row("llq", {{1}, {10}})};
  rank_suite(suite);
  CHECK(suite.rows[0].policy == "a");
  CHECK_FALSE(suite.rows[1].not_distinguishable_from.has_value());
  CHECK(suite.rows[0].never_worse == NeverWorse::unknown);
  CHECK_THAT(render(suite, TableFormat::table), Contains("0.671 [-]") && Contains("2 (-)") &&
                                                    Contains("no intervals, and no verdicts") &&
                                                    !Contains("within error  "));
  CHECK_THAT(render(suite, TableFormat::json), Contains("\"never_worse\": null") &&
                                                   Contains("\"not_distinguishable_from_rank\": null") &&
                                                   Contains("\"low\": null") && !Contains(": inf"));
  CHECK_THAT(render(suite, TableFormat::csv), !Contains("inf,") && !Contains("nan"));
}

TEST_CASE("a suite whose objective is better the higher it is", "[suite]") {
  Suite suite = two_scenarios(goal_of("goodput(ttft_s<=2)"));
  suite.rows = {row("llq", {times(1), times(10)}), row("mixed", {times(2), times(5)}),
                row("better", {times(2), times(10)}), row("nothing", {times(0), times(20)}),
                row("nothing either", {times(0), times(40)})};
  rank_suite(suite);
  const SuiteRow &best = suite.rows[0], &mixed = suite.rows[2], &nothing = suite.rows[3];
  CHECK(best.policy == "better");
  CHECK(best.rank == 1);
  CHECK(best.geometric_mean.value == Approx(std::sqrt(2)));
  CHECK(best.worst.value == Approx(1));
  CHECK(best.worst_scenario == 1);
  CHECK(best.never_worse == NeverWorse::yes);
  CHECK(mixed.policy == "mixed");
  CHECK(mixed.not_distinguishable_from == 2);  // twice and half: as llq
  CHECK(mixed.worst.value == Approx(0.5));     // the smallest
  CHECK(mixed.worst_scenario == 1);
  CHECK(mixed.real_losses == std::vector<std::size_t>{1});
  CHECK(mixed.never_worse == NeverWorse::no);
  CHECK(nothing.policy == "nothing");
  CHECK(nothing.geometric_mean.value == 0);
  CHECK(nothing.rank == 4);
  CHECK(nothing.not_distinguishable_from == 0);
  CHECK(suite.rows[4].not_distinguishable_from == 4);  // nothing times anything
  const std::string table = render(suite, TableFormat::table);
  CHECK_THAT(table, Contains("goodput(ttft_s<=2) relative to LLQ's") && Contains("above 1 is better") &&
                        Contains("no interval reaches below 1") && !Contains("nterference-free"));
  const std::string coloured = render(suite, TableFormat::table, {.colour = true});
  CHECK_THAT(coloured, Contains("\x1b[32m1.414") && Contains("\x1b[31m0.500"));
  const std::string json = render(suite, TableFormat::json);
  CHECK_THAT(json, Contains("\"objective\": \"goodput(ttft_s<=2)\"") && Contains("\"higher_is_better\": true") &&
                       !Contains("interference_free"));
  CHECK_THAT(render(suite, TableFormat::csv),
             Contains("small goodput(ttft_s<=2)") && !Contains("nan") && !Contains("inf,"));
}

TEST_CASE("a suite's figures of 0 are told from those that are not", "[suite]") {
  Suite suite = two_scenarios(goal_of("longest_wait_s"));
  suite.rows = {row("llq", {times(1), times(10)}), row("no wait", {times(0), times(20)})};
  rank_suite(suite);
  CHECK(suite.rows[0].policy == "no wait");
  CHECK(suite.rows[0].geometric_mean.value == 0);
  CHECK(suite.rows[0].worst.value == Approx(2));
  CHECK(suite.rows[1].not_distinguishable_from == 0);
}

TEST_CASE("a policy that breaks a constraint on any scenario is ranked below those that do not", "[suite]") {
  Suite suite = two_scenarios(goal_of("mean_e2e_s", "p99_e2e_s<=40"));
  suite.rows = {row("quick", {times(0.5), times(5)}), row("llq", {times(1), times(10)}), row("failed", {})};
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

TEST_CASE("a sweep shows where curves bend", "[sweep]") {
  const Sweep even =
      three_loads({{1, 1.1, 1.2}, {1.5, 1.65, 1.8}, {2.5, 2.75, 3}});  // each seed's curve has the same shape
  CHECK(even.rows[0].bend.value == Approx(3));
  CHECK(even.rows[0].bend.low == Approx(3));
  CHECK(even.rows[0].bend.high == Approx(3));
  CHECK(even.rows[0].value[1].value == Approx(1.65));
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
  Sweep sweep = three_loads({{1, 1.01, 1, 1.02, 1, 1.01}, {0.02, 0.02, 0.02, 0.02, 0.02, 0.02}, {0, 1, 0, 1, 0, 1}},
                            goal_of("goodput(ttft_s<=2)"));
  SweepRow& other = sweep.rows.emplace_back(sweep.rows[0]);
  other.by_seed = {times(2, sweep.rows[0].by_seed[0]), times(0.5, sweep.rows[0].by_seed[1]), times(1, Values(6, 1.0))};
  derive_sweep(sweep);
  CHECK(other.change[0]->value == Approx(1));
  CHECK(other.change[2]->value == Approx(1));  // of nothing on one seed, which is not nothing
  CHECK(other.change[2]->has_interval());
  CHECK_THAT(render(sweep, TableFormat::table, {.colour = true}),
             Contains("\x1b[32m2.0133") && Contains("\x1b[31m0.0100"));  // more is better; digits for the smallest
  CHECK_THAT(render(sweep, TableFormat::table),
             Contains("more is better") && Contains("falls to 1/2 of that at qps 1"));
  CHECK_THAT(render(sweep, TableFormat::json), Contains("\"change_against_first\": {"));
  CHECK_THAT(render(sweep, TableFormat::csv), !Contains("nan") && !Contains("inf,"));
}

TEST_CASE("pairs of the policies asked for, and of no others", "[pairwise]") {
  Leaderboard board;
  for (const char* policy : {"a", "b", "c", "reference"}) {
    LeaderboardRow& made = board.rows.emplace_back();
    made.policy = policy;
    made.held_out_by_seed = {1, 2, 3, 4};
    made.rank = static_cast<int>(board.rows.size());
  }
  board.rows[1].held_out_by_seed = {2, 3.1, 4, 5};
  board.rows[2].failure = "it stalled";
  const auto pairs = paired_differences(board, {"c", "b", "a"});
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].policy == "a");
  CHECK(pairs[0].difference.value == Approx(-1.025));
  CHECK(pairs[0].real == true);
}

TEST_CASE("verdicts, intervals and marks of ties agree on every pair", "[pairwise]") {
  Leaderboard board;
  const auto add = [&](const char* policy, std::vector<double> values) {
    LeaderboardRow& made = board.rows.emplace_back();
    made.policy = policy;
    made.held_out_by_seed = std::move(values);
    made.rank = static_cast<int>(board.rows.size());
  };
  add("a", {1, 2, 3, 4, 5});
  add("b", {1.1, 2.4, 3.2, 4.1, 5.4});  // alone it is told from a at 5% (p = 0.02), among three pairs it is not
  add("c", {2, 3.2, 4, 5.1, 6});
  const std::vector<PairedDifference> pairs = paired_differences(board, {"a", "b", "c"});
  REQUIRE(pairs.size() == 3);
  CHECK(distinguishable(board.rows[0].held_out_by_seed, board.rows[1].held_out_by_seed));
  CHECK(pairs[1].real == true);
  for (const PairedDifference& pair : pairs) {
    CHECK(pair.difference.holds(0) != pair.real);
    CHECK(pair.relative_change.holds(0) != pair.real);
    CHECK(pair.difference.value < 0);
  }
  mark_ties(board, pairs);
  CHECK(board.rows[0].not_distinguishable_from == 0);
  CHECK(board.rows[1].not_distinguishable_from == (*pairs[0].real ? 0 : 1));
  CHECK(board.rows[2].not_distinguishable_from == (*pairs[2].real ? 0 : 2));
  const std::string table = render(board, pairs, TableFormat::table);
  CHECK_THAT(table, Contains("a real difference") && !Contains("tuned on") && !Contains("training"));
  for (LeaderboardRow& row : board.rows) row.held_out_by_seed.resize(1);
  const std::vector<PairedDifference> single = paired_differences(board, {"a", "b", "c"});
  CHECK_FALSE(single[0].real.has_value());
  CHECK_FALSE(single[0].p_value.has_value());
  CHECK_THAT(render(board, single, TableFormat::table), Contains("One seed shows no spread"));
  CHECK_THAT(render(board, single, TableFormat::json),
             Contains("\"real\": null") && Contains("\"adjusted_p_value\": null"));
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
