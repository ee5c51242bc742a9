// vLLM's own balancer and production-stack, decision by decision as their rules say.
#include <catch2/catch.hpp>

#include "tests/support/hand_cluster.hpp"

using namespace switchyard;

namespace {

std::vector<std::int32_t> sent_to(HandCluster& cluster, const std::vector<std::string>& prompts) {
  std::vector<std::int32_t> decided;
  for (const std::string& prompt : prompts) decided.push_back(cluster.arrive(prompt));
  return decided;
}

}  // namespace

TEST_CASE("vllm_dp since July 2026: own requests, counts, a penalty for waiting on a full cache, ties that rotate",
          "[routers]") {
  HandCluster cluster(3, "vllm_dp");
  cluster.states[0] = {.num_waiting = 2, .num_running = 3, .num_blocks = 1000, .blocks_used = 800};  // 5 + 2*6*0.3
  cluster.states[1] = {.num_waiting = 0, .num_running = 8, .num_blocks = 1000, .blocks_used = 900};  // 8: none waits
  cluster.states[2] = {.num_waiting = 1, .num_running = 7, .num_blocks = 1000, .blocks_used = 400};  // 8: below a half
  // Scans start at 0, 1, 2, 0.
  CHECK(sent_to(cluster, {"A", "B", "C", "D"}) == std::vector<std::int32_t>{1, 1, 2, 1});
  cluster.states[0].blocks_used = 700;  // 5 + 2*6*0.2 = 7.4
  CHECK(cluster.arrive("E") == 0);
  cluster.set_outstanding({7, 3, 9});  // 7 + 2.4, 8, 9
  CHECK(cluster.arrive("F") == 1);
  cluster.use("vllm_dp(api_servers=3)");
  cluster.set_outstanding({2, 3, 2});  // 6 + 2.4, 9, 8
  CHECK(cluster.arrive("G") == 2);
}

TEST_CASE("vllm_dp before July 2026: 4 * waiting + running, the first of equals", "[routers]") {
  HandCluster cluster(3, "vllm_dp(version=before_2026_07)");
  cluster.states[0] = {.num_waiting = 2, .num_running = 3, .num_blocks = 1000, .blocks_used = 800};  // 11
  cluster.states[1] = {.num_waiting = 0, .num_running = 8, .num_blocks = 1000, .blocks_used = 900};  // 8
  cluster.states[2] = {.num_waiting = 1, .num_running = 4, .num_blocks = 1000, .blocks_used = 400};  // 8
  CHECK(sent_to(cluster, {"A", "B", "C"}) == std::vector<std::int32_t>{1, 1, 1});
  CHECK_THROWS_WITH(parse_policy("vllm_dp(waiting_weight=2)", ""), Catch::Contains("version is before_2026_07"));
}

TEST_CASE("vllm_dp counts what it sent since a snapshot as waiting, once for each API server", "[routers]") {
  HandCluster cluster(3, "vllm_dp(version=before_2026_07)");
  cluster.at(1);  // snapshots of time 0, of idle engines
  CHECK(sent_to(cluster, {"A", "B", "C", "D"}) == std::vector<std::int32_t>{0, 1, 2, 0});
  for (ReplicaState& state : cluster.states) state.taken_at = ticks_from_seconds(1);
  cluster.at(2);
  cluster.states[0].num_running = 5;
  CHECK(sent_to(cluster, {"E", "F", "G"}) == std::vector<std::int32_t>{1, 2, 1});  // 5 0 0, 5 4 0, 5 4 4
  CHECK(sent_to(cluster, {"H", "I"}) == std::vector<std::int32_t>{2, 0});          // 5 8 4, 5 8 8

  HandCluster full(2, "vllm_dp(api_servers=4)");
  full.at(1);
  for (ReplicaState& state : full.states) state.blocks_used = 600;
  full.states[1].num_running = 6;
  CHECK(full.arrive("A") == 0);  // 0, 6
  CHECK(full.arrive("B") == 1);  // 4 own and 4 * 6 * 0.1, 6
  CHECK(full.arrive("C") == 0);  // 6.4, 10 + 2.4
}

TEST_CASE("vllm_dp before July 2026: each client prefers engines of its own among equals", "[routers]") {
  for (const std::int32_t client : {0, 1, 2}) {
    HandCluster cluster(8, "vllm_dp(version=before_2026_07)");
    cluster.set_router(client, 4);
    CHECK(cluster.arrive(16) == 2 * client);
    cluster.states[0].num_running = 1;
    if (client == 0) CHECK(cluster.arrive(16) == 1);
  }
}

TEST_CASE("production-stack without a session key: engines without requests first, then the fewest in 60 s",
          "[routers]") {
  HandCluster cluster(3, "vllm_stack_qps");
  cluster.set_outstanding({9, 0, 0});  // is not looked at
  CHECK(sent_to(cluster, {"A", "B", "C"}) == std::vector<std::int32_t>{0, 1, 2});
  cluster.at(30);
  CHECK(sent_to(cluster, {"D", "E"}) == std::vector<std::int32_t>{0, 1});
  cluster.at(60);  // those of time 0 are out of the window: 1, 1, 0
  CHECK(sent_to(cluster, {"F", "G"}) == std::vector<std::int32_t>{2, 0});
}

TEST_CASE("production-stack prefixaware: chunks of 128 characters, the rate below the minimum", "[routers]") {
  // A chunk is 32 tokens, two letters; 200 characters are more than one chunk.
  HandCluster cluster(3, "vllm_stack_prefix(prefix_min_match_length=200)");
  CHECK(cluster.arrive("ABCD") == 0);  // matches nothing: no engine has been sent any
  CHECK(cluster.arrive("ABCD") == 0);  // 256 characters
  CHECK(cluster.arrive("ABXY") == 1);  // 128: by the rate, engine 1 was sent nothing yet
  CHECK(cluster.arrive("EF") == 2);
  CHECK(cluster.arrive("GH") == 1);    // sent so far: 2, 1, 1
  CHECK(cluster.arrive("ABXY") == 1);  // 256 characters at engine 1
  CHECK(cluster.arrive("IJK") == 2);   // sent so far: 2, 3, 1
  CHECK(cluster.arrive("IJK") == 2);   // a rest of half a chunk counts as one: 256
  CHECK(cluster.arrive("IJKL") == 0);  // but is found again only by the same prompt: 128; sent so far: 2, 3, 3
}

TEST_CASE("production-stack prefixaware never looks at load, and sends what matches nothing anywhere", "[routers]") {
  HandCluster cluster(4, "vllm_stack_prefix");
  const std::int32_t home = cluster.arrive("ABCD");
  std::vector<std::int32_t> loads(4, 0);
  loads[static_cast<std::size_t>(home)] = 100;
  cluster.set_outstanding(loads);
  for (int i = 0; i < 5; ++i) CHECK(cluster.arrive("ABCD" + std::string(static_cast<std::size_t>(i), 'E')) == home);
  std::vector<int> cold(4, 0);
  for (int i = 0; i < 400; ++i) ++cold[static_cast<std::size_t>(cluster.arrive(64))];
  for (const int count : cold) CHECK(std::abs(count - 100) < 40);
}

TEST_CASE("production-stack loadaware: share matched less the load above the mean", "[routers]") {
  HandCluster cluster(2, "vllm_stack_loadaware");
  CHECK(cluster.arrive("ABCD") == 0);  // 0 and 0
  CHECK(cluster.arrive("ABCD") == 0);  // loads 1, 0: 1 - 0.5 and 0 + 0.5
  CHECK(cluster.arrive("ABCD") == 1);  // loads 2, 0: 1 - 1 and 0 + 1
  CHECK(cluster.arrive("ABCD") == 1);  // loads 2, 1: 1 - 1/3 and 1 + 1/3
  CHECK(cluster.arrive("ABXY") == 0);  // loads 2, 2: a half each
  cluster.set_outstanding({3, 2});
  cluster.use("vllm_stack_loadaware(beta=0)");
  CHECK(cluster.arrive("IJ") == 0);
  CHECK(cluster.arrive("IJ") == 0);
}

TEST_CASE("production-stack kvaware: the fullest cache unless it lacks more than the threshold", "[routers]") {
  HandCluster cluster(3, "vllm_stack_kvaware");
  cluster.cached = {400, 496, 500};
  CHECK(cluster.arrive(2500) == 2);  // lacks 2000
  cluster.cached = {400, 499, 480};
  CHECK(cluster.arrive(2500) == 0);  // lacks 2001: by the rate, engine 0 was sent nothing yet
  CHECK(cluster.arrive(2499) == 1);  // lacks 2000
  cluster.cached = {0, 0, 16};
  CHECK(cluster.arrive(1000) == 2);  // short prompts may lack nearly all
  cluster.cached = {0, 0, 0};
  // Nobody has any of it: by the rate. Engines 0 and 1 were sent one, 2 was sent two.
  CHECK(cluster.arrive(1000) == 0);
  CHECK(cluster.arrive(1000) == 1);
  CHECK(cluster.arrive(1000) == 0);
}

TEST_CASE("production-stack session: a ring on the session, the rate without one", "[routers]") {
  HandCluster cluster(3, "vllm_stack_session");
  CHECK(sent_to(cluster, {"A", "B", "C", "D"}) == std::vector<std::int32_t>{0, 1, 2, 0});
  std::vector<int> homes(3, 0);
  for (std::int32_t session = 0; session < 90; ++session) {
    const std::int32_t home = cluster.arrive("A", 0, session);
    ++homes[static_cast<std::size_t>(home)];
    cluster.set_outstanding({99, 99, 99});
    CHECK(cluster.arrive("XYZ", session, session) == home);
  }
  for (const int count : homes) CHECK(count > 10);
}

TEST_CASE("vllm_router: the session's worker, else the owner of the prefix, else fewest in flight", "[routers]") {
  HandCluster cluster(3, "vllm_router");
  CHECK(cluster.arrive("AAAA", 0, 0) == 0);
  CHECK(cluster.arrive("BBBB", 0, 1) == 1);
  CHECK(cluster.arrive("CC", 0, 0) == 0);  // its session, though replica 2 is idle
  CHECK(cluster.arrive("AAAAD") == 0);     // 4 of 5 pages
  CHECK(cluster.arrive("BBXXX") == 2);     // 2 of 5 are too few: 3, 1, 0
  cluster.set_outstanding({40, 1, 1});     // by more than 32, and 1.1 times
  CHECK(cluster.arrive("AAAA") == 1);      // 1 and 1 in flight, 1 and 1 ever
  CHECK(cluster.arrive("DD", 0, 0) == 0);  // sessions stay
  cluster.set_outstanding({33, 1, 1});
  CHECK(cluster.arrive("AAAAD") == 0);  // by 32
  cluster.at(3601);
  CHECK(cluster.arrive("EE", 0, 0) == 2);  // idle for more than an hour: 34, 1, 1 in flight, 2 and 1 ever
}

TEST_CASE("vllm_router's hashes keep sessions, and prompts without one, where they are", "[routers]") {
  for (const char* spec : {"vllm_router_consistent_hash", "vllm_router_rendezvous"}) {
    HandCluster cluster(4, spec);
    std::vector<int> homes(4, 0);
    for (std::int32_t session = 0; session < 80; ++session) {
      const std::int32_t home = cluster.arrive("A", session, session);
      ++homes[static_cast<std::size_t>(home)];
      CHECK(cluster.arrive("BCD", 0, session) == home);
    }
    for (const int count : homes) CHECK(count > 5);
    const std::int32_t whole = cluster.arrive("ABCD");
    for (int i = 0; i < 9; ++i) CHECK(cluster.arrive("ABCD") == whole);
  }
}

namespace {

// Sessions that are at home on the same rank of two, and that rank.
struct Programs {
  explicit Programs(const std::string& parameters)
      : spec("vllm_router_programs(" + parameters + ")"), cluster(2, spec) {
    HandCluster probe(2, "vllm_router_programs");
    home = probe.arrive("", 16, 0);
    of.push_back(0);
    for (std::int32_t session = 1; of.size() < 4; ++session) {
      if (probe.arrive("", 16, session) == home) of.push_back(session);
    }
  }
  std::int32_t send(std::size_t program, std::int32_t tokens = 16) { return cluster.arrive("", tokens, of[program]); }
  std::string spec;
  HandCluster cluster;
  std::vector<std::int32_t> of;
  std::int32_t home = 0;
};

}  // namespace

TEST_CASE("vllm_router_programs: who has no place waits for one", "[routers]") {
  Programs programs("max_active=1");
  HandCluster& cluster = programs.cluster;
  CHECK(programs.send(0) == programs.home);
  const RequestId first = cluster.last_id();
  CHECK(programs.send(0) == programs.home);  // the program has its place
  const RequestId second = cluster.last_id();
  CHECK(programs.send(1) == -1);
  const RequestId third = cluster.last_id();
  cluster.at(1);
  cluster.complete(first);
  CHECK(cluster.replica_of(third) == -1);  // another request of the program is under way
  cluster.complete(second);
  CHECK(cluster.replica_of(third) == programs.home);
}

TEST_CASE("vllm_router_programs: the most recently used first, or the first that came", "[routers]") {
  for (const bool recent : {true, false}) {
    Programs programs(recent ? "max_active=1" : "max_active=1,resume_order=fcfs");
    HandCluster& cluster = programs.cluster;
    for (const std::size_t program : {0, 1}) {  // used at 0 to 1 s and at 5 to 6 s
      cluster.at(5.0 * double(program));
      CHECK(programs.send(program) == programs.home);
      cluster.at(5.0 * double(program) + 1);
      cluster.complete(cluster.last_id());
    }
    cluster.at(10);
    CHECK(programs.send(2) == programs.home);
    const RequestId running = cluster.last_id();
    CHECK(programs.send(0) == -1);
    const RequestId early = cluster.last_id();
    CHECK(programs.send(1) == -1);
    const RequestId late = cluster.last_id();
    cluster.at(11);
    cluster.complete(running);
    CHECK(cluster.replica_of(recent ? late : early) == programs.home);
    CHECK(cluster.replica_of(recent ? early : late) == -1);
  }
}

TEST_CASE("vllm_router_programs: nobody gets a place where requests wait, but for 300 s", "[routers]") {
  Programs programs("");
  HandCluster& cluster = programs.cluster;
  cluster.states[static_cast<std::size_t>(programs.home)].num_waiting = 1;
  CHECK(programs.send(0) == -1);
  const RequestId held = cluster.last_id();
  cluster.at(299);
  CHECK(programs.send(1) == -1);
  const RequestId later = cluster.last_id();
  CHECK(cluster.replica_of(held) == -1);
  cluster.at(300);
  CHECK(programs.send(2) == -1);
  CHECK(cluster.replica_of(held) == programs.home);
  CHECK(cluster.replica_of(later) == -1);
  cluster.states[static_cast<std::size_t>(programs.home)].num_waiting = 0;
  CHECK(programs.send(3) == programs.home);
  CHECK(cluster.replica_of(later) == programs.home);
}

TEST_CASE("vllm_router_programs: a global queue goes to another rank that has place, and stays there", "[routers]") {
  Programs programs("max_active=1,queue=global");
  HandCluster& cluster = programs.cluster;
  CHECK(programs.send(0) == programs.home);
  CHECK(programs.send(1) == 1 - programs.home);
  CHECK(programs.send(2) == -1);
  const RequestId third = cluster.last_id();
  cluster.at(1);
  cluster.complete(1);
  CHECK(cluster.replica_of(third) == 1 - programs.home);
}

TEST_CASE("vllm_router_programs: contexts must fit, and another rank must have more room by 1.2 contexts",
          "[routers]") {
  // 1000 blocks of 16 tokens. 15800 + 100 are taken at home: 100 are left.
  Programs programs("queue=global,capacity=kv");
  CHECK(programs.send(0, 15800) == programs.home);
  // 5000 + 100 do not fit; the other rank has 16000, at least 100 + 1.2 * 5000.
  CHECK(programs.send(1, 5000) == 1 - programs.home);
  // 10900 are left there, and 10000 + 100 fit, but 100 + 12000 is more.
  CHECK(programs.send(2, 10000) == -1);
}

TEST_CASE("vllm_router_programs: a program that had its rounds comes after the others", "[routers]") {
  for (const bool yields : {true, false}) {
    Programs programs(yields ? "max_active=1,max_segment_rounds=1" : "max_active=1");
    HandCluster& cluster = programs.cluster;
    CHECK(programs.send(1) == programs.home);
    cluster.at(1);
    cluster.complete(cluster.last_id());
    cluster.at(2);
    CHECK(programs.send(0) == programs.home);
    const RequestId first = cluster.last_id();
    CHECK(programs.send(2) == -1);
    const RequestId second = cluster.last_id();
    cluster.at(3);
    cluster.complete(first);  // others wait for its place
    CHECK(cluster.replica_of(second) == programs.home);
    CHECK(programs.send(0) == -1);
    const RequestId again = cluster.last_id();
    CHECK(programs.send(1) == -1);
    const RequestId other = cluster.last_id();
    cluster.at(4);
    cluster.complete(second);
    CHECK(cluster.replica_of(yields ? other : again) == programs.home);
    CHECK(cluster.replica_of(yields ? again : other) == -1);
  }
}

TEST_CASE("vllm_router_programs: a place is kept for the gaps that were seen, if the context is worth it",
          "[routers]") {
  // A prefill of 8000 tokens is taken to cost 0.066 + 8 * 0.057 + 64 * 0.0044 = 0.804 s and 1.85 times that in all,
  // 1.49 s: more than the second that its program is away. One of 1000 tokens, 0.24 s, is not.
  for (const bool dear : {true, false}) {
    Programs programs("max_active=1");
    HandCluster& cluster = programs.cluster;
    double now = 0;
    for (int round = 0; round <= 100; ++round) {
      cluster.at(now);
      CHECK(programs.send(0, dear ? 8000 : 1000) == programs.home);
      cluster.at(now += 1);
      cluster.complete(cluster.last_id());
      now += 1;
    }
    cluster.at(now - 0.5);
    CHECK(programs.send(1) == (dear ? -1 : programs.home));
    const RequestId other = cluster.last_id();
    if (!dear) continue;
    cluster.at(now + 0.5);                     // the second is over
    CHECK(programs.send(2) == programs.home);  // the latest to come is the most recently used
    CHECK(cluster.replica_of(other) == -1);
  }
}
