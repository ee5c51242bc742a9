// KubeAI's consistent hashing with bounded loads, decision by decision as its rule says.
#include <catch2/catch.hpp>
#include <set>

#include "tests/support/hand_cluster.hpp"

using namespace switchyard;

TEST_CASE("kubeai_prefix_hash: along the ring to the first within (total + 1) / n * 1.25", "[routers]") {
  HandCluster cluster(4, "kubeai_prefix_hash");
  // In flight before each: 0 to 6 in all, so that a pod may have 0.31, 0.63, 0.94, 1.25, 1.56, 1.88, 2.19 with this
  // one.
  const std::int32_t home = cluster.arrive("AAAA");  // none is within: the first
  CHECK(cluster.arrive("AAAA") == home);
  CHECK(cluster.arrive("AAAA") == home);
  const std::int32_t second = cluster.arrive("AAAA");  // 3 0 0 0: a pod without any
  const std::int32_t third = cluster.arrive("AAAA");   // 3 1 0 0
  const std::int32_t fourth = cluster.arrive("AAAA");  // 3 1 1 0
  CHECK(std::set<std::int32_t>{home, second, third, fourth}.size() == 4);
  CHECK(cluster.arrive("AAAA") == second);  // 3 1 1 1: two are within
  CHECK(cluster.arrive("AAAA") == third);   // 3 2 1 1: 2.5, the second would have 3
  CHECK(cluster.arrive("AAAA") == fourth);  // 3 2 2 1: 2.81
  CHECK(cluster.arrive("AAAA") == second);  // 3 2 2 2: 3.13, the first would have 4
}

TEST_CASE("kubeai_prefix_hash hashes the first 100 characters", "[routers]") {
  HandCluster cluster(16, "kubeai_prefix_hash");
  const auto home = [&](const std::string& letters, std::int32_t own) {
    cluster.set_outstanding(std::vector<std::int32_t>(16, 0));
    return cluster.arrive(letters, own);
  };
  const std::int32_t first = home("AB", 0);
  for (int i = 0; i < 10; ++i) CHECK(home("AB", 16 * i) == first);  // 25 tokens are within A and B
  std::set<std::int32_t> seen;
  for (int i = 0; i < 40; ++i) seen.insert(home("A", 16 * i + 16));  // nothing else has their second 16 tokens
  CHECK(seen.size() > 8);
  std::set<std::int32_t> others;
  for (char c = 'C'; c <= 'Z'; ++c) others.insert(home(std::string("A") + c, 0));
  CHECK(others.size() > 8);
}

TEST_CASE("kubeai_least_load: fewest of its own requests in flight, whatever the pods say", "[routers]") {
  const auto routed = [](std::vector<std::int32_t> in_flight) {
    HandCluster cluster(3);
    cluster.states[1] = {.num_waiting = 50, .num_running = 200, .num_blocks = 1000};
    cluster.set_outstanding(std::move(in_flight));
    cluster.use("kubeai_least_load");
    return cluster.arrive(100);
  };
  CHECK(routed({2, 1, 4}) == 1);
  CHECK(routed({2, 3, 1}) == 2);
  CHECK(routed({0, 1, 2}) == 0);
  CHECK(routed({3, 1, 2}) == 1);
  CHECK(routed({3, 3, 2}) == 2);
}
