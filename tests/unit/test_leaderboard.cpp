// Leaderboards as tables and files.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "core/input/error.hpp"
#include "results/leaderboard.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;
using Catch::Matchers::Contains;

namespace {

Leaderboard one_row() {
  Leaderboard leaderboard{.scenario = "s"};
  leaderboard.rows.emplace_back().policy = "llq";
  return leaderboard;
}

}  // namespace

TEST_CASE("a leaderboard shows what prefix caches did where they were of use") {
  Leaderboard leaderboard = one_row();
  CHECK_THAT(render(leaderboard, TableFormat::csv), !Contains("hit rate") && !Contains("evicted"));
  leaderboard.rows[0].metrics.hit_tokens = 5;
  leaderboard.rows[0].metrics.hit_rate = 0.25;
  leaderboard.rows[0].metrics.num_evicted_blocks = 77;
  CHECK_THAT(render(leaderboard, TableFormat::csv),
             Contains("hit rate") && Contains("0.25") && Contains("evicted") && Contains("77"));
}

TEST_CASE("a leaderboard of before prefix caches is read, one that lacks another figure is not") {
  Leaderboard leaderboard = one_row();
  leaderboard.rows[0].metrics.hit_tokens = 5;
  nlohmann::json json = nlohmann::json::parse(render(leaderboard, TableFormat::json));
  const ScratchFolder scratch;
  const auto read = [&] {
    scratch.write("leaderboard.json", json.dump());
    return load_leaderboard(scratch.path()).rows.at(0).metrics.hit_tokens;
  };
  CHECK(read() == 5);
  nlohmann::json& metrics = json["rows"][0]["metrics"];
  REQUIRE(metrics.erase("hit_tokens") == 1);
  CHECK(read() == 0);
  REQUIRE(metrics.erase("num_batches") == 1);
  CHECK_THROWS_AS(read(), InputError);
}
