// Transfers of KV over links whose ports are shared, by hand.
#include <catch2/catch.hpp>
#include <random>
#include <utility>
#include <vector>

#include "core/cluster/kv_links.hpp"
#include "tests/support/times.hpp"

using namespace switchyard;

namespace {

// When which transfer ended, in order.
using Ends = std::vector<std::pair<KvLinks::Id, Time>>;

// Until nothing is under way, or up to `until` (not included).
Ends run(KvLinks& links, Time until = kNever) {
  Ends ends;
  std::vector<KvLinks::Id> ended;
  while (links.next_at() < until) {
    const Time now = links.next_at();
    links.take(now, ended);
    for (const KvLinks::Id id : ended) ends.emplace_back(id, now);
  }
  return ends;
}

KvLinks ports(std::vector<std::int64_t> speeds) {
  std::vector<LinkSpeed> of_replicas;
  for (const std::int64_t speed : speeds) of_replicas.push_back({speed});
  KvLinks links;
  links.reset(of_replicas);
  return links;
}

}  // namespace

TEST_CASE("links: a transfer alone takes its latency and its bytes at the slower port's speed, or the link's",
          "[links]") {
  KvLinks links = ports({2000, 1000});
  links.begin(7, 0, 1, 500, {}, 3 * kMs, 10 * kMs);
  CHECK(links.num_leaving(0) == 0);
  CHECK(run(links) == Ends{{7, (10 + 3 + 500) * kMs}});
  links.begin(7, 0, 1, 500, {250}, 0, 0);  // the link itself: 2 s
  CHECK(links.num_leaving(0) == 1);
  CHECK(links.num_coming(1) == 1);
  CHECK(run(links) == Ends{{7, 2000 * kMs}});
  CHECK(links.size() == 0);
  links.begin(7, 1, 0, 1, {3}, 0, 0);  // a third of a second, rounded up
  CHECK(run(links) == Ends{{7, 333'333'333'334}});
}

TEST_CASE("links: without limits, or with nothing to move, a transfer takes its latency, and a tick at least",
          "[links]") {
  KvLinks links = ports({0, 0});
  links.begin(1, 0, 1, 1'000'000, {}, 0, 5);
  links.begin(2, 0, 1, 0, {}, 0, 5);
  links.begin(3, 0, 1, 0, {10}, 4, 5);
  links.begin(4, 0, 1, 80, {}, 4, 5);
  CHECK(run(links) == Ends{{1, 6}, {2, 6}, {3, 9}, {4, 10}});
}

TEST_CASE("links: two transfers that share a port have half of it each", "[links]") {
  // 1000 bytes/s at each port. 0 -> 1 with 1000 bytes from 0 s, 0 -> 2 with 300 bytes from 0.2 s:
  // 200 bytes of the first have gone when both go on at 500 bytes/s; the second ends 0.6 s later, at 0.8 s, when 500
  // bytes of the first are left: it ends at 1.3 s.
  KvLinks links = ports({1000, 1000, 1000});
  links.begin(0, 0, 1, 1000, {}, 0, 0);
  CHECK(run(links, 200 * kMs).empty());
  links.begin(1, 0, 2, 300, {}, 0, 200 * kMs);
  CHECK(run(links) == Ends{{1, 800 * kMs}, {0, 1300 * kMs}});
  // The same at the port that they come to; in the other direction a port is free.
  links.begin(0, 1, 0, 1000, {}, 0, 0);
  links.begin(2, 0, 1, 1000, {}, 0, 0);
  CHECK(run(links, 200 * kMs).empty());
  links.begin(1, 2, 0, 300, {}, 0, 200 * kMs);
  CHECK(run(links) == Ends{{1, 800 * kMs}, {2, 1000 * kMs}, {0, 1300 * kMs}});
}

TEST_CASE("links: what a transfer cannot use of its share is not given to others", "[links]") {
  // 0 -> 1 may take 100 bytes/s, its link's speed; 0 -> 2 has half of 1000 bytes/s all the same, until the other ends.
  KvLinks links = ports({1000, 1000, 1000});
  links.begin(0, 0, 1, 50, {100}, 0, 0);  // ends at 0.5 s
  links.begin(1, 0, 2, 1000, {}, 0, 0);   // 250 bytes by 0.5 s, 750 more by 1.25 s
  CHECK(run(links) == Ends{{0, 500 * kMs}, {1, 1250 * kMs}});
}

TEST_CASE("links: latency takes no bandwidth, and one that is cancelled gives its share back", "[links]") {
  KvLinks links = ports({1000, 1000});
  links.begin(0, 0, 1, 1000, {}, 0, 0);
  links.begin(1, 0, 1, 1000, {}, 400 * kMs, 0);  // flows from 0.4 s
  CHECK(run(links, 600 * kMs).empty());          // now 0: 400 + 100 bytes, 1: 100 bytes
  links.cancel(1, 600 * kMs);
  links.cancel(1, 600 * kMs);  // nothing
  CHECK(run(links) == Ends{{0, 1100 * kMs}});
}

TEST_CASE("links: what happens at one instant has no order", "[links]") {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    struct Begin {
      KvLinks::Id id;
      std::int32_t from, to;
      std::int64_t bytes;
      Time latency, at;
    };
    std::vector<Begin> begins;
    const auto draw = [&](int n) { return static_cast<std::int32_t>(random() % static_cast<unsigned>(n)); };
    for (KvLinks::Id id = 0; id < 12; ++id) {
      const Time latency = draw(3) == 0 ? draw(100) * kMs : 0;
      begins.push_back({id, draw(3), 3 + draw(3), draw(500), latency, draw(4) * 50 * kMs});
    }
    const auto ends_in_order = [&](bool reversed) {
      KvLinks links = ports({1000, 700, 0, 900, 1100, 300});
      Ends all;
      for (Time at = 0; at < 200 * kMs; at += 50 * kMs) {
        for (std::size_t i = 0; i < begins.size(); ++i) {
          const Begin& b = begins[reversed ? begins.size() - 1 - i : i];
          if (b.at == at) links.begin(b.id, b.from, b.to, b.bytes, {}, b.latency, at);
        }
        // What ends at the next instant is taken before it, as external events are.
        for (const auto& end : run(links, at + 50 * kMs + 1)) all.push_back(end);
      }
      for (const auto& end : run(links)) all.push_back(end);
      return all;
    };
    const Ends ends = ends_in_order(false);
    CHECK(ends.size() == begins.size());
    CHECK(ends == ends_in_order(true));
  }
}
