// AIBrix's algorithms against sequences of decisions worked by hand from their published rules.
#include <catch2/catch.hpp>
#include <map>

#include "policies/registry.hpp"
#include "tests/support/standing_fleet.hpp"

using namespace switchyard;

namespace {

struct AibrixFleet {
  explicit AibrixFleet(const std::string& spec, std::int32_t num_replicas, std::uint64_t seed = 1)
      : policy(parse_policy(spec, "").make()), fleet(*policy, num_replicas, 16, seed) {}
  void in_flight(std::vector<std::int32_t> counts) {
    for (std::size_t r = 0; r < counts.size(); ++r) fleet.set_in_flight(static_cast<std::int32_t>(r), counts[r]);
  }
  std::unique_ptr<Policy> policy;
  StandingFleet fleet;
};

// How often each replica gets the first request.
std::map<std::int32_t, int> aibrix_draws(const std::string& spec, std::int32_t num_replicas, auto prepare) {
  std::map<std::int32_t, int> sent;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    AibrixFleet router(spec, num_replicas, seed);
    prepare(router);
    ++sent[router.fleet.send("abcd")];
  }
  return sent;
}

}  // namespace

TEST_CASE("aibrix_prefix_cache: most of the prompt, then fewest in flight, among pods that are not far above the mean",
          "[routers]") {
  AibrixFleet router("aibrix_prefix_cache", 4);
  StandingFleet& fleet = router.fleet;
  router.in_flight({1, 0, 1, 1});
  CHECK(fleet.send("abcd") == 1);  // no match: fewest in flight
  router.in_flight({1, 1, 1, 0});
  CHECK(fleet.send("abcd") == 1);  // mean 0.75, sigma 0.43: 1 is within
  // 3 is above 2.02 = 0.75 + 1.3 with 3, 0, 0, 0: the pod with the prompt is passed over.
  router.in_flight({0, 3, 1, 1});
  CHECK(fleet.send("abcd") == 0);
  // Now 0 has it as well: of equal matches the fewer in flight.
  router.in_flight({1, 1, 0, 1});
  fleet.set_in_flight(0, 0);
  CHECK(fleet.send("abcdx") == 0);
  // Any match is a match: one block of nine, on 0 and 1, beats an idle pod.
  router.in_flight({2, 1, 1, 1});
  CHECK(fleet.send("aBCDEFGHI") == 1);
  // Matches compare in whole percent: 0 has 5 of 5, 1 has 4.
  router.in_flight({2, 1, 2, 2});
  CHECK(fleet.send("abcdx") == 0);
}

TEST_CASE("aibrix_prefix_cache: while in flight differ by more than 8, only the least loaded may match", "[routers]") {
  AibrixFleet router("aibrix_prefix_cache(sigmas=10)", 3);
  StandingFleet& fleet = router.fleet;
  router.in_flight({0, 1, 1});
  CHECK(fleet.send("abcd") == 0);
  router.in_flight({8, 0, 0});
  CHECK(fleet.send("abcd") == 0);  // 8 is not more than 8
  router.in_flight({9, 0, 1});
  CHECK(fleet.send("abcd") == 1);
  router.in_flight({9, 0, 0});
  CHECK(fleet.send("abcd") == 1);  // of the two least loaded the one with the prompt
}

TEST_CASE("aibrix_prefix_cache: the table keeps a time, and as many tokens as the real one", "[routers]") {
  AibrixFleet router("aibrix_prefix_cache(table_blocks=64)", 2);  // 64 tokens: four blocks of 16
  StandingFleet& fleet = router.fleet;
  router.in_flight({0, 1});
  CHECK(fleet.send("abc") == 0);
  router.in_flight({1, 1});
  CHECK(fleet.send("ab") == 0);
  router.in_flight({1, 0});
  CHECK(fleet.send("xy") == 1);  // c, which was sent longest ago, goes
  router.in_flight({1, 1});
  fleet.at(1200);
  CHECK(fleet.send("abc") == 0);
  router.in_flight({1, 0});
  fleet.at(2401);
  CHECK(fleet.send("abc") == 1);  // 1201 s later
}

TEST_CASE("aibrix_least_request, least_gpu_cache, least_kv: ties at random, or to the last", "[routers]") {
  auto busy = [](AibrixFleet& router) {
    router.in_flight({0, 2, 0});
    router.fleet.states[1].blocks_used = 10;
  };
  auto sent = aibrix_draws("aibrix_least_request", 3, busy);
  CHECK(sent[1] == 0);
  CHECK(sent[0] > 110);
  CHECK(sent[2] > 110);
  sent = aibrix_draws("aibrix_least_gpu_cache", 3, busy);
  CHECK(sent[1] == 0);
  CHECK(sent[0] > 110);
  CHECK(sent[2] > 110);
  sent = aibrix_draws("aibrix_least_kv", 3, busy);
  CHECK(sent[2] == 300);
}

TEST_CASE("aibrix_least_busy_time and aibrix_throughput take random pods, as nothing fills in their metrics",
          "[routers]") {
  const std::string name = GENERATE("aibrix_least_busy_time", "aibrix_throughput");
  auto sent = aibrix_draws(name, 3, [](AibrixFleet& router) {
    router.fleet.send("a");
    router.fleet.at(1);
    router.fleet.finish(0);
  });
  for (std::int32_t r = 0; r < 3; ++r) CHECK(sent[r] > 70);
}

TEST_CASE("aibrix_throughput as written: least 2 * mean prompt + mean output of a request", "[routers]") {
  AibrixFleet router("aibrix_throughput(form=as_written)", 2);
  StandingFleet& fleet = router.fleet;
  const std::int32_t first = fleet.send("abcd");  // nobody has answered: at random
  fleet.finish(0, 10);                            // 2 * 64 + 10 = 138
  CHECK(fleet.send("a") == first);                // the other has no figures, and is passed over
  fleet.finish(1, 70);                            // (138 + 102) / 2 = 120
  CHECK(fleet.send("abcd") == first);
}

TEST_CASE("aibrix_least_latency as it runs: lifetime means of prefill and decode, unseen pods passed over",
          "[routers]") {
  AibrixFleet router("aibrix_least_latency", 2);
  StandingFleet& fleet = router.fleet;
  const std::int32_t first = fleet.send("a");
  for (int i = 0; i < 3; ++i) CHECK(fleet.send("a") >= 0);  // nobody has answered
  fleet.at(5);
  fleet.finish(0);
  for (int i = 0; i < 5; ++i) CHECK(fleet.send("a") == first);
}

TEST_CASE("aibrix_power_of_two: never the busiest, the first drawn of equals", "[routers]") {
  auto sent = aibrix_draws("aibrix_power_of_two", 3, [](AibrixFleet& router) { router.in_flight({3, 3, 5}); });
  CHECK(sent[2] == 0);
  CHECK(sent[0] > 110);
  CHECK(sent[1] > 110);
}

TEST_CASE("aibrix_prefix_cache_preble: a pod that has most of the prompt, else the least work of late", "[routers]") {
  AibrixFleet router("aibrix_prefix_cache_preble", 2);
  StandingFleet& fleet = router.fleet;
  const std::int32_t first = fleet.send("abcdefgh");  // a tie
  CHECK(fleet.send("abcdexyz") == first);             // 5 of 8 is more than half
  // 4 of 8 is not: the other pod has computed nothing. Now both have abcd, with 2 requests and 1.
  CHECK(fleet.send("abcdMNOP") == 1 - first);
  CHECK(fleet.send("abcdQ") == 1 - first);
  CHECK(fleet.send("abcdefgh") == first);  // all of it is there alone
  // 3 and 2 requests of late: abcd.
  CHECK(fleet.send("abcdR") == 1 - first);
  // More than 8 apart: only the least loaded pod counts.
  fleet.set_in_flight(first, 9);
  fleet.set_in_flight(1 - first, 0);
  CHECK(fleet.send("abcdefgh") == 1 - first);
  // After the TTL the tree is empty, and after the window no work counts.
  fleet.set_in_flight(first, 0);
  fleet.set_in_flight(1 - first, 0);
  fleet.at(301);
  const std::int32_t again = fleet.send("abcdefgh");
  CHECK(fleet.send("abcdMNOP") == 1 - again);
}

TEST_CASE("aibrix_load_balance: in flight over what was answered in the last minute, then least KV", "[routers]") {
  AibrixFleet router("aibrix_load_balance", 2);
  StandingFleet& fleet = router.fleet;
  fleet.states[0].blocks_used = 10;
  CHECK(fleet.send("a") == 1);  // 0 and 0
  CHECK(fleet.send("b") == 0);  // 0 and 1
  fleet.at(1);
  fleet.finish(0);
  CHECK(fleet.send("c") == 1);  // 1 / (1 / 60) and 0
  fleet.at(2);
  fleet.finish(2);
  fleet.set_in_flight(0, 2);
  fleet.set_in_flight(1, 3);
  CHECK(fleet.send("d") == 1);  // two answered there: 90 s; 120 s
  fleet.at(61.5);               // one of them in the last minute
  CHECK(fleet.send("e") == 0);
}

TEST_CASE("aibrix_multi: a weighted sum of strategies, each scaled over the pods", "[routers]") {
  AibrixFleet router("aibrix_multi(request_weight=2,kv_weight=1,prefix_weight=1)", 3);
  StandingFleet& fleet = router.fleet;
  router.in_flight({0, 2, 4});
  fleet.states[0].blocks_used = 400;
  fleet.states[1].blocks_used = 200;
  fleet.states[2].blocks_used = 300;
  // Quarters: 2 * 1 + 0; 2 * 1/2 + 1; 0 + 1/2. Nobody has the prompt.
  fleet.states[0].blocks_used = 390;  // 2 + 0 against 1 + 1: a tie, but for the next line
  fleet.states[2].blocks_used = 400;  // 2 + 0.05, 1 + 1, 0
  CHECK(fleet.send("abcd") == 0);
  router.in_flight({0, 2, 4});
  fleet.states[2].blocks_used = 390;  // 2 + 0 + 1, as it has the prompt
  CHECK(fleet.send("abcd") == 0);
  router.in_flight({1, 0, 2});
  // 2 * 1/2 + 0 + 1 * 4/4; 2 * 1 + 1 + 0; 0.
  CHECK(fleet.send("abcdefgh") == 1);
  router.in_flight({1, 1, 1});
  fleet.states[1].blocks_used = 390;
  // Only the prefix differs: 4 and 8 blocks.
  CHECK(fleet.send("abcdefgh") == 1);
}

// Batches take 10.1 ms + 0.1 ms a token. A prompt of 128 tokens then takes 22.9 ms, and n of them with an output each
// 23.0 n + 10.1 ms: 3 keep 80 ms.
TEST_CASE("aibrix_slo: a third of a pod each, to the last of the least loaded, else they wait", "[routers]") {
  const auto policy = parse_policy("aibrix_slo(ttft_slo_ms=30)", "").make();
  StandingFleet fleet(*policy, 2);
  for (const std::int32_t pod : {1, 0, 1, 0, 1, 0}) CHECK(fleet.send("", 128) == pod);
  CHECK(fleet.send("", 128) == -1);
  fleet.finish(1, 16);
  CHECK(fleet.replica(6) == 0);
  // Outputs of 16 are expected now. 27 requests keep 830 ms, 22.9 n + 16 * (10.1 + 0.1 n), if there is room.
  CHECK(fleet.send("", 128) == -1);
  fleet.finish(0, 16);
  CHECK(fleet.replica(7) == 1);
  for (int i = 0; i < 8; ++i) CHECK(fleet.send("", 128) == 1);  // 2/3 + 9/27
  CHECK(fleet.send("", 128) == -1);
}

TEST_CASE("aibrix_slo: packed, or never held", "[routers]") {
  SECTION("pack_load: the fullest with room, the first of equals") {
    const auto policy = parse_policy("aibrix_slo(ttft_slo_ms=30,variant=pack_load)", "").make();
    StandingFleet fleet(*policy, 2);
    for (const std::int32_t pod : {0, 0, 0, 1, 1, 1, -1}) CHECK(fleet.send("", 128) == pod);
  }
  SECTION("least_load: full or not") {
    const auto policy = parse_policy("aibrix_slo(ttft_slo_ms=30,variant=least_load)", "").make();
    StandingFleet fleet(*policy, 2);
    for (const std::int32_t pod : {1, 0, 1, 0, 1, 0, 1, 0}) CHECK(fleet.send("", 128) == pod);
  }
  SECTION("an objective that no pod keeps: fewest in flight") {
    const auto policy = parse_policy("aibrix_slo(ttft_slo_ms=0,tpot_slo_ms=1)", "").make();
    StandingFleet fleet(*policy, 3);
    fleet.set_in_flight(0, 5);
    fleet.set_in_flight(2, 4);
    CHECK(fleet.send("", 128) == 1);
  }
}

TEST_CASE("aibrix_slo: the latest head goes first, one that fits passes it", "[routers]") {
  const auto policy = parse_policy("aibrix_slo(ttft_slo_ms=30)", "").make();
  StandingFleet fleet(*policy, 1);
  for (int i = 0; i < 3; ++i) CHECK(fleet.send("", 128) == 0);
  // 256 tokens take 35.7 ms: one keeps 80 ms, and fills a pod.
  CHECK(fleet.send("", 256) == -1);
  fleet.at(1);
  CHECK(fleet.send("", 128) == -1);
  fleet.finish(0, 1);
  CHECK(fleet.replica(3) == -1);  // no room for it, though it is 1 s late
  CHECK(fleet.replica(4) == 0);
  CHECK(fleet.send("", 128) == -1);
  fleet.finish(1, 1);
  CHECK(fleet.replica(5) == 0);
  // With the pod empty, the one that is the latest.
  fleet.finish(2, 1);
  fleet.finish(4, 1);
  CHECK(fleet.replica(3) == -1);
  CHECK(fleet.send("", 128) == 0);  // passes it, too
  fleet.finish(5, 1);
  fleet.finish(6, 1);
  CHECK(fleet.replica(3) == 0);
}
