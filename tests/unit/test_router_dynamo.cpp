// Dynamo's KV router against sequences of decisions worked by hand from its published rule.
#include <catch2/catch.hpp>
#include <map>

#include "policies/registry.hpp"
#include "tests/support/standing_fleet.hpp"

using namespace switchyard;

namespace {

// Prompts in letters of 16 tokens, a block.
struct DynamoFleet {
  explicit DynamoFleet(const std::string& spec, std::int32_t num_replicas, std::uint64_t seed = 1)
      : policy(parse_policy(spec, "").make()), fleet(*policy, num_replicas, 16, seed) {}
  std::unique_ptr<Policy> policy;
  StandingFleet fleet;
};

}  // namespace

TEST_CASE("dynamo: prompts to be computed less what is cached, and blocks of prompts in flight", "[routers]") {
  DynamoFleet router("dynamo", 2);
  StandingFleet& fleet = router.fleet;
  fleet.cached = {16, 0};
  CHECK(fleet.send("abcd") == 0);  // 4 - 1 + 4; 4 + 4. There: 3 blocks of prefill, 4 active
  fleet.cached = {64, 0};
  // abcdef: 3 + 6 - 4 + (4 + 2), as abcd is active there; 6 + 6.
  CHECK(fleet.send("abcdef") == 0);
  // 3 + 2 = 5 blocks of prefill there, 6 active. abcd once more: 5 + 4 - 4 + 6 = 11; 4 + 4 = 8.
  CHECK(fleet.send("abcd") == 1);
  fleet.cached = {64, 64};
  // 5 + 4 - 4 + 6 = 11; 4 + 4 - 4 + 4 = 8.
  CHECK(fleet.send("abcd") == 1);
  // The first: 3 blocks of prefill less, and no block less, as abcdef has them all: 2 + 4 - 4 + 6 = 8.
  fleet.finish(0);
  fleet.cached = {64, 0};  // there 4 + 4 + 4 = 12
  CHECK(fleet.send("abcd") == 0);
  // And gone with the last that has them: 0 + 4 + 4 against 4 + 4 + 4.
  fleet.finish(1);
  fleet.finish(4);
  fleet.cached = {0, 0};
  CHECK(fleet.send("abcd") == 0);
}

TEST_CASE("dynamo: the charge for a prompt ends with its first token, that for its blocks with its last", "[routers]") {
  DynamoFleet router("dynamo", 2);
  StandingFleet& fleet = router.fleet;
  fleet.cached = {16, 0};
  CHECK(fleet.send("abcdefgh") == 0);  // 7 blocks of prefill, 8 active
  fleet.cached = {0, 0};
  CHECK(fleet.send("mnopqr") == 1);  // 6 and 6
  fleet.first_token(0);              // 0 and 8
  CHECK(fleet.send("st") == 0);      // 2 + 10 against 8 + 8
  fleet.first_token(2);
  fleet.finish(2);
  fleet.first_token(1);          // 0 and 8; 0 and 6
  CHECK(fleet.send("uv") == 1);  // 2 + 10, 2 + 8
}

TEST_CASE("dynamo: what is no full block counts as one that decodes, and by its tokens as prefill", "[routers]") {
  DynamoFleet router("dynamo", 2);
  StandingFleet& fleet = router.fleet;
  fleet.cached = {16, 0};
  CHECK(fleet.send("a", 8) == 0);  // half a block of prefill, 2 active blocks
  fleet.cached = {0, 0};
  CHECK(fleet.send("x", 8) == 1);  // 2 + 4; 1.5 + 2. Then 1.5 and 2
  // "yy": 2.5 + 4 against 3.5 + 4.
  CHECK(fleet.send("yy") == 0);
}

TEST_CASE("dynamo: outputs that grow and the engines' own counts do not matter", "[routers]") {
  DynamoFleet router("dynamo", 2);
  router.fleet.states[0].blocks_used = 900;
  router.fleet.states[0].num_waiting = 50;
  router.fleet.states[0].waiting_prefill_tokens = 10000;
  router.fleet.cached = {16, 0};
  CHECK(router.fleet.send("ab") == 0);
}

TEST_CASE("dynamo: ties are drawn, evenly", "[routers]") {
  std::map<std::int32_t, int> sent;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    DynamoFleet router("dynamo", 3, seed);
    ++sent[router.fleet.send("a")];
  }
  for (std::int32_t r = 0; r < 3; ++r) CHECK(sent[r] > 70);
}

TEST_CASE("dynamo: a softmax of the costs between least and most", "[routers]") {
  // 1 + 1 with the block cached costs 1, without 2: scaled 0 and 1. At temperature 1 the chance is 1 / (1 + 1/e) =
  // 0.731.
  int cached = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    DynamoFleet router("dynamo(router_temperature=1)", 2, seed);
    router.fleet.cached = {0, 16};
    cached += router.fleet.send("a");
  }
  CHECK(cached > 731 - 60);
  CHECK(cached < 731 + 60);
}

TEST_CASE("dynamo by its own record: what was sent within two minutes", "[routers]") {
  DynamoFleet router("dynamo(index=approximate,prefill_load_scale=2)", 2);
  StandingFleet& fleet = router.fleet;
  fleet.cached = {0, 16};  // what the engines hold is not asked
  const std::int32_t first = fleet.send("abcd");
  fleet.finish(0);
  fleet.at(119);
  CHECK(fleet.send("abcd") == first);  // 0 + 4 against 8 + 4
  fleet.finish(1);
  CHECK(fleet.send("xyz") >= 0);
  const std::int32_t second = fleet.replica(2);
  fleet.finish(2);
  fleet.at(238.9);
  // abcd was sent anew at 119.
  CHECK(fleet.send("abcdef") == first);
  fleet.finish(3);
  fleet.at(239);  // 120 s after xyz was sent
  CHECK(fleet.send("abcdefg") == first);
  CHECK(fleet.send("xyz") == 1 - first);  // 7 blocks there; nobody has xyz
  static_cast<void>(second);
}

TEST_CASE("dynamo: other terms", "[routers]") {
  SECTION("requests in flight count as blocks") {
    DynamoFleet router("dynamo(active_request_weight=3)", 2);
    router.fleet.set_in_flight(0, 1);
    router.fleet.cached = {32, 0};  // 0 + 2 + 3 against 2 + 2
    CHECK(router.fleet.send("ab") == 1);
  }
  SECTION("lmetric: a product, so that an empty replica with the prompt costs nothing") {
    DynamoFleet router("dynamo(cost=lmetric)", 2);
    StandingFleet& fleet = router.fleet;
    fleet.cached = {16, 0};
    CHECK(fleet.send("abcd") == 0);  // 3 * 5 against 4 * 5; 3 blocks of prefill, 4 active
    fleet.cached = {0, 0};
    CHECK(fleet.send("xy") == 1);  // 5 * 7, 2 * 3
    // abcd: (3 + 4 - 4) * (4 + 1) = 15; (2 + 4) * (2 + 4 + 1) = 42.
    fleet.cached = {64, 0};
    CHECK(fleet.send("abcd") == 0);
  }
  SECTION("the credit decays with the prefill there above the least") {
    DynamoFleet router("dynamo(credit_decay=1)", 2);
    StandingFleet& fleet = router.fleet;
    fleet.cached = {16, 0};
    CHECK(fleet.send("abcd") == 0);  // 3 blocks of prefill, 4 active
    // abc with all three cached: excess 3 of 3 blocks, so half the credit: 3 + 3 - 1.5 + 4 = 8.5; 3 + 3 = 6.
    fleet.cached = {48, 0};
    CHECK(fleet.send("abc") == 1);
  }
  SECTION("requests wait while all replicas have more to compute than so many batches hold") {
    DynamoFleet router("dynamo(queue_threshold=1)", 1);
    StandingFleet& fleet = router.fleet;
    fleet.limits.batch_tokens = 64;
    CHECK(fleet.send("abcd") == 0);  // 64 tokens are not more than 64
    CHECK(fleet.send("b") == 0);
    CHECK(fleet.send("c") == -1);
    CHECK(fleet.send("d") == -1);
    fleet.finish(0);
    CHECK(fleet.replica(2) == 0);
    CHECK(fleet.replica(3) == 0);
  }
}

TEST_CASE("dynamo_cost: the preset that gives no credit", "[routers]") {
  DynamoFleet router("dynamo_cost", 2);
  StandingFleet& fleet = router.fleet;
  fleet.cached = {64, 0};
  const std::int32_t first = fleet.send("abcd");
  CHECK(fleet.send("xyz") == 1 - first);
  // abcd is active there: 4 + 4 + 4 = 12; 3 + 4 + 3 + 4 = 14.
  CHECK(fleet.send("abcd") == first);
}
