// How one of several candidates is picked: tie rules, rings.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "policies/picking/hash_ring.hpp"
#include "policies/picking/ties.hpp"

using namespace switchyard;

namespace {

std::vector<std::size_t> picks(Ties rule, const std::vector<Score>& scores, int decisions) {
  TieBreaker ties(rule);
  ties.start(RandomStream(1, "test"));
  std::vector<std::size_t> picked;
  for (int i = 0; i < decisions; ++i) picked.push_back(ties.least(scores));
  return picked;
}

}  // namespace

TEST_CASE("ties: first, last, in turn, from a moving start", "[picking]") {
  const std::vector<Score> scores = {{3, 0}, {1, 0}, {2, 0}, {1, 0}, {1, 5}, {1, 0}};  // the best: 1, 3, 5
  using Picks = std::vector<std::size_t>;
  CHECK(picks(Ties::first, scores, 3) == Picks{1, 1, 1});
  CHECK(picks(Ties::last, scores, 3) == Picks{5, 5, 5});
  CHECK(picks(Ties::round_robin, scores, 5) == Picks{1, 3, 5, 1, 3});
  CHECK(picks(Ties::rotate, scores, 8) == Picks{1, 1, 3, 3, 5, 5, 1, 1});  // starts 0, 1, 2, 3, 4, 5, 0, 1
}

TEST_CASE("ties at random are uniform, by either way of drawing", "[picking]") {
  const std::vector<Score> scores = {{1, 0}, {2, 0}, {1, 0}, {1, 0}};
  for (const Ties rule : {Ties::random, Ties::reservoir}) {
    std::map<std::size_t, int> counts;
    for (const std::size_t i : picks(rule, scores, 3000)) ++counts[i];
    CHECK(counts.size() == 3);
    for (const std::size_t i : {0, 2, 3}) CHECK(std::abs(counts[i] - 1000) < 120);  // four and a half deviations
    CHECK(picks(rule, {{1, 0}, {0, 0}}, 3) == std::vector<std::size_t>{1, 1, 1});
  }
}

TEST_CASE("a ring gives each replica its share, moves little, and is walked once around", "[picking]") {
  HashRing ring(4, 256);
  HashRing wider(5, 256);
  std::map<std::int32_t, int> counts;
  int moved = 0;
  for (std::uint64_t key = 0; key < 4000; ++key) {
    const std::uint64_t hash = hash_of(7, key);
    ++counts[ring.first(hash)];
    const std::int32_t after = wider.first(hash);
    moved += after != ring.first(hash);
    if (after != ring.first(hash)) CHECK(after == 4);  // what moves goes to the new one
  }
  for (std::int32_t replica = 0; replica < 4; ++replica) CHECK(std::abs(counts[replica] - 1000) < 300);
  CHECK(std::abs(moved - 800) < 250);

  std::vector<std::int32_t> asked;
  CHECK(ring.walk(123, [&](std::int32_t replica) { return asked.push_back(replica), false; }) == -1);
  CHECK(asked.size() == 4);
  CHECK(std::set<std::int32_t>(asked.begin(), asked.end()).size() == 4);
  CHECK(ring.walk(123, [&](std::int32_t replica) { return replica == asked[2]; }) == asked[2]);
}

TEST_CASE("rendezvous hashing keeps a key where it is unless its replica goes", "[picking]") {
  const std::vector<std::int32_t> all = {0, 1, 2, 3};
  std::map<std::int32_t, int> counts;
  for (std::uint64_t key = 0; key < 4000; ++key) {
    const std::int32_t home = rendezvous(key, all);
    ++counts[home];
    if (home != 2) CHECK(rendezvous(key, std::vector<std::int32_t>{0, 1, 3}) == home);
  }
  for (const auto& [replica, count] : counts) CHECK(std::abs(count - 1000) < 150);
}
