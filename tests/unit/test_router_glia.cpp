// Glia's routers, decision by decision as their rules say.
#include <catch2/catch.hpp>

#include "tests/support/hand_cluster.hpp"

using namespace switchyard;

namespace {

// Replicas of 1000 blocks of 16 tokens that are at work, with so many blocks in use.
void in_use(HandCluster& cluster, std::vector<std::int32_t> blocks) {
  for (std::size_t r = 0; r < blocks.size(); ++r) {
    cluster.states[r] = {.num_running = 5, .num_blocks = 1000, .blocks_used = blocks[r]};
  }
}

}  // namespace

TEST_CASE("glia_expert: shortest prompt first, while the committed blocks stay below nine tenths", "[routers]") {
  HandCluster cluster(2);
  cluster.set_outstanding({5, 5});
  cluster.use("glia_expert");
  in_use(cluster, {880, 860});
  CHECK(cluster.arrive(320) == 1);   // 20 blocks leave 100 and 120: both do, the less committed one takes it
  CHECK(cluster.arrive(512) == 1);   // 32 leave 88 and 108
  CHECK(cluster.arrive(656) == -1);  // 41 leave 79 and 99: held
  const RequestId held = cluster.last_id();
  CHECK(cluster.arrive(640) == 1);  // 40 leave 100: a shorter prompt is first in the queue
  cluster.waiting_prompts = {{}, {640}};
  cluster.states[1].num_waiting = 1;
  CHECK(cluster.arrive(320) == 0);  // 860 + 40 are committed there, 880 here
  in_use(cluster, {880, 859});
  cluster.waiting_prompts.clear();
  cluster.complete(0);
  CHECK(cluster.replica_of(held) == 1);  // 859 + 41 leave 100
}

TEST_CASE("glia_hra_port: head-room with 0.6 of the prompt as output, then the shortest queue", "[routers]") {
  HandCluster cluster(2, "glia_hra_port");
  in_use(cluster, {954, 955});
  cluster.set_outstanding({3, 1});
  CHECK(cluster.arrive(155) == 0);  // ceil(248 / 16) = 16 blocks leave 30 and 29; 3 % of 1000 must stay free
  in_use(cluster, {954, 940});
  CHECK(cluster.arrive(155) == 1);  // both admit it: 4 and 1 in flight
  cluster.set_outstanding({1, 3});
  CHECK(cluster.arrive(155) == 0);  // not the one with more memory
  in_use(cluster, {955, 955});
  CHECK(cluster.arrive(155) == -1);
  const RequestId held = cluster.last_id();
  CHECK(cluster.arrive(145) == 0);  // ceil(232 / 16) = 15 blocks do: 2 and 3 in flight
  CHECK(cluster.replica_of(held) == -1);
}
