// Routers that keep sessions together against sequences of decisions worked by hand from their published rules.
#include <catch2/catch.hpp>
#include <map>

#include "policies/registry.hpp"
#include "tests/support/standing_fleet.hpp"

using namespace switchyard;

namespace {

struct SessionFleet {
  explicit SessionFleet(const std::string& spec, std::int32_t num_replicas, std::uint64_t seed = 1)
      : policy(parse_policy(spec, "").make()), fleet(*policy, num_replicas, 16, seed) {}
  std::int32_t send(std::int32_t session) { return fleet.send("a", 0, session); }
  std::unique_ptr<Policy> policy;
  StandingFleet fleet;
};

}  // namespace

TEST_CASE("hashed sessions stay where they are, spread, and need no record", "[routers]") {
  const std::string name = GENERATE("smg_consistent_hashing", "aibrix_session_affinity");
  INFO(name);
  SessionFleet router(name, 4);
  std::map<std::int32_t, int> sessions;
  for (std::int32_t session = 0; session < 200; ++session) {
    const std::int32_t home = router.send(session);
    ++sessions[home];
    CHECK(router.send(session) == home);
    SessionFleet other(name, 4, 2);  // another gateway
    CHECK(other.send(session) == home);
  }
  for (std::int32_t r = 0; r < 4; ++r) CHECK(sessions[r] > 20);
  std::map<std::int32_t, int> none;
  for (int i = 0; i < 200; ++i) ++none[router.send(-1)];
  for (std::int32_t r = 0; r < 4; ++r) CHECK(none[r] > 20);
}

TEST_CASE("smg_manual: sessions stay whatever the load, until they are idle", "[routers]") {
  SessionFleet router("smg_manual(assignment=min_load,idle=3600)", 3);
  router.fleet.set_in_flight(0, 2);
  router.fleet.set_in_flight(1, 1);
  router.fleet.set_in_flight(2, 3);
  CHECK(router.send(7) == 1);
  router.fleet.set_in_flight(1, 50);
  router.fleet.at(3600);
  CHECK(router.send(7) == 1);
  CHECK(router.send(8) == 0);
  // At the sweep of 7200 s it has been idle for an hour, which is not longer; at that of 10860 s it has.
  router.fleet.at(7201);
  router.fleet.set_in_flight(2, 0);
  CHECK(router.send(7) == 1);
  router.fleet.at(10860);
  CHECK(router.send(7) == 2);
}

TEST_CASE("smg_manual: new sessions where the fewest live ones are", "[routers]") {
  SessionFleet router("smg_manual(assignment=min_group)", 2);
  const std::int32_t first = router.send(1);
  CHECK(router.send(2) == 1 - first);
  router.fleet.set_in_flight(0, 9);
  const std::int32_t third = router.send(3);
  CHECK(router.send(4) == 1 - third);
}

TEST_CASE("sgl_router_sticky: in turn, then there for 600 s", "[routers]") {
  SessionFleet router("sgl_router_sticky", 3);
  CHECK(router.send(1) == 0);
  CHECK(router.send(2) == 1);
  CHECK(router.send(1) == 0);
  CHECK(router.send(3) == 2);
  router.fleet.at(600);
  CHECK(router.send(2) == 1);
  router.fleet.at(600.001);
  CHECK(router.send(1) == 0);  // new, and its turn
  CHECK(router.send(3) == 1);
}

TEST_CASE("sgl_router_session_aware: until its worker has too much to compute", "[routers]") {
  SessionFleet router("sgl_router_session_aware", 2);
  for (ReplicaState& state : router.fleet.states) state.waiting_uncached_tokens = 0;
  router.fleet.states[0].waiting_uncached_tokens = 1;
  CHECK(router.send(1) == 1);  // of two the lower pressure
  router.fleet.states[1].waiting_uncached_tokens = 1025;
  CHECK(router.send(1) == 1);  // more by 1024 only
  router.fleet.states[1].waiting_uncached_tokens = 1026;
  CHECK(router.send(1) == 0);
  router.fleet.states[1].waiting_uncached_tokens = 0;
  CHECK(router.send(1) == 0);  // bound there now
}

TEST_CASE("aibrix_vtc_basic: pods by what a user has used", "[routers]") {
  // 64 tokens of prompt are 256 of use. |i - min(used / 1000, 2)| + in flight / 100 + less than 0.1.
  SessionFleet router("aibrix_vtc_basic", 3);
  StandingFleet& fleet = router.fleet;
  CHECK(fleet.send("abcd", 0, 1) == 0);
  CHECK(fleet.send("abcd", 100, 1) == 0);  // 0.256; then it has used 256 + 656 = 912
  CHECK(fleet.send("a", 0, 1) == 1);       // bucket 1000
  CHECK(fleet.send("a", 0, 2) == 0);       // another user
  fleet.at(301);
  CHECK(fleet.send("a", 0, 1) == 0);
  // Busy: all 100 or more in flight cost 1.
  fleet.set_in_flight(0, 250);
  fleet.set_in_flight(1, 0);
  fleet.set_in_flight(2, 0);
  CHECK(fleet.send("abcd", 0, 1) != 2);
}

TEST_CASE("llmd: session affinity as a score, and as a filter", "[routers]") {
  SessionFleet soft("llmd(queue_weight=0,kv_weight=1,prefix_weight=0,session_weight=0.5)", 2);
  soft.fleet.states[1].blocks_used = 100;
  CHECK(soft.send(1) == 0);
  soft.fleet.states[0].blocks_used = 500;
  CHECK(soft.send(1) == 0);  // 0.5 + 0.5 against 0.9
  CHECK(soft.send(2) == 1);
  soft.fleet.states[0].blocks_used = 700;
  CHECK(soft.send(1) == 1);  // 0.8, 0.9
  SessionFleet hard("llmd(session_filter=hard)", 2);
  hard.fleet.states[1].blocks_used = 100;
  CHECK(hard.send(1) == 0);
  hard.fleet.states[0].blocks_used = 900;
  hard.fleet.at(300);
  CHECK(hard.send(1) == 0);
  hard.fleet.at(600.5);
  CHECK(hard.send(1) == 1);
}
