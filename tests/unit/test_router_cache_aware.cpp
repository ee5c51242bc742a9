// cache_aware of SGLang's gateways against sequences of decisions worked by hand from its published rule.
#include <catch2/catch.hpp>

#include "policies/registry.hpp"
#include "tests/support/standing_fleet.hpp"

using namespace switchyard;

namespace {

struct CacheAwareFleet {
  explicit CacheAwareFleet(const std::string& spec, std::int32_t num_replicas)
      : policy(parse_policy(spec, "").make()), fleet(*policy, num_replicas) {}
  std::unique_ptr<Policy> policy;
  StandingFleet fleet;
};

}  // namespace

TEST_CASE("cache_aware: a known prefix goes to its owner, a new one to the fewest in flight", "[routers]") {
  const std::string name = GENERATE("smg_cache_aware", "sglang_cache_aware");
  INFO(name);
  CacheAwareFleet router(name, 3);
  StandingFleet& fleet = router.fleet;
  CHECK(fleet.send("abcd") == 0);      // nothing known, all idle: the lowest id
  CHECK(fleet.send("mnop") == 1);      // 0 has one in flight; of 1 and 2 neither has processed any
  CHECK(fleet.send("abcdefgh") == 0);  // 4 of 8 pages known, more than 0.3: their owner, though 2 is idle
  CHECK(fleet.send("abcx") == 0);      // 3 of 4
  CHECK(fleet.send("abuvwxyz") == 2);  // 2 of 8 is 0.25
  CHECK(fleet.send("abuvwxyz") == 2);  // now its own
  // 3, 1, 2 in flight. Exactly 0.3 is not more than 0.3: 3 pages of 10.
  CHECK(fleet.send("abcQRSTUVW") == 1);
  // Pages are full pages: 15 tokens of a page match nothing, 16 of 53 tokens are just above 0.3 and 16 of 54 below.
  CHECK(fleet.send("m", 37) == 1);
  CHECK(fleet.in_flight(0) == 3);
  CHECK(fleet.in_flight(1) == 3);
  CHECK(fleet.in_flight(2) == 2);
  CHECK(fleet.send("m", 38) == 2);
}

TEST_CASE("cache_aware: equal loads go to who has processed fewer, then to the lowest id", "[routers]") {
  CacheAwareFleet router("smg_cache_aware", 3);
  StandingFleet& fleet = router.fleet;
  CHECK(fleet.send("a") == 0);
  fleet.finish(0);
  CHECK(fleet.send("b") == 1);  // all idle; 0 has processed one
  fleet.finish(1);
  CHECK(fleet.send("c") == 2);
  fleet.finish(2);
  CHECK(fleet.send("d") == 0);
}

TEST_CASE("cache_aware: imbalance sends all to the fewest in flight, and the tree learns that", "[routers]") {
  CacheAwareFleet router("smg_cache_aware", 2);
  StandingFleet& fleet = router.fleet;
  CHECK(fleet.send("abcd") == 0);
  CHECK(fleet.send("mn") == 1);
  fleet.set_in_flight(0, 0);
  CHECK(fleet.send("ghij") == 0);
  fleet.set_in_flight(1, 0);
  fleet.set_in_flight(0, 64);
  fleet.set_in_flight(1, 0);
  CHECK(fleet.send("abcd") == 0);  // a difference of 64 is not above 64
  // 65 more than 0, and more than 1.5 times it.
  CHECK(fleet.send("abcdwxyz") == 1);
  CHECK(fleet.in_flight(0) == 65);
  fleet.set_in_flight(1, 40);
  CHECK(fleet.send("abcdwxyz") == 1);  // balanced; all 8 pages are found now, and the last 4 are replica 1's alone
  // 195 is more than 130 by 65, but not more than 1.5 times as many.
  fleet.set_in_flight(0, 195);
  fleet.set_in_flight(1, 130);
  CHECK(fleet.send("ghiq") == 0);
  fleet.set_in_flight(0, 196);
  CHECK(fleet.send("ghir") == 1);
}

TEST_CASE("cache_aware: KV use is a gate of its own where its thresholds are set", "[routers]") {
  CacheAwareFleet router("smg_cache_aware(balance_token_usage=0.5,overload_token_usage=0.9)", 2);
  StandingFleet& fleet = router.fleet;
  CHECK(fleet.send("abcd") == 0);
  fleet.states[0].blocks_used = 500;
  CHECK(fleet.send("abcd") == 0);  // a spread of 0.5 is not above 0.5
  fleet.states[0].blocks_used = 501;
  CHECK(fleet.send("abcd") == 1);
  fleet.states[0].blocks_used = 901;
  fleet.states[1].blocks_used = 800;
  fleet.set_in_flight(1, 9);
  CHECK(fleet.send("mnop") == 0);  // overloaded: fewest in flight, whoever is full
}

TEST_CASE("cache_aware by KV events: most cached, then fewest in flight, then the smaller index, then the last",
          "[routers]") {
  CacheAwareFleet router("smg_cache_aware(index=events)", 4);
  StandingFleet& fleet = router.fleet;
  fleet.cached = {0, 32, 64, 48};
  CHECK(fleet.send("abcd") == 2);
  fleet.cached = {0, 64, 64, 16};
  CHECK(fleet.send("abcd") == 1);  // 2 has one in flight
  fleet.states[1].blocks_cached = 30;
  fleet.states[2].blocks_cached = 20;
  CHECK(fleet.send("abcd") == 2);  // one each: the smaller index
  fleet.set_in_flight(1, 2);
  fleet.states[2].blocks_cached = 30;
  CHECK(fleet.send("abcd") == 2);  // all equal: the last
  fleet.cached = {0, 0, 0, 0};
  CHECK(fleet.send("abcd") == 0);  // nobody: fewest in flight, no threshold and no tree
  CHECK(fleet.send("abcd") == 3);
}

TEST_CASE("cache_aware of old: a miss goes to the smallest tree, however slow its worker is", "[routers]") {
  CacheAwareFleet router("sglang_cache_aware(miss=smallest_tree)", 2);
  StandingFleet& fleet = router.fleet;
  CHECK(fleet.send("abcdefgh") == 0);  // both trees are empty
  CHECK(fleet.send("ij") == 1);
  fleet.set_in_flight(0, 0);
  CHECK(fleet.send("kl") == 1);  // 8 pages against 2
  CHECK(fleet.send("mn") == 1);  // against 4: replica 1 draws all, though it has two and then three in flight
  CHECK(fleet.send("op") == 1);
  CHECK(fleet.in_flight(1) == 4);
  CHECK(fleet.send("qr") == 0);  // 8 against 8
  CHECK(fleet.send("st") == 1);
}

TEST_CASE("cache_aware: the tree forgets the least recent leaves at whole intervals", "[routers]") {
  CacheAwareFleet router("smg_cache_aware(max_tree_size=64,eviction_interval=60)", 2);
  StandingFleet& fleet = router.fleet;
  CHECK(fleet.send("abcd") == 0);
  fleet.at(1);
  CHECK(fleet.send("abcdef") == 0);  // 6 pages, 4 may stay
  fleet.set_in_flight(1, 5);
  fleet.at(59);
  CHECK(fleet.send("mn") == 0);  // 8 pages: abcd, ef, mn
  fleet.set_in_flight(0, 9);
  fleet.at(60);
  // Replica 0 loses ef, and then abcd, which is a leaf by now and was accessed before mn.
  CHECK(fleet.send("mn") == 0);
  CHECK(fleet.send("abcd") == 1);
}
