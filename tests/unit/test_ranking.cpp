#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "core/input/write_file.hpp"
#include "search/judge.hpp"

using namespace switchyard;
using Catch::Contains;

namespace {

// llq, and a policy that is better by a quarter on average.
Leaderboard board_of(std::vector<double> llq, std::vector<double> other) {
  Leaderboard board;
  board.scenario = "small";
  board.held_out_seeds = "101";
  board.llq_by_seed = board.lor_by_seed = llq;
  board.interference_free_by_seed = std::vector<double>(llq.size(), 0.1);
  for (const auto& [policy, values] : {std::pair("llq", llq), std::pair("random", other)}) {
    LeaderboardRow& row = board.rows.emplace_back();
    row.policy = policy;
    row.held_out_by_seed = values;
  }
  rank_rows(board);
  return board;
}

}  // namespace

TEST_CASE("a leaderboard of one seed has no intervals and no verdicts, also when it is read back", "[judge]") {
  const Leaderboard board = board_of({4}, {3});
  CHECK(board.rows[0].policy == "random");
  for (const LeaderboardRow& row : board.rows) {
    CHECK_FALSE(row.not_distinguishable_from.has_value());
    CHECK_FALSE(row.held_out.has_interval());
    CHECK_FALSE(row.change_against_llq.has_interval());
    CHECK_FALSE(row.simultaneous_against_llq.has_interval());
    CHECK_FALSE(row.gap_closed.has_interval());
  }
  const std::string table = render(board, TableFormat::table);
  CHECK_THAT(table, Contains("1 (-)") && Contains("2 (-)") && Contains("3.000 [-]") && Contains("-25.0% [-]"));
  CHECK_THAT(table, !Contains("tuned on") && !Contains("training"));  // nothing was
  CHECK_THAT(render(board, TableFormat::csv), !Contains("inf") && !Contains("nan"));

  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "switchyard_one_seed";
  std::filesystem::create_directories(folder);
  write_file(folder / "leaderboard.json", leaderboard_json(board));
  const Leaderboard read = load_leaderboard(folder);
  std::filesystem::remove_all(folder);
  CHECK(leaderboard_json(read) == leaderboard_json(board));
  CHECK_FALSE(read.rows[1].not_distinguishable_from.has_value());
  CHECK(std::isnan(read.rows[1].training.value));
  CHECK(std::isinf(read.rows[1].held_out.high));
}

TEST_CASE("a change relative to a figure of 0 is shown as none", "[judge]") {
  const Leaderboard board = board_of({0, 0, 0}, {1, 2, 3});
  CHECK(board.rows[0].change_against_llq.value == 0);
  CHECK(std::isnan(board.rows[1].change_against_llq.value));
  CHECK_THAT(render(board, TableFormat::csv), !Contains("inf") && !Contains("nan"));
  CHECK_THAT(leaderboard_json(board), Contains("\"change_against_llq\": {\n        \"value\": null"));
}

TEST_CASE("ties are marked from three seeds on as the paired test sees them", "[judge]") {
  const Leaderboard apart = board_of({4, 4.1, 3.9}, {3, 3.2, 2.9});
  CHECK(apart.rows[1].policy == "llq");
  CHECK(apart.rows[1].not_distinguishable_from == 0);
  const Leaderboard together = board_of({4, 4.1, 3.9}, {3, 5, 3.5});
  CHECK(together.rows[1].not_distinguishable_from == 1);
  CHECK(together.rows[0].change_against_llq.holds(0));
}
