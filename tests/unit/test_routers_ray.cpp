// Ray Serve's routers, decision by decision as their rules say.
#include <catch2/catch.hpp>

#include "tests/support/hand_cluster.hpp"

using namespace switchyard;

TEST_CASE("ray_power_of_two believes a queue length for 10 s unless it sends there", "[routers]") {
  // Of two replicas both are drawn, so that only lengths decide.
  HandCluster cluster(2, "ray_power_of_two");
  std::vector<int> sent(2, 0);
  for (int i = 0; i < 10; ++i) ++sent[static_cast<std::size_t>(cluster.arrive(10))];
  CHECK(sent == std::vector<int>{5, 5});
  cluster.at(1);
  cluster.arrive(10);
  const std::int32_t longer = cluster.replica_of(cluster.last_id());
  const std::int32_t other = 1 - longer;
  // Known: 6 and 5. All of the longer one return, which the router does not look at.
  for (RequestId id = 0; id <= 10; ++id) {
    if (cluster.replica_of(id) == longer) cluster.complete(id);
  }
  cluster.at(9.9);
  CHECK(cluster.arrive(10) == other);  // 6 and 5
  cluster.at(10.5);                    // what it knew of the other is of 9.9, of this one of 1
  cluster.arrive(10);                  // 6 each
  cluster.at(21);                      // both are asked
  CHECK(cluster.arrive(10) == longer);
}

TEST_CASE("ray_power_of_two holds requests while those drawn have max_ongoing_requests", "[routers]") {
  HandCluster cluster(2, "ray_power_of_two(max_ongoing_requests=1)");
  const std::int32_t first = cluster.arrive(10);
  CHECK(cluster.arrive(10) == 1 - first);
  CHECK(cluster.arrive(10) == -1);
  CHECK(cluster.arrive(10) == -1);
  cluster.at(11);  // lengths are asked for again
  cluster.complete(0);
  CHECK(cluster.replica_of(2) == first);  // in order of arrival
  CHECK(cluster.replica_of(3) == -1);
}

TEST_CASE("ray_prefix: the longest match by queue length, small matches to the smallest tree", "[routers]") {
  HandCluster cluster(3, "ray_prefix");
  CHECK(cluster.arrive("AAAAAAAAAA") == 0);      // empty trees, empty queues: the first
  CHECK(cluster.arrive("BBBBB") == 1);           // 10, 0, 0 pages
  CHECK(cluster.arrive("C") == 2);               // 10, 5, 0
  CHECK(cluster.arrive("D") == 2);               // 10, 5, 1
  CHECK(cluster.arrive("AAAAAAAAAAEEEE") == 0);  // 10 of 14 match
  CHECK(cluster.arrive("AA", 16 * 17) == 0);     // 2 of 19
  CHECK(cluster.arrive("BB", 16 * 19) == 2);     // 2 of 21 are less than a tenth: 31, 5, 2 pages
  // B is there twice now: 3 requests at replica 2, and 1 at replica 1.
  CHECK(cluster.arrive("BB") == 1);
  CHECK(cluster.arrive("BBB") == 1);  // its third page is at replica 1 only
}

TEST_CASE("ray_prefix sends by power of two choices once queues differ too much", "[routers]") {
  HandCluster cluster(2, "ray_prefix(imbalanced_threshold=2)");
  CHECK(cluster.arrive("AAAA") == 0);
  CHECK(cluster.arrive("AAAA") == 0);
  CHECK(cluster.arrive("AAAA") == 0);
  CHECK(cluster.arrive("AAAA") == 1);  // 3 and 0
}
