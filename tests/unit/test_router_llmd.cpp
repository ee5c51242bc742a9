// llm-d's endpoint picker against sequences of decisions worked by hand from its published rule.
#include <catch2/catch.hpp>
#include <map>

#include "core/workload/random.hpp"
#include "policies/learning/ridge.hpp"
#include "policies/registry.hpp"
#include "tests/support/hand_cluster.hpp"
#include "tests/support/standing_fleet.hpp"

using namespace switchyard;

namespace {

// Prompts in letters of 64 tokens, the blocks of the picker's record.
struct LlmdFleet {
  explicit LlmdFleet(const std::string& spec, std::int32_t num_replicas, std::uint64_t seed = 1)
      : policy(parse_policy(spec, "").make()), fleet(*policy, num_replicas, 64, seed) {}
  void waiting(std::vector<std::int32_t> counts) {
    for (std::size_t r = 0; r < counts.size(); ++r) fleet.states[r].num_waiting = counts[r];
  }
  void kv(std::vector<std::int32_t> blocks) {
    for (std::size_t r = 0; r < blocks.size(); ++r) fleet.states[r].blocks_used = blocks[r];  // of 1000
  }
  std::unique_ptr<Policy> policy;
  StandingFleet fleet;
};

}  // namespace

TEST_CASE("llmd: 2 queue + 2 KV + 3 prefix", "[routers]") {
  LlmdFleet router("llmd", 3);
  StandingFleet& fleet = router.fleet;
  router.waiting({0, 5, 10});
  router.kv({500, 100, 100});
  // 2*1 + 2*.5 = 3; 2*.5 + 2*.9 = 2.8; 1.8. Nobody has the prompt.
  CHECK(fleet.send("abcd") == 0);
  router.kv({700, 100, 100});
  // 2.6 + 3*1 against 2.8.
  CHECK(fleet.send("abcd") == 0);
  // A quarter of it, 0.75, does: 3.35. A partial block is a block, too: 1 of 5 is 0.6, 3.2; 1 of 16 is 0.1875, 2.7875.
  CHECK(fleet.send("aefg") == 0);
  CHECK(fleet.send("ahij", 1) == 0);
  CHECK(fleet.send("aklmnopqrstuvwxy") == 1);
  // All equal in queue: 1 for each. 2 + .6, 2 + 1.8, 2 + 1.8 + 3 * 1/4 of replica 1's.
  router.waiting({3, 3, 3});
  CHECK(fleet.send("akBC") == 1);
}

TEST_CASE("llmd: ties are drawn, evenly", "[routers]") {
  std::map<std::int32_t, int> sent;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    LlmdFleet router("llmd", 3, seed);
    router.kv({0, 0, 1});  // 2 + 2, 2 + 2, 2 + 1.998
    ++sent[router.fleet.send("a")];
  }
  CHECK(sent[0] + sent[1] == 300);
  CHECK(sent[0] > 110);
  CHECK(sent[1] > 110);
}

TEST_CASE("llmd: a hole in a replica's record is bridged by another replica", "[routers]") {
  LlmdFleet router("llmd(queue_weight=0,kv_weight=1,lru_capacity=2)", 2);
  StandingFleet& fleet = router.fleet;
  router.kv({0, 900});
  CHECK(fleet.send("abcd") == 0);  // keeps c, d
  router.kv({900, 0});
  CHECK(fleet.send("ab") == 1);  // 0.1 against 1: nobody has a
  router.kv({0, 0});
  // abcd: replica 1 has a, b: 2 of 4. Replica 0 has c, d, behind them: as many. With 1 more block of KV used, 0 loses.
  router.kv({1, 0});
  CHECK(fleet.send("abcd") == 1);  // and now it has c, d, and no more a, b
  router.kv({0, 1});
  CHECK(fleet.send("abcd") == 0);  // nobody has a: a match of 0 for both
}

TEST_CASE("llmd: the record keeps as many blocks as the replica has, four times its tokens", "[routers]") {
  LlmdFleet router("llmd(queue_weight=0,kv_weight=0.1)", 2);
  StandingFleet& fleet = router.fleet;
  fleet.limits.num_blocks = 3;
  router.policy->start(fleet.view(), 1);
  router.kv({0, 1});
  CHECK(fleet.send("abc") == 0);
  router.kv({1, 0});
  CHECK(fleet.send("abc") == 0);
  CHECK(fleet.send("x") == 1);
  CHECK(fleet.send("x") == 1);
  router.kv({0, 1000});
  CHECK(fleet.send("y") == 0);  // a fourth block: a goes, and with it the match of b and c
  router.kv({1000, 0});
  CHECK(fleet.send("abc") == 1);
}

TEST_CASE("llmd: other scorers", "[routers]") {
  SECTION("running") {
    LlmdFleet router("llmd(queue_weight=0,kv_weight=0,prefix_weight=0,running_weight=1)", 3);
    router.fleet.states[0].num_running = 4;
    router.fleet.states[1].num_running = 2;
    router.fleet.states[2].num_running = 3;
    CHECK(router.fleet.send("a") == 1);
  }
  SECTION("load-aware: the first of 128 waiting requests costs as much as the last") {
    // 0.5 (1 - w / 128) + KV: 0.5 + 0.5; 0.25 + 0.8; 0 + 1, as more than 128 count as 128.
    LlmdFleet router("llmd(queue_weight=0,kv_weight=1,prefix_weight=0,load_weight=1)", 3);
    router.waiting({0, 64, 200});
    router.kv({500, 200, 0});
    CHECK(router.fleet.send("a") == 1);
  }
  SECTION("active-request: up to idle_requests in flight are idle, others by the most") {
    LlmdFleet router("llmd(queue_weight=0,kv_weight=1,prefix_weight=0,active_weight=1,idle_requests=2,busy_score=0.5)",
                     3);
    router.fleet.set_in_flight(0, 2);
    router.fleet.set_in_flight(1, 3);
    router.fleet.set_in_flight(2, 10);
    // 1 + 0.2; (10 - 3) / 10 * 0.5 + 1 = 1.35; 0 + 1.
    router.kv({800, 0, 0});
    CHECK(router.fleet.send("a") == 1);
    // Now 4 there: 0.3 + 1 = 1.3 against 1 + 0.31.
    router.kv({690, 0, 0});
    CHECK(router.fleet.send("a") == 0);
  }
  SECTION("token-load: uncached tokens in flight, and this request's own there") {
    LlmdFleet router("llmd(queue_weight=0,kv_weight=0,prefix_weight=0,token_weight=1)", 2);
    StandingFleet& fleet = router.fleet;
    const std::int32_t first = fleet.send("abcd");  // 256 tokens, a tie
    CHECK(fleet.send("xy") == 1 - first);           // 128 + 256 against 128
    // ab: 256 + 0 tokens there; 128 + 128 here: a tie again. abcd: 256 + 0, 128 + 256.
    CHECK(fleet.send("abcd") == first);
    CHECK(fleet.send("z") == 1 - first);  // 64 + 256, 64 + 128
    fleet.finish(0);                      // 0 there, 192 here
    CHECK(fleet.send("z") == first);      // 64 + 0, though the other has its 64 cached: 0 + 192
  }
  SECTION("token-load: an answer that begins releases its prompt, and its end nothing more") {
    LlmdFleet router("llmd(queue_weight=0,kv_weight=0,prefix_weight=0,token_weight=1)", 2);
    StandingFleet& fleet = router.fleet;
    const std::int32_t first = fleet.send("abcd");
    CHECK(fleet.send("xy") == 1 - first);  // 256, 128
    fleet.first_token(0);                  // 0, 128
    CHECK(fleet.send("mno") == first);     // 192, 128
    fleet.finish(0);
    CHECK(fleet.send("p") == 1 - first);
  }
  SECTION("no-hit-lru: a cold prompt goes where none was, or longest ago; others do not count") {
    LlmdFleet router("llmd(queue_weight=0,kv_weight=0.001,prefix_weight=0,no_hit_weight=1)", 3);
    StandingFleet& fleet = router.fleet;
    router.kv({2, 1, 0});
    CHECK(fleet.send("a") == 0);  // ranks of 0, 1, 2 that never had one: 1, 0.5, 0
    CHECK(fleet.send("b") == 1);  // 1, 2, 0
    CHECK(fleet.send("a") == 2);  // not cold: 0.5 for all, so the least KV
    CHECK(fleet.send("c") == 2);
    CHECK(fleet.send("d") == 0);
    CHECK(fleet.send("e") == 1);
  }
}

TEST_CASE("llmd: the affinity filter keeps holders of most of a prompt, unless they are too late", "[routers]") {
  LlmdFleet router("llmd(queue_weight=2,kv_weight=2,prefix_weight=0,affinity=on,sticky_penalty_ms=1000)", 2);
  StandingFleet& fleet = router.fleet;
  router.kv({0, 500});
  CHECK(fleet.send("abcde") == 0);
  router.kv({500, 0});
  CHECK(fleet.send("abcde") == 0);   // all of it
  CHECK(fleet.send("abcdx") == 0);   // 4 of 5 is 0.8
  CHECK(fleet.send("abcyzw") == 1);  // 3 of 6
  // Uncached tokens in flight: 320 + 0 + 64 there, 384 here. 15 letters are 960 tokens each: 17 prompts are more than a
  // second at 15928 tokens a second above what is here.
  CHECK(fleet.send("abcde") == 0);
  router.kv({0, 500});
  for (char c = 'A'; c < 'A' + 16; ++c) CHECK(fleet.send(std::string(15, c)) == 0);
  // 384 + 15360 = 15744 there, 384 here: 964 ms.
  router.kv({500, 0});
  CHECK(fleet.send("abcde") == 0);
  router.kv({0, 500});
  CHECK(fleet.send(std::string(15, 'R')) == 0);  // 1025 ms
  router.kv({500, 0});
  CHECK(fleet.send("abcde") == 1);
}

TEST_CASE("llmd_precise: queue + KV + 2 * what replicas say that they hold", "[routers]") {
  LlmdFleet router("llmd_precise", 3);
  StandingFleet& fleet = router.fleet;
  router.waiting({0, 1, 2});
  router.kv({500, 500, 0});
  // 1 + .5; .5 + .5 + 2 * 64/256; 0 + 1 + 2 * 128/256.
  fleet.cached = {0, 64, 128};
  CHECK(fleet.send("abcd") == 2);
  fleet.cached = {0, 128, 128};
  router.kv({500, 400, 0});  // 1.5, 2.1, 2
  CHECK(fleet.send("abcd") == 1);
  fleet.cached = {0, 0, 0};
  CHECK(fleet.send("abcd") == 0);
  // Of 23 tokens the cache can hold one block of 16: all of it.
  fleet.cached = {0, 16, 0};
  CHECK(fleet.send("", 23) == 1);
}

TEST_CASE("llmd_weighted: load alone", "[routers]") {
  LlmdFleet router("llmd_weighted", 3);
  router.waiting({2, 0, 1});
  router.kv({0, 600, 100});  // 2; 2.8; 1 + 1.8
  CHECK(router.fleet.send("a") > 0);
  router.kv({0, 601, 100});  // 2; 2.798; 2.8
  CHECK(router.fleet.send("a") == 2);
  CHECK(router.fleet.send("a") == 2);
}

TEST_CASE("llmd: flow control holds all while the fleet is full on average", "[routers]") {
  SECTION("by utilization") {
    LlmdFleet router("llmd(flow_control=utilization)", 2);
    StandingFleet& fleet = router.fleet;
    router.waiting({5, 4});  // 5 / 5 and 4 / 5
    CHECK(fleet.send("a") >= 0);
    router.waiting({5, 5});
    CHECK(fleet.send("b") == -1);
    CHECK(fleet.send("c") == -1);
    router.waiting({9, 0});
    router.kv({0, 160});  // 1.8 and 0.2
    CHECK(fleet.send("d") == -1);
    router.kv({0, 159});
    fleet.finish(0);
    for (RequestId id = 1; id <= 3; ++id) CHECK(fleet.replica(id) == 1);
  }
  SECTION("a replica of which nothing was heard for 200 ms counts as full") {
    LlmdFleet router("llmd(flow_control=utilization)", 2);
    StandingFleet& fleet = router.fleet;
    fleet.publish();
    fleet.at(0.2);
    CHECK(fleet.send("a") >= 0);
    fleet.at(0.201);
    CHECK(fleet.send("b") == -1);
  }
  SECTION("by concurrency") {
    LlmdFleet router("llmd(flow_control=concurrency)", 2);
    router.fleet.set_in_flight(0, 150);
    router.fleet.set_in_flight(1, 49);
    CHECK(router.fleet.send("a") >= 0);
    CHECK(router.fleet.send("b") == -1);
  }
}

TEST_CASE("ridge: a plane is found, and what never differs is ignored", "[routers]") {
  Ridge<5> model;
  model.start(200, 100);
  WorkloadRandom random(1, WorkloadRandom::Purpose::lengths);
  for (int i = 0; i < 99; ++i) {
    const double a = random.uniform(), b = 1000 * random.uniform();
    model.add({a, b, 7, 0, 0}, 3 + 100 * a + 0.5 * b);
  }
  model.fit();
  CHECK_FALSE(model.ready());
  model.add({0.5, 500, 7, 0, 0}, 303);
  model.fit();
  REQUIRE(model.ready());
  CHECK(model.predict({0.25, 100, 7, 0, 0}) == Approx(78).epsilon(0.1));
  CHECK(model.predict({0.25, 900, 7, 0, 0}) == Approx(478).epsilon(0.02));
  // The window forgets: 200 later samples say something else.
  for (int i = 0; i < 200; ++i) model.add({0, double(i), 7, 0, 0}, 10);
  model.fit();
  CHECK(model.predict({0.25, 900, 7, 0, 0}) == Approx(10));
}

namespace {

// Three replicas, and a predictor that has seen 120 requests: TTFT 100 ms + 50 ms for each that waits, TPOT 100 ms.
struct TaughtFleet {
  explicit TaughtFleet(const std::string& parameters) : cluster(3, "llmd_latency(picker=max_score" + parameters + ")") {
    for (int i = 0; i < 120; ++i) {
      const int waiting = i % 10;
      for (ReplicaState& state : cluster.states) state.num_waiting = waiting;
      cluster.at(10 * i);
      cluster.arrive(100);
      const double ttft_s = 0.1 + 0.05 * waiting;
      cluster.at(10 * i + ttft_s);
      cluster.first_token(cluster.last_id());
      cluster.at(10 * i + ttft_s + 1);
      cluster.complete(cluster.last_id(), 11, 0, ttft_s);
    }
    cluster.at(2000);
    waiting({5, 1, 3});  // 350, 150, 250 ms
  }
  void waiting(std::vector<std::int32_t> counts) {
    for (std::size_t r = 0; r < counts.size(); ++r) cluster.states[r].num_waiting = counts[r];
  }
  HandCluster cluster;
};

}  // namespace

TEST_CASE("llmd_latency: until it has learned, the mean of KV, queue and prefix in hundredths", "[routers]") {
  HandCluster cluster(2, "llmd_latency(picker=max_score,sticky_match=1,sticky_penalty_ms=0)");
  cluster.states[0].blocks_used = 500;  // of 1000
  cluster.states[1].num_waiting = 4;
  // (0.5 + 1 + 0) / 3 against (1 + 0 + 0) / 3.
  CHECK(cluster.arrive("abcdefgh") == 0);
  cluster.states[0].blocks_used = 990;
  // (0.01 + 1 + 1/2 for abcd) / 3 = 0.50 against 0.33, and 0.00 + 1/2 with five waiting there.
  CHECK(cluster.arrive("abcdijkl") == 0);
  cluster.states[0].num_waiting = 5;
  // (0.01 + 0 + 0.5) / 3 = 0.17 against (1 + 1/5 + 0) / 3 = 0.40.
  CHECK(cluster.arrive("abcdmnop") == 1);
}

TEST_CASE("llmd_latency: the least predicted where there is no SLO, idle replicas first", "[routers]") {
  TaughtFleet fleet("");
  CHECK(fleet.cluster.arrive(100) == 1);
  // 1 has that one in flight, and 2 another; 0 is idle, if slow.
  fleet.cluster.set_outstanding({0, 1, 1});
  CHECK(fleet.cluster.arrive(100) == 0);
}

TEST_CASE("llmd_latency: of those that keep the SLO the closest to it, or the farthest", "[routers]") {
  CHECK(TaughtFleet(",ttft_slo_ms=260,tpot_slo_ms=200").cluster.arrive(100) == 2);
  CHECK(TaughtFleet(",ttft_slo_ms=260,tpot_slo_ms=200,headroom=most").cluster.arrive(100) == 1);
  // Explored are those alone that miss it.
  CHECK(TaughtFleet(",ttft_slo_ms=260,tpot_slo_ms=200,explore=1").cluster.arrive(100) == 0);
  // All miss that of further tokens, two keep that of the first: these are the least missed, 2 the closest.
  TaughtFleet fleet(",ttft_slo_ms=260,tpot_slo_ms=50");
  fleet.cluster.set_outstanding({1, 1, 1});
  CHECK(fleet.cluster.arrive(100) == 2);
  // No replica keeps either: least missed.
  TaughtFleet none(",ttft_slo_ms=90,tpot_slo_ms=50");
  none.cluster.set_outstanding({1, 1, 1});
  CHECK(none.cluster.arrive(100) == 1);
}

TEST_CASE("llmd_latency: a replica that holds the prompt, unless it would answer so much later", "[routers]") {
  for (const bool stays : {true, false}) {
    TaughtFleet fleet(stays ? "" : ",sticky_penalty_ms=100");
    fleet.waiting({1, 5, 5});
    CHECK(fleet.cluster.arrive("abcd") == 0);
    fleet.waiting({5, 1, 3});  // 200 ms later than the best other
    CHECK(fleet.cluster.arrive("abcd") == (stays ? 0 : 1));
    fleet.waiting({5, 1, 3});
    // Half of it is not 0.99: an idle replica.
    CHECK(fleet.cluster.arrive("abcdefgh") == (stays ? 1 : 2));
  }
}
