// The routers of serving systems whose prefill and decode are apart, against decisions worked by hand.
#include <catch2/catch.hpp>

#include "policies/registry.hpp"
#include "tests/support/hand_cluster.hpp"

using namespace switchyard;

namespace {

// Replicas 0 and 1 prefill, 2 and 3 decode.
struct SplitFleet {
  explicit SplitFleet(const std::string& spec) {
    cluster.set_roles({Role::prefill, Role::prefill, Role::decode, Role::decode});
    cluster.use(spec);
  }
  void waiting(std::vector<std::int32_t> counts) {
    for (std::size_t r = 0; r < counts.size(); ++r) cluster.states[r].num_waiting = counts[r];
  }
  HandCluster cluster{4};
};

}  // namespace

TEST_CASE("llmd_pd: queue and prefix in each pool; few uncached tokens stay where they decode", "[routers][apart]") {
  SplitFleet fleet("llmd_pd");
  HandCluster& cluster = fleet.cluster;
  fleet.waiting({0, 4, 5, 1});  // queue scores: 1 and 0; 0 and 1
  cluster.cached = {0, 0, 0, 64};
  CHECK(cluster.arrive("abcd", 15) == 3);  // 15 tokens are not there: no threshold of 16
  CHECK(cluster.last_decode() == -1);
  cluster.complete(cluster.last_id());
  CHECK(cluster.arrive("efgh", 16) == 0);
  CHECK(cluster.last_decode() == 3);
  // Its first block of 64 tokens is one of two there, the second in part: 2 * 1/1 for the same prompt without it.
  fleet.waiting({3, 0, 0, 3});
  CHECK(cluster.arrive("efgh", 0) == 3);  // 64 tokens, all cached, says the cache
  cluster.cached = {0, 0, 0, 0};
  // prefill: 0 + 2 * 1 against 1 + 0; decode: replica 3 has 0 + 2 against 1.
  CHECK(cluster.arrive("efgh", 0) == 0);
  CHECK(cluster.last_decode() == 3);
}

TEST_CASE("dynamo_disagg: long prompts go to prefill workers, where they decode is settled later", "[routers][apart]") {
  SplitFleet fleet("dynamo_disagg");
  HandCluster& cluster = fleet.cluster;
  const std::int32_t whole = cluster.arrive(5000);  // not more than 5000 uncached tokens
  CHECK((whole == 2 || whole == 3));
  // 375 blocks to compute, 100 of which replica 1 has cached.
  cluster.cached = {0, 1600, 0, 0};
  CHECK(cluster.arrive(6000) == 1);
  CHECK(cluster.last_decode() == -1);
  // 313 blocks are active where the first one decodes, none on the other; what is cached there is of no account.
  cluster.cached = {0, 0, 0, 0};
  cluster.cached[static_cast<std::size_t>(whole)] = 320;
  cluster.prefilled(cluster.last_id());
  CHECK(cluster.last_decode() == 5 - whole);
  // Replica 1 has answered: nobody has prompts to compute, nor active blocks, and replica 0 has 160 tokens cached.
  cluster.cached = {160, 0, 0, 0};
  CHECK(cluster.arrive(6000) == 0);
}

TEST_CASE("aibrix_pd: the prompt's pod by match and in flight, the other by load", "[routers][apart]") {
  SplitFleet fleet("aibrix_pd");
  HandCluster& cluster = fleet.cluster;
  cluster.set_outstanding({2, 1, 0, 0});
  // 10 + 2/2 against 10 + 1/2; nothing runs: both 1 / 1, the first.
  CHECK(cluster.arrive("abcd") == 1);
  CHECK(cluster.last_decode() == 2);
  // 10 + 0 against 0 + 1: it holds all of it, and three in flight are no more than 1.5 + 1.5.
  cluster.set_outstanding({0, 3, 0, 0});
  cluster.states[2].num_running = 10;
  cluster.states[3].num_running = 5;
  cluster.states[2].generation_throughput = cluster.states[3].generation_throughput = 100;
  // (1 + 1 - 1) / 1 against (0.5 + 1 - 1) / 1.
  CHECK(cluster.arrive("abcd") == 1);
  CHECK(cluster.last_decode() == 3);
  // From 16 on the fewest in flight; and throughputs that differ by more than 2048: the smaller.
  cluster.set_outstanding({0, 16, 1, 1});
  cluster.states[2].generation_throughput = 100;
  cluster.states[3].generation_throughput = 2149;
  CHECK(cluster.arrive("abcd") == 0);
  CHECK(cluster.last_decode() == 2);
  cluster.set_outstanding({0, 0, 17, 1});
  cluster.arrive("xyz");
  CHECK(cluster.last_decode() == 3);
}

TEST_CASE("smg_pd: each pool has its own tree and counts", "[routers][apart]") {
  SplitFleet fleet("smg_pd");
  HandCluster& cluster = fleet.cluster;
  cluster.set_outstanding({1, 0, 0, 1});
  CHECK(cluster.arrive("abcd") == 1);  // nobody has it: fewest in flight
  CHECK(cluster.last_decode() == 2);
  cluster.set_outstanding({0, 3, 4, 0});
  CHECK(cluster.arrive("abcd") == 1);  // its owners
  CHECK(cluster.last_decode() == 2);
  CHECK(cluster.arrive("efgh") == 0);
  CHECK(cluster.last_decode() == 3);
}

TEST_CASE("vllm_stack_pd: in turn, or the first", "[routers][apart]") {
  SplitFleet fleet("vllm_stack_pd");
  for (const std::int32_t turn : {0, 1, 0}) {
    CHECK(fleet.cluster.arrive(10) == turn);
    CHECK(fleet.cluster.last_decode() == 2 + turn);
  }
  SplitFleet first("vllm_stack_pd(prefill_pick=first)");
  for (const std::int32_t turn : {0, 1, 0}) {
    CHECK(first.cluster.arrive(10) == 0);
    CHECK(first.cluster.last_decode() == 2 + turn);
  }
}

TEST_CASE("compose_split: the same parts in both slots, and a rule when not to split", "[routers][apart]") {
  SplitFleet fleet("compose_split(place=waiting,handoff=kv,split_above=50)");
  HandCluster& cluster = fleet.cluster;
  fleet.waiting({3, 1, 0, 0});
  cluster.states[2].blocks_used = 9;
  cluster.states[3].blocks_used = 5;
  CHECK(cluster.arrive(50) == 3);
  CHECK(cluster.arrive(51) == 1);
  CHECK(cluster.last_decode() == -1);
  cluster.states[3].blocks_used = 50;
  cluster.prefilled(cluster.last_id());
  CHECK(cluster.last_decode() == 2);
  cluster.cached = {0, 0, 8, 0};
  CHECK(cluster.arrive(58) == 2);

  SplitFleet at_once("compose_split(place=waiting,handoff=kv,settled=at_once)");
  at_once.waiting({3, 1, 0, 0});
  at_once.cluster.states[2].blocks_used = 9;
  CHECK(at_once.cluster.arrive(1) == 1);
  CHECK(at_once.cluster.last_decode() == 3);
}

TEST_CASE("compose_split: requests that are held wait for a prefill replica", "[routers][apart]") {
  SplitFleet fleet("compose_split(order=prompt,admit=cap,max_outstanding=1,place=outstanding)");
  HandCluster& cluster = fleet.cluster;
  CHECK(cluster.arrive(10) == 0);
  CHECK(cluster.arrive(20) == 1);
  CHECK(cluster.arrive(40) == -1);
  CHECK(cluster.arrive(30) == -1);
  cluster.prefilled(1);  // there is room on replica 1
  CHECK(cluster.decode_of(1) == 2);
  CHECK(cluster.replica_of(3) == 1);  // the shorter prompt
  CHECK(cluster.replica_of(2) == -1);
}

TEST_CASE("llq and lor: the least loaded of each pool, that which decodes once the prompt is computed",
          "[routers][apart]") {
  SplitFleet llq("llq");
  llq.cluster.set_outstanding({2, 1, 0, 0});
  CHECK(llq.cluster.arrive(10) == 1);
  CHECK(llq.cluster.last_decode() == -1);
  llq.cluster.set_outstanding({0, 1, 3, 2});
  llq.cluster.prefilled(0);
  CHECK(llq.cluster.last_decode() == 3);
  SplitFleet lor("lor");
  lor.waiting({5, 6, 2, 1});
  CHECK(lor.cluster.arrive(10) == 0);
  lor.cluster.prefilled(0);
  CHECK(lor.cluster.last_decode() == 3);
}

TEST_CASE("routers of split clusters place whole requests where there are no roles", "[routers][apart]") {
  for (const PolicyInfo& info : registered_policies()) {
    if (!info.knows_roles || info.clairvoyant || info.group == PolicyGroup::baseline) continue;
    HandCluster cluster(3, info.name);
    INFO(info.name);
    CHECK(cluster.arrive("abcd") >= 0);
    CHECK(cluster.last_decode() == -1);
  }
}
