// The vocabulary of production routers as parts of compose: scorers, gates, pickers, tie rules. Decisions by hand.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/support/hand_cluster.hpp"
#include "tests/support/small_cluster.hpp"

using namespace switchyard;

namespace {

std::int32_t placed_by(HandCluster& cluster, const std::string& spec, std::int32_t prompt = 100) {
  cluster.use(spec);
  return cluster.arrive(prompt);
}

std::map<std::int32_t, int> drawn(HandCluster& cluster, const std::string& spec, int times) {
  cluster.use(spec);
  const std::vector<std::int32_t> before = [&] {
    std::vector<std::int32_t> counts;
    for (std::size_t r = 0; r < cluster.states.size(); ++r) counts.push_back(cluster.outstanding(std::int32_t(r)));
    return counts;
  }();
  std::map<std::int32_t, int> counts;
  for (int i = 0; i < times; ++i) {
    cluster.set_outstanding(before);
    ++counts[cluster.arrive(100)];
  }
  return counts;
}

const std::string kNoScorer = "w_queue=0,w_kv=0,w_prefix=0";

}  // namespace

TEST_CASE("compose's scorers, each alone", "[compose]") {
  HandCluster cluster(3);
  cluster.set_outstanding({9, 3, 5});
  cluster.states[0] = {.num_waiting = 0, .num_running = 6, .num_blocks = 1000, .blocks_used = 500};
  cluster.states[1] = {.num_waiting = 2, .num_running = 2, .num_blocks = 1000, .blocks_used = 900};
  cluster.states[2] = {.num_waiting = 1, .num_running = 4, .num_blocks = 1000, .blocks_used = 100};
  const auto alone = [&](const std::string& weight) {
    const std::vector<std::int32_t> own = {9, 3, 5};
    cluster.set_outstanding(own);
    std::string none;
    for (const char* name : {"w_queue", "w_kv", "w_prefix"}) {
      if (weight.rfind(name, 0) != 0) none += std::string(",") + name + "=0";
    }
    return placed_by(cluster, "compose(place=scorers," + weight + none + ")");
  };
  CHECK(alone("w_queue=1") == 0);
  CHECK(alone("w_running=1") == 1);
  CHECK(alone("w_active=1") == 1);
  CHECK(alone("w_requests=1") == 1);  // 15, 7, 10
  CHECK(alone("w_dp=1") == 0);        // 6, 10, 8
  CHECK(alone("w_kv=1") == 2);
  CHECK(alone("w_load_aware=1") == 0);
  cluster.cached = {16, 32, 0};
  CHECK(alone("w_prefix=1") == 1);
}

TEST_CASE("compose's scorers: how counts become scores decides between them and KV use", "[compose]") {
  HandCluster cluster(2);
  cluster.states[0] = {.num_waiting = 4, .num_running = 0, .num_blocks = 1000, .blocks_used = 0};
  cluster.states[1] = {.num_waiting = 2, .num_running = 0, .num_blocks = 1000, .blocks_used = 600};
  const std::string rest = ",w_queue=1,w_kv=1,w_prefix=0)";
  CHECK(placed_by(cluster, "compose(place=scorers,w_scale=minmax" + rest) == 1);        // 0 + 1, 1 + 0.4
  CHECK(placed_by(cluster, "compose(place=scorers,w_scale=ratio_to_max" + rest) == 0);  // 0 + 1, 0.5 + 0.4
  CHECK(placed_by(cluster, "compose(place=scorers,w_scale=harmonic" + rest) == 0);      // 0.2 + 1, 0.33 + 0.4
  CHECK(placed_by(cluster, "compose(place=scorers,w_scale=cap,w_cap=4" + rest) == 0);   // 0 + 1, 0.5 + 0.4
  CHECK(placed_by(cluster, "compose(place=scorers,w_scale=cap,w_cap=3" + rest) == 0);   // 0 + 1, 0.33 + 0.4
  CHECK(placed_by(cluster, "compose(place=scorers,w_scale=cap,w_cap=2,w_queue=9,w_kv=1,w_prefix=0)") == 0);  // 1, 0.4
}

TEST_CASE("compose's no-hit LRU gives prompts that nobody has cached to each replica in turn", "[compose]") {
  HandCluster cluster(3, "compose(place=scorers,w_no_hit_lru=1," + kNoScorer + ")");
  CHECK(cluster.arrive("A") == 0);
  CHECK(cluster.arrive("B") == 1);
  cluster.cached = {0, 0, 16};
  CHECK(cluster.arrive("C") == 0);  // a hit somewhere: all alike, and not remembered
  cluster.cached = {0, 0, 0};
  CHECK(cluster.arrive("D") == 2);
  CHECK(cluster.arrive("E") == 0);
  CHECK(cluster.arrive("F") == 1);
}

TEST_CASE("compose's cost: what is to be computed and blocks in flight, shared ones once", "[compose]") {
  HandCluster cluster(2, "compose(place=cost)");
  CHECK(cluster.arrive("ABCD") == 0);  // 4 + 4 each
  CHECK(cluster.arrive("ABCD") == 1);  // 8 + 4, 4 + 4
  cluster.first_token(0);
  CHECK(cluster.arrive("ABEF") == 0);  // 4 + 6, 8 + 6
  cluster.cached = {0, 64};
  CHECK(cluster.arrive("ABCD") == 1);  // 8 + 6, 8 - 4 + 4
  cluster.first_token(1);
  cluster.first_token(2);
  cluster.first_token(3);
  cluster.complete(1);
  cluster.complete(3);
  cluster.cached = {0, 0};
  CHECK(cluster.arrive("ABCD") == 1);  // 4 + 6, 4 + 4
}

TEST_CASE("compose's scorers may mix Dynamo's cost and sessions with counts", "[compose]") {
  HandCluster cluster(2, "compose(place=scorers,w_cost=1,w_queue=1,w_kv=0,w_prefix=0)");
  cluster.states[0].num_waiting = 3;
  CHECK(cluster.arrive("ABCD") == 1);  // 1 + 0, 1 + 1
  CHECK(cluster.arrive("EFGH") == 0);  // 1 + 0, 0 + 1: the first
  cluster.use("compose(place=scorers,w_session=2,w_session_ttl=60,w_queue=1,w_kv=0,w_prefix=0)");
  CHECK(cluster.arrive("A", 0, 7) == 1);
  cluster.states[0].num_waiting = 0;
  cluster.states[1].num_waiting = 3;
  CHECK(cluster.arrive("B", 0, 8) == 0);
  CHECK(cluster.arrive("C", 0, 7) == 1);
  cluster.at(61);
  CHECK(cluster.arrive("D", 0, 7) == 0);  // idle for more than a minute
}

TEST_CASE("compose's gates: imbalance, overload, stickiness", "[compose]") {
  HandCluster cluster(3);
  cluster.cached = {96, 0, 0};
  const std::string affinity = "compose(place=pick,by=scorers,w_queue=0,w_kv=0";
  cluster.set_outstanding({9, 6, 5});
  CHECK(placed_by(cluster, affinity + ")") == 0);
  cluster.set_outstanding({9, 6, 5});
  CHECK(placed_by(cluster, affinity + ",imbalance=least,imbalance_abs=3,imbalance_rel=1.5)") == 2);  // 4 > 3, 9 > 7.5
  cluster.set_outstanding({9, 6, 5});
  CHECK(placed_by(cluster, affinity + ",imbalance=least,imbalance_abs=4,imbalance_rel=1.5)") == 0);
  cluster.set_outstanding({9, 6, 5});
  CHECK(placed_by(cluster, affinity + ",imbalance=least,imbalance_abs=3,imbalance_rel=1.8)") == 0);  // 9 > 9 is not

  cluster.states[0].num_waiting = 6;
  CHECK(placed_by(cluster, affinity + ",overload=on)") == 1);
  cluster.states[1].blocks_used = 801;
  CHECK(placed_by(cluster, affinity + ",overload=on)") == 2);
  cluster.states[2].num_waiting = 6;
  CHECK(placed_by(cluster, affinity + ",overload=on)") == 0);  // all are: all come back

  // By the queue alone replica 1 would be it; replica 0 holds 96 of 100 tokens.
  const std::string queue = "compose(place=pick,by=scorers,w_kv=0,w_prefix=0";
  CHECK(placed_by(cluster, queue + ")") == 1);
  const CostModel model("plain", SmallCluster::plain_tables());  // n tokens: 10.1 + 0.1 n ms
  cluster.cost = &model;
  CHECK(placed_by(cluster, queue + ",sticky=on)") == 0);
  CHECK(placed_by(cluster, queue + ",sticky=on,sticky_share=0.97)") == 1);
  cluster.states[0].remaining_prefill_tokens = 400;  // 50.1 ms more than the best of the others
  CHECK(placed_by(cluster, queue + ",sticky=on,sticky_cost_s=0.051)") == 0);
  CHECK(placed_by(cluster, queue + ",sticky=on,sticky_cost_s=0.05)") == 1);
}

TEST_CASE("compose's pickers: in proportion to the scores, any of the best", "[compose]") {
  HandCluster cluster(4);
  cluster.states[0].blocks_used = 900;  // 0.1
  cluster.states[1].blocks_used = 700;  // 0.3
  cluster.states[2].blocks_used = 400;  // 0.6
  cluster.states[3].blocks_used = 1000;
  const std::string kv = "compose(place=pick,by=scorers,w_queue=0,w_prefix=0";
  auto counts = drawn(cluster, kv + ",picker=weighted)", 2000);
  CHECK(std::abs(counts[0] - 200) < 60);
  CHECK(std::abs(counts[1] - 600) < 90);
  CHECK(std::abs(counts[2] - 1200) < 100);
  CHECK(counts[3] == 0);
  counts = drawn(cluster, kv + ",picker=top_k,pick_top=2)", 1000);
  CHECK(std::abs(counts[1] - 500) < 70);
  CHECK(std::abs(counts[2] - 500) < 70);
  CHECK(counts[0] + counts[3] == 0);
  counts = drawn(cluster, "compose(place=pick,by=waiting,ties=random)", 1000);
  for (std::int32_t r = 0; r < 4; ++r) CHECK(std::abs(counts[r] - 250) < 60);
  cluster.use("compose(place=pick,by=waiting,ties=round_robin)");
  for (std::int32_t i = 0; i < 8; ++i) CHECK(cluster.arrive(10) == i % 4);
}

TEST_CASE("compose's rings: home, and past it by walking or to the least", "[compose]") {
  HandCluster cluster(4);
  const auto with = [&](const std::string& rest, std::vector<std::int32_t> loads) {
    cluster.set_outstanding(std::move(loads));
    cluster.use("compose(place=ring,ring_tokens=16" + rest + ")");
    return cluster.arrive("A");
  };
  const std::int32_t home = with("", {0, 0, 0, 0});
  std::vector<std::int32_t> loads = {4, 5, 6, 7};
  loads[static_cast<std::size_t>(home)] = 9;
  // (24 to 27 + 1) / 4 * 1.25 is 7.8 at least and 8.8 at most: all but home are within.
  const std::int32_t least = home == 0 ? 1 : 0;
  CHECK(with(",ring_bound=10", loads) == home);
  CHECK(with(",ring_overflow=least,ring_counts=others", loads) == least);
  const std::int32_t next = with(",ring_counts=others", loads);
  CHECK(next != home);
  // Once all the others are above the bound, it is home again.
  for (std::int32_t& load : loads) load = 20;
  CHECK(with(",ring_bound=1,ring_counts=all", loads) == home);
  cluster.use("compose(place=rendezvous,hashed_tokens=16)");
  const std::int32_t fixed = cluster.arrive("A");
  for (int i = 0; i < 5; ++i) CHECK(cluster.arrive("A", 16 * i) == fixed);
  std::set<std::int32_t> others;
  for (char c = 'B'; c <= 'Z'; ++c) others.insert(cluster.arrive(std::string(1, c)));
  CHECK(others.size() == 4);
}

TEST_CASE("compose holds back what the replica's KV blocks would not bear as answers grow", "[compose]") {
  const CostModel model("plain", SmallCluster::plain_tables());
  HandCluster cluster(1);
  cluster.cost = &model;
  const auto second = [&cluster](std::int32_t blocks_used, std::int32_t outputs) {
    cluster.at(0);
    cluster.set_outstanding({0});
    cluster.use("compose(order=slack,admit=pending,place=outstanding,scan=first_fit,learn=mean,pending_s=1)");
    for (std::int32_t i = 0; i < 400; ++i) {  // an answer is thought to take about so many steps from here on
      cluster.arrive(10);
      cluster.complete(cluster.last_id(), outputs);
    }
    cluster.arrive(10);
    cluster.first_token(cluster.last_id());
    cluster.states[0].blocks_used = blocks_used;
    return cluster.arrive(400);  // 25 blocks of 1000
  };
  CHECK(second(100, 20) == 0);
  CHECK(second(972, 20) == 0);
  CHECK(second(974, 20) == -1);  // 999, but the one that decodes there is expected to take another one or two
  CHECK(second(972, 200) == -1);
  CHECK(second(960, 200) == 0);
}

TEST_CASE("compose holds back in a surge what would delay those there, beyond the usual number, for too long",
          "[compose]") {
  const CostModel model("plain", SmallCluster::plain_tables());
  // Eight requests are there since the ninth second, and stay. Where does another go that comes at some time,
  // or at least by `later_s`?
  const auto next = [&model](const std::string& patience, double at_s, const std::string& soften_s = "10000",
                             double later_s = 0) {
    HandCluster cluster(1, "compose(admit=surge,place=outstanding,learn=mean,surge_soften_s=" + soften_s +
                               ",surge_patience=" + patience + ")");
    cluster.cost = &model;
    for (std::int32_t i = 0; i < 400; ++i) {  // an answer is thought to take about ten steps from here on
      cluster.arrive(10);
      cluster.complete(cluster.last_id(), 10);
    }
    cluster.at(9);
    for (std::int32_t i = 0; i < 8; ++i) cluster.arrive(10);
    CHECK(cluster.outstanding(0) == 8);
    cluster.at(at_s);
    cluster.arrive(400);
    const RequestId id = cluster.last_id();
    if (later_s > 0) {
      cluster.at(later_s);
      cluster.arrive(10);  // the policy is asked again
    }
    return cluster.replica_of(id);
  };
  CHECK(next("100", 10) == 0);
  CHECK(next("1.5", 10) == -1);  // eight in the last tenth of the time: 0.8 on average
  CHECK(next("1.5", 9) == -1);
  CHECK(next("1.5", 100000) == 0);  // eight at a time is what is usual by now
  CHECK(next("1.5", 10, "10000", 11) == -1);
  CHECK(next("1.5", 10, "0.1", 11) == 0);  // it has waited for ten times what doubles the bound
}
