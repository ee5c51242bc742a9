// The other policies of SGLang's gateways against sequences of decisions worked by hand from their published rules.
#include <catch2/catch.hpp>
#include <map>

#include "policies/registry.hpp"
#include "tests/support/hand_cluster.hpp"
#include "tests/support/standing_fleet.hpp"

using namespace switchyard;

namespace {

struct SglangFleet {
  explicit SglangFleet(const std::string& spec, std::int32_t num_replicas, std::int32_t letter_tokens = 16,
                       std::uint64_t seed = 1)
      : policy(parse_policy(spec, "").make()), fleet(*policy, num_replicas, letter_tokens, seed) {}
  std::unique_ptr<Policy> policy;
  StandingFleet fleet;
};

std::map<std::int32_t, int> sglang_draws(const std::string& spec, std::int32_t num_replicas, auto prepare) {
  std::map<std::int32_t, int> sent;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SglangFleet router(spec, num_replicas, 16, seed);
    prepare(router);
    ++sent[router.fleet.send("abcd")];
  }
  return sent;
}

}  // namespace

TEST_CASE("sglang_power_of_two: the emptier cache as reported, whatever is in flight", "[routers]") {
  auto prepare = [](SglangFleet& router) {
    router.fleet.states[0].blocks_used = 300;
    router.fleet.states[1].blocks_used = 200;
    router.fleet.states[2].blocks_used = 100;
    router.fleet.set_in_flight(1, 5);
    router.fleet.set_in_flight(2, 9);
  };
  // Of the three pairs, two have 2, one has 0 and 1.
  auto sent = sglang_draws("sglang_power_of_two", 3, prepare);
  CHECK(sent[0] == 0);
  CHECK(sent[1] > 60);
  CHECK(sent[2] > 150);
  sent = sglang_draws("sglang_power_of_two(reports=none)", 3, prepare);
  CHECK(sent[2] == 0);
  CHECK(sent[1] > 60);
  CHECK(sent[0] > 150);
  // A tie keeps the first drawn, which is any.
  sent = sglang_draws("sglang_power_of_two", 3, [](SglangFleet&) {});
  for (std::int32_t r = 0; r < 3; ++r) CHECK(sent[r] > 70);
}

TEST_CASE("sglang_least_load: what waits uncached, and was sent since, at the worker's own rate", "[routers]") {
  SglangFleet router("sglang_least_load", 3, 1);
  StandingFleet& fleet = router.fleet;
  const auto waiting = [&](std::int64_t a, std::int64_t b, std::int64_t c) {
    fleet.states[0].waiting_uncached_tokens = a;
    fleet.states[1].waiting_uncached_tokens = b;
    fleet.states[2].waiting_uncached_tokens = c;
  };
  fleet.at(10);
  waiting(1000, 1000, 1100);
  fleet.publish();
  fleet.at(11);
  // No rate yet: 2000. 0.5 s, 0.5 s, 0.55 s: the first of the two.
  CHECK(fleet.send(std::string(150, 'a')) == 0);  // 1150 there now
  CHECK(fleet.send(std::string(50, 'b')) == 1);   // 1050
  CHECK(fleet.send(std::string(60, 'c')) == 1);   // 1110
  CHECK(fleet.send(std::string(1, 'd')) == 2);    // 1150, 1110, 1100
  // What runs there or decodes does not count.
  fleet.states[2].remaining_prefill_tokens = 50000;
  fleet.states[2].decoding_kv_tokens = 50000;
  CHECK(fleet.send(std::string(1, 'e')) == 2);
  // The next report: what was sent since the last is not counted any more.
  fleet.at(20);
  waiting(1101, 1100, 1102);
  fleet.publish();
  fleet.at(20.5);
  CHECK(fleet.send(std::string(1, 'f')) == 1);
  // Rates of their own: 1101 / 3000 = 0.367 against 1101 / 2000, 1102 / 2000.
  fleet.states[0].generation_throughput = 3000;
  CHECK(fleet.send(std::string(1, 'g')) == 0);
  // KV: 0.15 * 0.6 / 0.4 = 0.225, 0.367 + 0.225 = 0.592 against 0.5505.
  fleet.states[0].blocks_used = 600;
  CHECK(fleet.send(std::string(1, 'h')) == 1);
  // 0.15 * 999 for a full one, not infinity: 149.85 + 0.367 against 400000 / 2000 = 200.
  fleet.states[0].blocks_used = 1000;
  waiting(1101, 400000, 400000);
  CHECK(fleet.send(std::string(1, 'i')) == 0);
}

TEST_CASE("sglang_least_load: a flat 1024 over HTTP; fewest in flight where nobody reports", "[routers]") {
  SglangFleet router("sglang_least_load(tokens=flat)", 2, 1);
  router.fleet.publish();
  router.fleet.at(1);
  CHECK(router.fleet.send("a") == 0);                     // counts 1024
  CHECK(router.fleet.send(std::string(3000, 'b')) == 1);  // counts 1024
  CHECK(router.fleet.send("c") == 0);
  SglangFleet blind("sglang_least_load(reports=none)", 2);
  blind.fleet.states[0].waiting_uncached_tokens = 1000;
  CHECK(blind.fleet.send("a") == 0);
  CHECK(blind.fleet.send("b") == 1);
}

TEST_CASE("smg_prefix_hash: prompts that begin alike stay together, within the bound", "[routers]") {
  SglangFleet router("smg_prefix_hash(prefix_tokens=32)", 4);
  StandingFleet& fleet = router.fleet;
  const std::int32_t home = fleet.send("abcd");
  fleet.set_in_flight(home, 0);
  CHECK(fleet.send("abxy") == home);  // the same first 32 tokens
  // The bound is (all + 1) / 4 * 1.25. With 4 there and 8 elsewhere it is 4.06; with 5 there, 4.375.
  for (std::int32_t r = 0; r < 4; ++r) fleet.set_in_flight(r, 3);
  fleet.set_in_flight((home + 1) % 4, 2);
  fleet.set_in_flight(home, 4);
  CHECK(fleet.send("abcd") == home);
  CHECK(fleet.send("abcd") == (home + 1) % 4);  // the fewest in flight
  // Other prompts find other homes: of 200, each of the four has a good part.
  std::map<std::int32_t, int> homes;
  for (int i = 0; i < 200; ++i) {
    for (std::int32_t r = 0; r < 4; ++r) fleet.set_in_flight(r, 0);
    ++homes[fleet.send(std::string(1, static_cast<char>('A' + i % 50)) + static_cast<char>('0' + i / 50))];
  }
  for (std::int32_t r = 0; r < 4; ++r) CHECK(homes[r] > 25);
}

TEST_CASE("smg_bucket: prompts by length while loads are even, fewest characters while they are not", "[routers]") {
  SglangFleet router("smg_bucket(balance_abs=4000,balance_rel=1.5)", 2, 1);
  StandingFleet& fleet = router.fleet;
  // The boundary is 2048 characters: 512 tokens.
  CHECK(fleet.send(std::string(511, 'a')) == 0);
  CHECK(fleet.send(std::string(512, 'b')) == 1);   // 2044, 2048
  CHECK(fleet.send(std::string(600, 'c')) == 1);   // 4448
  CHECK(fleet.send(std::string(600, 'd')) == 1);   // 6848
  CHECK(fleet.send(std::string(1000, 'e')) == 0);  // a difference of 4804 > 4000, 3.35 times: 6044, 6848
  CHECK(fleet.send(std::string(1000, 'f')) == 1);  // even again: 10848
  // The window's lengths: 2044; 2048, 2400, 2400, 4000, 4000: means 2044 and 2970, less than twice: no move.
  fleet.at(5);
  CHECK(fleet.send(std::string(511, 'g')) == 0);
  CHECK(fleet.send(std::string(2000, 'h')) == 1);
  CHECK(fleet.send(std::string(511, 'i')) == 0);
  // 2044 twice and 8000: more than twice. Half of 12088 is reached by 2044, 2044, 8000: the boundary is 8001.
  fleet.at(10);
  CHECK(fleet.send(std::string(800, 'j')) == 0);
  fleet.at(15);
  CHECK(fleet.send(std::string(2001, 'k')) == 1);
}

TEST_CASE("sgl_router_cache_aware: least left to compute of those that hold 1024 tokens", "[routers]") {
  SglangFleet router("sgl_router_cache_aware", 4, 1024);
  StandingFleet& fleet = router.fleet;
  fleet.limits.num_blocks = 10000;
  fleet.cached = {0, 1023, 1024, 4096};
  CHECK(fleet.send("abcdef") == 3);
  // Within 1024 tokens of the least: the order is that of what is left, unless the guard speaks.
  fleet.cached = {0, 0, 3072, 4096};
  fleet.states[3].waiting_uncached_tokens = 1025;
  fleet.states[2].waiting_uncached_tokens = 1;
  CHECK(fleet.send("abcdef") == 3);  // more by 1024, not by more
  fleet.states[3].waiting_uncached_tokens = 1026;
  CHECK(fleet.send("abcdef") == 2);
  fleet.states[2].waiting_uncached_tokens = 3000;
  fleet.states[3].waiting_uncached_tokens = 4500;
  CHECK(fleet.send("abcdef") == 3);  // 1.5 times is not more
  fleet.states[3].waiting_uncached_tokens = 4501;
  CHECK(fleet.send("abcdef") == 2);
  fleet.cached = {0, 0, 3071, 4096};
  CHECK(fleet.send("abcdef") == 3);  // 1025 tokens more left to compute
  // Equal: the lower pressure, here fewer waiting requests.
  fleet.cached = {0, 4096, 4096, 4096};
  for (ReplicaState& state : fleet.states) state.waiting_uncached_tokens = 100;
  fleet.states[1].num_waiting = 2;
  fleet.states[2].num_waiting = 1;
  fleet.states[3].num_waiting = 1;
  fleet.states[3].num_running = 1;
  CHECK(fleet.send("abcdef") == 2);
  // No room: as many run as can.
  fleet.states[2].num_running = fleet.limits.batch_size_cap;
  CHECK(fleet.send("abcdef") == 3);
}

TEST_CASE("sgl_router_cache_aware: without owners the lower pressure of two", "[routers]") {
  const auto sent = sglang_draws("sgl_router_cache_aware", 3, [](SglangFleet& router) {
    router.fleet.states[0].waiting_uncached_tokens = 3;
    router.fleet.states[1].waiting_uncached_tokens = 2;
    router.fleet.states[2].waiting_uncached_tokens = 1;
    router.fleet.states[2].num_waiting = 9;
  });
  CHECK(sent.count(0) == 0);
  CHECK(sent.at(1) > 60);
  CHECK(sent.at(2) > 150);
}

TEST_CASE("sgl_router_power_of_two: the lower pressure, one key after another", "[routers]") {
  HandCluster cluster(2, "sgl_router_power_of_two");  // of two both are drawn
  const auto report = [&](std::size_t r, std::int64_t uncached, std::int32_t waiting, std::int32_t running) {
    cluster.states[r] = {.num_waiting = waiting, .num_running = running, .num_blocks = 1000};
    cluster.states[r].waiting_uncached_tokens = uncached;
  };
  report(0, 100, 1, 1);
  report(1, 50, 9, 9);
  CHECK(cluster.arrive(10) == 1);  // fewer tokens that wait uncached
  report(1, 100, 2, 0);
  CHECK(cluster.arrive(10) == 0);  // then fewer that wait
  report(1, 100, 1, 0);
  CHECK(cluster.arrive(10) == 1);  // then fewer that run
  report(1, 100, 1, 1);
  cluster.set_outstanding({7, 3});
  CHECK(cluster.arrive(10) == 1);  // then fewer of its own
  cluster.set_outstanding({3, 7});
  CHECK(cluster.arrive(10) == 0);
  report(0, 5000, 9, 9);
  CHECK(cluster.arrive(10) == 1);
  cluster.at(5.001);  // reports of 0 s are too old by now: its own in flight alone, 4 and 8
  CHECK(cluster.arrive(10) == 0);
}

TEST_CASE("sgl_router_load_based: waiting, running and sent since; old reports drop it to own in flight", "[routers]") {
  SglangFleet router("sgl_router_load_based", 2);
  StandingFleet& fleet = router.fleet;
  fleet.states[0].num_waiting = 1;
  fleet.states[0].num_running = 1;
  fleet.states[1].num_running = 5;
  fleet.publish();
  fleet.at(1);
  CHECK(fleet.send("a") == 0);  // 2 and 5
  CHECK(fleet.send("a") == 0);
  CHECK(fleet.send("a") == 0);  // 4 and 5
  fleet.at(5);
  const std::int32_t tie = fleet.send("a");  // 5 and 5
  CHECK(fleet.send("a") == 1 - tie);         // 6 and 6 then
  fleet.set_in_flight(0, 7);
  fleet.set_in_flight(1, 3);
  fleet.states[1].num_running = 50;
  fleet.at(5.001);
  CHECK(fleet.send("a") == 1);  // reports are older than 5 s
}
