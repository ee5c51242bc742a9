// Preble's E2, decision by decision as its rule says.
#include <catch2/catch.hpp>

#include "tests/support/hand_cluster.hpp"
#include "tests/support/small_cluster.hpp"

using namespace switchyard;

namespace {

// A prefill of n tokens takes 10.1 + 0.1 n ms; after c cached ones, n more take 0.1 n ms.
class PrebleCluster {
 public:
  explicit PrebleCluster(const std::string& spec) : model_("plain", SmallCluster::plain_tables()), table_(2) {
    table_.cost = &model_;
    table_.use(spec);
  }
  std::int32_t arrive(const std::string& letters, std::int32_t own = 0) { return table_.arrive(letters, own); }
  // One that has completed before anything else happens.
  std::int32_t brief(const std::string& letters, std::int32_t own = 0) {
    const std::int32_t gpu = arrive(letters, own);
    table_.complete(table_.last_id());
    return gpu;
  }
  HandCluster& table() { return table_; }

 private:
  CostModel model_;
  HandCluster table_;
};

const std::string kTenPages(10, 'A');  // 160 tokens

}  // namespace

TEST_CASE("preble_e2 explores by the prefills of the window, the first of equals", "[routers]") {
  PrebleCluster cluster("preble_e2(rebalance=off)");
  CHECK(cluster.brief(kTenPages) == 0);             // 0, 0 ms
  CHECK(cluster.brief(std::string(20, 'B')) == 1);  // 26.1, 0
  CHECK(cluster.brief("C") == 0);                   // 26.1, 42.1
  CHECK(cluster.brief("D") == 0);                   // 37.8, 42.1
  CHECK(cluster.brief("E") == 1);                   // 49.5, 42.1
  cluster.table().at(180);
  CHECK(cluster.brief("F") == 0);  // 49.5, 53.8: three minutes are within the window
  cluster.table().at(181);
  CHECK(cluster.brief("G") == 1);  // 11.7, 0
}

TEST_CASE("preble_e2 exploits where more is cached than new, and counts requests in flight as 45 outputs of 0.15 s",
          "[routers]") {
  PrebleCluster cluster("preble_e2(rebalance=off)");
  CHECK(cluster.arrive(kTenPages) == 0);
  CHECK(cluster.arrive(kTenPages + "XYZ") == 0);  // 48 new, 160 before: whatever the load
  CHECK(cluster.arrive(kTenPages, 160) == 1);     // as many new as before: 13.5 s, 0
  CHECK(cluster.arrive(kTenPages, 159) == 1);     // both hold it: 13.5, 6.75
  CHECK(cluster.arrive("Q") == 0);                // 13.5 s each, and the same share of the prefills
  CHECK(cluster.arrive("R") == 1);
  // What is below a node is where it was sent itself.
  CHECK(cluster.arrive(kTenPages + "XYZ", 16) == 0);
  CHECK(cluster.arrive(kTenPages + "XYZ", 16) == 0);
}

TEST_CASE("preble_e2 counts the prefills of a node by its miss rate", "[routers]") {
  PrebleCluster cluster("preble_e2(rebalance=off)");
  CHECK(cluster.brief(kTenPages) == 0);
  for (int i = 0; i < 10; ++i) CHECK(cluster.brief(kTenPages, 16) == 0);
  CHECK(cluster.brief("", 480) == 1);
  // Of 160 + 10 * 176 prompt tokens 1600 were hits: a miss rate of 1/6, by 11 requests of 26.1 ms is 47.9; 58.1 there.
  CHECK(cluster.brief("C") == 0);
  CHECK(cluster.brief("D") == 1);  // 59.6, 58.1
}

TEST_CASE("preble_e2 goes by the median time per output token of the last 200 requests", "[routers]") {
  PrebleCluster cluster("preble_e2(rebalance=off)");
  CHECK(cluster.arrive("A") == 0);
  CHECK(cluster.arrive("B") == 1);
  cluster.table().at(10);
  cluster.table().complete(0, 11, 0, 2);  // 10 outputs in 8 s
  CHECK(cluster.arrive("C") == 0);
  CHECK(cluster.arrive("D") == 1);                                 // 36 s, 6.75
  CHECK(cluster.arrive("E") == 1);                                 // 36, 13.5
  cluster.table().complete(1, 101, 0, 2);                          // 0.08 s each
  for (int i = 0; i < 7; ++i) CHECK(cluster.arrive("", 16) == 1);  // 36 against 3.6 a request
  CHECK(cluster.arrive("F") == 1);                                 // 32.4
  CHECK(cluster.arrive("G") == 0);                                 // 36.04 with the prefills
}

TEST_CASE("preble_e2 replicates a single hot node, and moves nodes to the lighter GPU", "[routers]") {
  PrebleCluster cluster("preble_e2");
  for (int i = 0; i < 20; ++i) CHECK(cluster.arrive(kTenPages, 16) == 0);
  CHECK(cluster.arrive(kTenPages, 16) == 1);  // 20 requests are enough to see that one GPU has it all
  PrebleCluster fixed("preble_e2(rebalance=off)");
  for (int i = 0; i < 22; ++i) CHECK(fixed.arrive(kTenPages, 16) == 0);
}
