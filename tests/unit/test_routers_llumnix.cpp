// Llumnix, Mooncake and BLIS, decision by decision as their rules say.
#include <catch2/catch.hpp>
#include <set>

#include "tests/support/hand_cluster.hpp"
#include "tests/support/small_cluster.hpp"

using namespace switchyard;

namespace {

std::int32_t routed_by(HandCluster& cluster, const std::string& spec, std::int32_t prompt = 100) {
  cluster.use(spec);
  return cluster.arrive(prompt);
}

}  // namespace

TEST_CASE("llumnix_adaptive_decode fills batches below the bound, and empties those above", "[routers]") {
  HandCluster cluster(4);
  cluster.states[0].num_running = 3;
  cluster.states[1] = {.num_waiting = 2, .num_running = 5, .num_blocks = 1000};
  cluster.states[2].num_running = 12;
  CHECK(routed_by(cluster, "llumnix_adaptive_decode(compute_bound=10)") == 1);  // 3, 7, 12, 0
  cluster.states[1].num_running = 9;
  CHECK(routed_by(cluster, "llumnix_adaptive_decode(compute_bound=10)") == 0);  // 3, 11, 12, 0
  cluster.states[0].num_running = 13;
  CHECK(routed_by(cluster, "llumnix_adaptive_decode(compute_bound=10)") == 3);  // an empty one before a full one
  cluster.states[3].num_running = 14;
  CHECK(routed_by(cluster, "llumnix_adaptive_decode(compute_bound=10)") == 1);  // 13, 11, 12, 14
}

TEST_CASE("llumnix_freeness: most steps until memory is full, counting what waits", "[routers]") {
  HandCluster cluster(3);
  cluster.waiting_prompts = {{}, {1600}, {}};                                      // 100 blocks of 16 tokens
  cluster.states[0] = {.num_running = 4, .num_blocks = 1000, .blocks_used = 400};  // 600 / 4 = 150
  cluster.states[1] = {.num_waiting = 1, .num_running = 9, .num_blocks = 1000, .blocks_used = 100};  // 800 / 10 = 80
  cluster.states[2] = {.num_running = 1, .num_blocks = 1000, .blocks_used = 700};                    // 300 / 1
  CHECK(routed_by(cluster, "llumnix_freeness") == 2);
  cluster.states[2].num_running = 3;  // 100
  CHECK(routed_by(cluster, "llumnix_freeness") == 0);
  cluster.states[1].num_running = 4;
  cluster.waiting_prompts[1] = {17};  // two blocks: 898 / 5 = 179.6
  CHECK(routed_by(cluster, "llumnix_freeness") == 1);
  // Only the first that waits, and it as one: (900 - 2) / (4 + 1) with two waiting, 600 / 4, 300 / 3.
  cluster.states[1].num_waiting = 2;
  cluster.waiting_prompts[1] = {17, 8000};
  CHECK(routed_by(cluster, "llumnix_freeness") == 0);  // (900 - 502) / 6 = 66
  CHECK(routed_by(cluster, "llumnix_freeness(defrag=on)") == 1);
  cluster.states[2] = {.num_blocks = 1000, .blocks_used = 999};  // idle: without end
  CHECK(routed_by(cluster, "llumnix_freeness") == 2);
}

TEST_CASE("llumnix_load: least share of blocks, used or waited for", "[routers]") {
  HandCluster cluster(3);
  cluster.waiting_prompts = {{}, {1600}, {}};
  cluster.states[0] = {.num_running = 1, .num_blocks = 1000, .blocks_used = 400};
  cluster.states[1] = {.num_waiting = 1, .num_running = 9, .num_blocks = 1000, .blocks_used = 100};
  cluster.states[2] = {.num_running = 1, .num_blocks = 2000, .blocks_used = 700};
  CHECK(routed_by(cluster, "llumnix_load") == 1);  // 400, 200 of 1000, 700 of 2000
  cluster.waiting_prompts[1] = {1601, 3200};
  cluster.states[1].num_waiting = 2;
  CHECK(routed_by(cluster, "llumnix_load") == 2);  // 401 of 1000
  cluster.states[2].blocks_used = 900;
  CHECK(routed_by(cluster, "llumnix_load") == 0);
}

TEST_CASE("llumnix_v1: the least of those below the threshold, by role", "[routers]") {
  HandCluster cluster(3);
  const auto prefills = [&](std::vector<std::int64_t> waiting, std::vector<std::int64_t> remaining) {
    for (std::size_t r = 0; r < 3; ++r) {
      cluster.states[r].waiting_prefill_tokens = waiting[r];
      cluster.states[r].remaining_prefill_tokens = remaining[r];
    }
  };
  prefills({3000, 500, 0}, {0, 2000, 2600});
  CHECK(routed_by(cluster, "llumnix_v1") == 1);
  CHECK(routed_by(cluster, "llumnix_v1(role=prefill)") == 1);  // none is below 2048: the least of all
  cluster.states[0].blocks_used = 700;
  cluster.states[1].blocks_used = 900;
  cluster.states[2].blocks_used = 800;
  CHECK(routed_by(cluster, "llumnix_v1(role=decode)") == 0);
  cluster.states[0].num_running = 4;
  cluster.states[1].num_running = 6;
  cluster.states[2].num_running = 3;
  cluster.states[2].num_waiting = 2;
  CHECK(routed_by(cluster, "llumnix_v1(role=lite)") == 0);  // 4, 6, 5

  // A prompt of 1500 tokens, of which chunks of 256 are found: 3000 + 1500, 2500 + 1500 - 256, 2600 + 1500 - 512.
  cluster.cached = {255, 511, 767};
  CHECK(routed_by(cluster, "llumnix_v1(cache_aware=on)", 1500) == 2);
  CHECK(routed_by(cluster, "llumnix_v1(cache_aware=on)", 1023) == 1);  // too short to look
  // Only those below the threshold: replica 2 is above it.
  prefills({8000, 8100, 8192}, {0, 0, 0});
  cluster.cached = {0, 0, 1280};
  CHECK(routed_by(cluster, "llumnix_v1(cache_aware=on)", 1500) == 0);
  prefills({8000, 8100, 8191}, {0, 0, 0});
  CHECK(routed_by(cluster, "llumnix_v1(cache_aware=on)", 1500) == 2);
}

TEST_CASE("llumnix_v1 takes off old reports what a profile says was computed, and adds what was sent", "[routers]") {
  const CostModel model("plain", SmallCluster::plain_tables());  // n tokens: 10.1 + 0.1 n ms
  HandCluster cluster(3);
  cluster.cost = &model;
  cluster.states[0].waiting_prefill_tokens = 300;    // 40.1 ms
  cluster.states[1].remaining_prefill_tokens = 200;  // 30.1
  cluster.states[2].waiting_prefill_tokens = 100;    // 20.1
  cluster.use("llumnix_v1");
  cluster.at(0.02005);
  CHECK(cluster.arrive(200) == 2);  // 150, 67, 1
  CHECK(cluster.arrive(100) == 1);  // 150, 67, 150: half of 300 were computed
  CHECK(cluster.arrive(100) == 0);  // 150 each
  CHECK(cluster.arrive(100) == 1);  // 240, 150, 150
}

TEST_CASE("mooncake_conductor: prefills that are left there, and its own after what is cached", "[routers]") {
  const CostModel model("plain", SmallCluster::plain_tables());  // n tokens: 10.1 + 0.1 n ms
  HandCluster cluster(3);
  cluster.cost = &model;
  cluster.states[0].remaining_prefill_tokens = 100;           // 20.1 + 40.1
  cluster.states[1].remaining_prefill_tokens = 300;           // 40.1 + 20
  CHECK(routed_by(cluster, "mooncake_conductor", 300) == 2);  // 40.1
  cluster.states[2].remaining_prefill_tokens = 110;           // 21.1 + 40.1
  CHECK(routed_by(cluster, "mooncake_conductor", 300) == 0);  // 60.2, 80.2, 61.2
  cluster.cached = {0, 288, 0};                               // 60.2, 40.1 + 1.2, 61.2
  CHECK(routed_by(cluster, "mooncake_conductor", 300) == 1);
}

TEST_CASE("blis_weighted: 2 * prefix + queue + KV, scaled over the replicas, ties at random", "[routers]") {
  HandCluster cluster(3);
  cluster.states[0].num_waiting = 4;                // 0
  cluster.states[1].num_waiting = 2;                // 0.5
  cluster.states[2].num_waiting = 0;                // 1
  cluster.states[0].blocks_used = 200;              // 0.8
  cluster.states[1].blocks_used = 600;              // 0.4
  cluster.states[2].blocks_used = 700;              // 0.3
  CHECK(routed_by(cluster, "blis_weighted") == 2);  // all hold as much, so 2 each: 2.8, 2.9, 3.3
  cluster.cached = {64, 16, 0};                     // 1, 0.25, 0
  CHECK(routed_by(cluster, "blis_weighted") == 0);  // 2.8, 1.4, 1.3
  cluster.cached = {64, 64, 0};
  CHECK(routed_by(cluster, "blis_weighted") == 1);  // 2.8, 2.9, 1.3
  CHECK(routed_by(cluster, "blis_weighted(precise_prefix_cache=0,queue_depth=0)") == 0);
  CHECK(routed_by(cluster, "blis_least_loaded") == 2);  // with what was sent there: more than 4, 2, 0
  CHECK(routed_by(cluster, "blis_always_busiest") == 0);

  HandCluster idle(4, "blis_weighted");
  std::vector<int> sent(4, 0);
  for (int i = 0; i < 400; ++i) ++sent[static_cast<std::size_t>(idle.arrive(10))];
  for (const int count : sent) CHECK(std::abs(count - 100) < 40);
}
