// What routers record of the prompts that they sent, against sequences worked by hand.
#include <catch2/catch.hpp>

#include "policies/prefix/lru_index.hpp"
#include "policies/prefix/shared_lru_index.hpp"
#include "policies/prefix/tenant_tree.hpp"
#include "policies/prefix/ttl_index.hpp"
#include "policies/random_stream.hpp"
#include "tests/support/names.hpp"

using namespace switchyard;

namespace {

using BlockCounts = std::vector<std::int32_t>;

BlockCounts block_counts(const PrefixMatches& matches, std::int32_t num_replicas) {
  BlockCounts found;
  for (std::int32_t r = 0; r < num_replicas; ++r) found.push_back(matches.blocks(r));
  return found;
}

struct LruOfReplicas {
  explicit LruOfReplicas(std::vector<std::int64_t> capacities)
      : num_replicas(static_cast<std::int32_t>(capacities.size())) {
    index.reset(capacities);
    matches.reset(num_replicas);
  }
  BlockCounts match(std::string_view prompt, MatchRule rule) {
    index.match(names(prompt), rule, matches);
    return block_counts(matches, num_replicas);
  }
  std::int32_t num_replicas;
  Letters names;
  LruIndex index;
  PrefixMatches matches;
};

}  // namespace

TEST_CASE("an LRU index tells how much of a prompt each replica was sent", "[prefix]") {
  LruOfReplicas lru({100, 100, 100});
  lru.index.insert(0, lru.names("abcd"), 3);
  lru.index.insert(2, lru.names("abx"), 0);
  CHECK(lru.match("abcde", MatchRule::consecutive) == BlockCounts{4, 0, 2});
  CHECK(lru.match("abxy", MatchRule::consecutive) == BlockCounts{2, 0, 3});
  CHECK(lru.match("zb", MatchRule::consecutive) == BlockCounts{0, 0, 0});
  CHECK(lru.match("", MatchRule::bridged) == BlockCounts{0, 0, 0});
  CHECK(lru.index.size(0) == 7);
  CHECK(lru.index.size(1) == 0);
}

TEST_CASE("a full LRU index forgets prompts from their beginning, and a hole is bridged by another replica",
          "[prefix]") {
  LruOfReplicas lru({4, 100});
  lru.index.insert(0, lru.names("abc"), 0);
  lru.index.insert(1, lru.names("ab"), 0);
  lru.index.insert(0, lru.names("xy"), 0);  // five blocks of four: the first, a, goes
  CHECK(lru.index.size(0) == 4);
  CHECK(lru.match("abc", MatchRule::consecutive) == BlockCounts{0, 2});
  CHECK(lru.match("abc", MatchRule::bridged) == BlockCounts{2, 2});  // b and c there, as replica 1 has a
  // Looking does not keep: b is the oldest still, and c next, though they were found just now.
  lru.index.insert(0, lru.names("xyz"), 0);
  CHECK(lru.match("abc", MatchRule::bridged) == BlockCounts{1, 2});  // c, behind replica 1's b
  // Sending does: a, b, c go to the newest end, and x, y are the oldest.
  lru.index.insert(0, lru.names("abc"), 0);
  CHECK(lru.match("abc", MatchRule::consecutive) == BlockCounts{3, 2});
  CHECK(lru.match("xyz", MatchRule::bridged) == BlockCounts{0, 0});  // only z is left, and nobody has x
  // Blocks that nobody can find take room, too: two of three, then a prompt longer than all room.
  lru.index.insert(0, {}, 3);
  CHECK(lru.match("abc", MatchRule::bridged) == BlockCounts{1, 2});
  lru.index.insert(0, lru.names("pqrstu"), 2);
  CHECK(lru.index.size(0) == 4);
  CHECK(lru.match("pqrstu", MatchRule::consecutive) == BlockCounts{0, 0});
  lru.index.insert(1, lru.names("pqrs"), 0);
  CHECK(lru.match("pqrstu", MatchRule::bridged) == BlockCounts{2, 4});  // t, u behind the other's p, q, r, s
}

TEST_CASE("an LRU index agrees with lists that are searched from end to end", "[prefix]") {
  constexpr std::int32_t kReplicas = 5;
  constexpr std::size_t kCapacity = 12;
  for (std::uint64_t round = 0; round < 50; ++round) {
    RandomStream random(round, "lru");
    LruOfReplicas lru(std::vector<std::int64_t>(kReplicas, kCapacity));
    std::vector<std::vector<std::string>> lists(kReplicas);  // prefixes, the most recent last
    for (int step = 0; step < 200; ++step) {
      std::string prompt;
      for (std::int32_t i = 1 + random.below(8); i > 0; --i) prompt += static_cast<char>('a' + random.below(2));
      BlockCounts consecutive(kReplicas, 0), bridged(kReplicas, 0);
      bool anybody = true;
      for (std::size_t length = 1; length <= prompt.size(); ++length) {
        bool here = false;
        for (std::size_t r = 0; r < kReplicas; ++r) {
          if (std::find(lists[r].begin(), lists[r].end(), prompt.substr(0, length)) == lists[r].end()) continue;
          here = true;
          if (consecutive[r] == static_cast<std::int32_t>(length) - 1) ++consecutive[r];
          bridged[r] += anybody;
        }
        anybody = anybody && here;
      }
      REQUIRE(lru.match(prompt, MatchRule::consecutive) == consecutive);
      REQUIRE(lru.match(prompt, MatchRule::bridged) == bridged);
      const std::int32_t replica = random.below(kReplicas);
      lru.index.insert(replica, lru.names(prompt), 0);
      auto& list = lists[static_cast<std::size_t>(replica)];
      for (std::size_t length = 1; length <= prompt.size(); ++length) {
        std::erase(list, prompt.substr(0, length));
        list.push_back(prompt.substr(0, length));
        if (list.size() > kCapacity) list.erase(list.begin());
      }
      REQUIRE(lru.index.size(replica) == static_cast<std::int64_t>(list.size()));
    }
  }
}

TEST_CASE("a table of all replicas keeps a block for all of them as long as it is sent to any", "[prefix]") {
  constexpr Time kSecond = kTicksPerSecond;
  Letters names;
  SharedLruIndex index;
  PrefixMatches matches;
  matches.reset(3);
  const auto match = [&](std::string_view prompt, Time now) {
    index.match(names(prompt), now, matches);
    return block_counts(matches, 3);
  };
  index.reset(5, 10 * kSecond, kSecond);
  index.insert(0, names("abc"), 0, 0);
  index.insert(1, names("ab"), 0, 4 * kSecond);  // now c is the oldest
  CHECK(match("abc", 4 * kSecond) == BlockCounts{3, 2, 0});
  index.insert(2, names("x"), 2, 4 * kSecond);  // six blocks of five: c goes
  CHECK(index.size() == 5);
  CHECK(match("abc", 4 * kSecond) == BlockCounts{2, 2, 0});
  // Dropped by the first sweep at which they are older than ten seconds: that at 15 s, not the one at 14 s.
  index.insert(1, names("ab"), 0, 5 * kSecond);
  CHECK(match("x", 14 * kSecond + kSecond / 2) == BlockCounts{0, 0, 1});
  CHECK(index.size() == 5);
  CHECK(match("x", 15 * kSecond) == BlockCounts{0, 0, 0});
  CHECK(match("ab", 15 * kSecond) == BlockCounts{2, 2, 0});
  CHECK(index.size() == 2);
  CHECK(match("ab", 16 * kSecond) == BlockCounts{0, 0, 0});
  CHECK(index.size() == 0);
}

TEST_CASE("a TTL index forgets each block of each replica by itself, and is pruned to a share", "[prefix]") {
  Letters names;
  TtlIndex index;
  PrefixMatches matches;
  matches.reset(2);
  const auto match = [&](std::string_view prompt, Time now) {
    index.match(names(prompt), now, matches);
    return block_counts(matches, 2);
  };
  index.reset(100, 10, 0.8);
  index.insert(0, names("abc"), 1, 0);
  index.insert(1, names("ab"), 0, 30);
  index.insert(0, names("a"), 0, 60);
  CHECK(index.size() == 6);
  CHECK(match("abc", 99) == BlockCounts{3, 2});
  CHECK(match("abc", 100) == BlockCounts{1, 2});  // a was sent to replica 0 again
  CHECK(match("abc", 129) == BlockCounts{1, 2});
  CHECK(match("abc", 130) == BlockCounts{1, 0});
  CHECK(match("abc", 160) == BlockCounts{0, 0});
  CHECK(index.size() == 0);
  // Eleven of ten: eight stay. The three that go are the last blocks of the oldest prompt.
  index.insert(0, names("abcd"), 2, 200);
  index.insert(1, names("uvwxy"), 0, 210);
  CHECK(index.size() == 8);
  CHECK(match("abcd", 220) == BlockCounts{3, 0});
  CHECK(match("uvwxy", 220) == BlockCounts{0, 5});
}

TEST_CASE("the tenant of a tree is that of the deepest node, whoever else has the prefix", "[prefix]") {
  Letters names;
  TenantTree tree;
  std::vector<std::int32_t> tenants;
  tree.reset(3, 1);  // the last tenant speaks at once
  CHECK(tree.find(names("ab")).tenant == -1);
  tree.insert(names("abcd"), 2, 0);
  tree.insert(names("abxy"), 0, 1);  // ab | cd, xy
  CHECK(tree.size(0) == 6);
  CHECK(tree.size(1) == 4);
  TenantTree::Found found = tree.find(names("abcz"));
  CHECK(found.num_blocks == 3);  // in the middle of cd
  CHECK(found.tenant == 0);
  found = tree.find(names("abq"));
  CHECK(found.num_blocks == 2);
  tree.tenants(found.node, tenants);
  CHECK(tenants == BlockCounts{0, 1});
  CHECK(found.tenant == 1);  // who came last
  found = tree.find(names("abxyz"));
  CHECK(found.num_blocks == 4);
  CHECK(found.tenant == 1);
  tree.insert(names("ab"), 0, 2);
  CHECK(tree.size(2) == 2);
  CHECK(tree.find(names("ab")).tenant == 2);
  CHECK(tree.find(names("abc")).tenant == 0);
}

TEST_CASE("each eighth access makes a tenant speak for a node; before, the one that came first does", "[prefix]") {
  Letters names;
  TenantTree tree;
  tree.reset(2, 8);
  tree.insert(names("a"), 0, 0);                // access 1
  tree.insert(names("a"), 0, 1);                // 2
  for (int access = 3; access < 8; ++access) {  // 3 to 7 find replica 0
    CHECK(tree.find(names("a")).tenant == 0);
  }
  tree.insert(names("a"), 0, 1);  // 8: replica 1 speaks
  CHECK(tree.find(names("a")).tenant == 1);
}

TEST_CASE("eviction takes the leaves of a replica that were accessed longest ago", "[prefix]") {
  Letters names;
  TenantTree tree;
  tree.reset(2, 1);
  tree.insert(names("abcd"), 0, 0);
  tree.insert(names("abxy"), 0, 0);  // ab | cd, xy
  tree.insert(names("ab"), 3, 0);    // and three that nobody can find
  tree.insert(names("abxy"), 0, 1);
  CHECK(tree.size(0) == 9);
  tree.find(names("abcd"));  // so that xy is the oldest of replica 0
  tree.evict(8);
  CHECK(tree.size(0) == 7);
  CHECK(tree.find(names("abxy")).tenant == 1);  // whose it still is
  tree.evict(6);
  CHECK(tree.size(0) == 4);  // the three; cd was looked for after them
  CHECK(tree.find(names("abcd")).num_blocks == 4);
  tree.evict(1);  // cd, then ab, which is a leaf of replica 0 then
  CHECK(tree.size(0) == 0);
  CHECK(tree.size(1) == 0);
  CHECK(tree.find(names("abcd")).num_blocks == 0);
  tree.insert(names("abcd"), 0, 1);
  CHECK(tree.find(names("abxy")).num_blocks == 2);
  CHECK(tree.size(1) == 4);
}

TEST_CASE("a tenant tree agrees with lists of prefixes", "[prefix]") {
  constexpr std::int32_t kReplicas = 4;
  for (std::uint64_t round = 0; round < 50; ++round) {
    RandomStream random(round, "tree");
    Letters names;
    TenantTree tree;
    tree.reset(kReplicas, 8);
    std::vector<std::vector<std::string>> held(kReplicas);
    for (int step = 0; step < 200; ++step) {
      std::string prompt;
      for (std::int32_t i = 1 + random.below(9); i > 0; --i) prompt += static_cast<char>('a' + random.below(2));
      std::int32_t longest = 0;
      BlockCounts longest_of(kReplicas, 0);
      for (std::size_t r = 0; r < kReplicas; ++r) {
        for (std::size_t length = 1; length <= prompt.size(); ++length) {
          if (std::find(held[r].begin(), held[r].end(), prompt.substr(0, length)) == held[r].end()) continue;
          longest_of[r] = static_cast<std::int32_t>(length);
          longest = std::max(longest, longest_of[r]);
        }
      }
      const TenantTree::Found found = tree.find(names(prompt));
      REQUIRE(found.num_blocks == longest);
      REQUIRE((found.tenant < 0) == (longest == 0));
      if (found.tenant >= 0) REQUIRE(longest_of[static_cast<std::size_t>(found.tenant)] == longest);
      const std::int32_t replica = random.below(kReplicas);
      auto& list = held[static_cast<std::size_t>(replica)];
      tree.insert(names(prompt), 0, replica);
      for (std::size_t length = 1; length <= prompt.size(); ++length) {
        if (std::find(list.begin(), list.end(), prompt.substr(0, length)) == list.end()) {
          list.push_back(prompt.substr(0, length));
        }
      }
      REQUIRE(tree.size(replica) == static_cast<std::int64_t>(list.size()));
      if (step % 60 == 59) {  // what is left is held by somebody, and is what the tree says it is
        tree.evict(20);
        for (std::int32_t r = 0; r < kReplicas; ++r) REQUIRE(tree.size(r) <= 20);
        tree.evict(0);
        for (auto& each : held) each.clear();
      }
    }
  }
}
