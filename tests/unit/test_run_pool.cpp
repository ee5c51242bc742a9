// A pool that keeps runs of blocks computes what one that keeps each block does.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <optional>

#include "core/cluster/kv/block_pool.hpp"
#include "core/cluster/kv/run_pool.hpp"
#include "core/workload/random.hpp"

using namespace switchyard;

namespace {

// Requests that begin alike: each goes some way along the path of an earlier one, then its own.
struct RandomContent {
  Content content{16};
  std::vector<std::vector<std::uint64_t>> names;  // by request

  RandomContent(WorkloadRandom& random, std::size_t num_requests, std::size_t longest) {
    std::uint64_t next_name = 0;
    for (std::size_t i = 0; i < num_requests; ++i) {
      std::vector<std::uint64_t> path;
      if (i > 0 && random.below(4) != 0) path = names[random.below(i)];
      path.resize(std::min(path.size(), random.below(longest + 1)));
      const std::size_t own = random.below(4);
      for (std::size_t j = 0; j < own; ++j) path.push_back(next_name++);
      std::vector<Content::StoredRun> runs;
      for (const std::uint64_t name : path) runs.push_back({static_cast<std::uint32_t>(name), 1});
      content.add(runs, static_cast<std::int32_t>(path.size() * 16));
      names.push_back(path);
    }
  }

  std::uint64_t key(std::size_t request, std::size_t block) const {
    return block < names[request].size() ? names[request][block] : (request + 1) << 32 | block;
  }
};

// A request as both pools see it.
struct Held {
  bool holds = false;
  std::vector<BlockId> blocks;
  std::int32_t num_published = 0;
  RunPool::Holder holder;
};

}  // namespace

TEST_CASE("a path is cut into segments where prompts part", "[run_pool]") {
  Content content(16);
  const std::vector<Content::StoredRun> first = {{0, 10}}, second = {{0, 6}, {10, 4}},
                                        third = {{0, 6}, {10, 2}, {14, 1}};
  content.add(first, 160);
  content.add(second, 160);
  content.add(third, 16 * 9);
  content.add({}, 0);
  content.add(third, 16 * 3);
  const PrefixTree tree(content, 6, 16);
  REQUIRE(tree.num_segments() == 3);
  CHECK(tree.num_shared_blocks(0) == 6);
  CHECK(tree.num_shared_blocks(1) == 8);
  CHECK(tree.num_shared_blocks(2) == 8);
  CHECK(tree.num_shared_blocks(3) == 0);
  CHECK(tree.num_shared_blocks(4) == 3);
  CHECK(tree.leaf(3) == PrefixTree::kNone);
  CHECK(tree.leaf(5) == PrefixTree::kNone);
  CHECK(tree.leaf(1) == tree.leaf(2));
  CHECK(tree.segment(tree.leaf(1)).parent == tree.leaf(0));
  CHECK(tree.segment(tree.leaf(0)).parent == tree.leaf(4));
  CHECK(tree.segment(tree.leaf(4)).parent == PrefixTree::kNone);
}

TEST_CASE("runs of blocks behave as the blocks do", "[run_pool]") {
  std::int64_t hits = 0, idle_hits = 0, evictions = 0, twins = 0;
  for (std::uint64_t round = 0; round < 1500; ++round) {
    WorkloadRandom random(round, WorkloadRandom::Purpose::lengths);
    const std::size_t num_requests = 3 + random.below(12);
    const std::size_t longest = 2 + random.below(12);
    const RandomContent content(random, num_requests, longest);
    const PrefixTree tree(content.content, num_requests, 16);
    const auto num_blocks = static_cast<std::int32_t>(2 * longest + random.below(40));
    BlockPool expected;
    expected.reset(num_blocks + 1);
    RunPool pool;
    pool.reset(num_blocks, &tree);
    std::vector<Held> requests(num_requests);

    const auto find = [&](std::size_t id, std::int32_t most) {
      std::vector<BlockId> found;
      for (std::int32_t j = 0; j < most; ++j) {
        const BlockId block = expected.find(content.key(id, static_cast<std::size_t>(j)));
        if (block == BlockPool::kNone) break;
        found.push_back(block);
      }
      return found;
    };
    for (int operation = 0; operation < 200; ++operation) {
      INFO("round " << round << ", operation " << operation);
      const std::size_t id = random.below(num_requests);
      const auto request = static_cast<std::int32_t>(id);
      Held& held = requests[id];
      const auto grow = [&](std::int32_t count, std::int32_t publish) {
        for (std::int32_t i = 0; i < count; ++i) held.blocks.push_back(expected.take());
        pool.take(count);
        for (; held.num_published < publish; ++held.num_published) {
          const auto j = static_cast<std::size_t>(held.num_published);
          const std::uint64_t key = content.key(id, j);
          twins += expected.find(key) != BlockPool::kNone;
          expected.publish(held.blocks[j], key);
        }
        pool.publish(request, publish, held.holder);
      };
      if (!held.holds) {
        const auto most = static_cast<std::int32_t>(random.below(longest + 2));
        const std::vector<BlockId> found = find(id, most);
        const RunPool::Hits got = pool.find(request, most);
        REQUIRE(got.num == static_cast<std::int32_t>(found.size()));
        const auto idle = static_cast<std::int32_t>(
            std::count_if(found.begin(), found.end(), [&](BlockId block) { return expected.is_free(block); }));
        REQUIRE(got.num_idle == idle);
        if (idle + 3 > expected.num_free()) continue;
        hits += got.num;
        idle_hits += idle;
        for (const BlockId block : found) expected.touch(block);
        pool.hold(request, got.num, held.holder);
        held.holds = true;
        held.blocks = found;
        held.num_published = got.num;
        const auto more = static_cast<std::int32_t>(random.below(4));
        grow(more, got.num + static_cast<std::int32_t>(random.below(static_cast<std::size_t>(more) + 1)));
      } else if (random.below(3) != 0) {
        const auto more = static_cast<std::int32_t>(random.below(3));
        if (more > expected.num_free()) continue;
        const auto size = static_cast<std::int32_t>(held.blocks.size()) + more;
        grow(more, held.num_published + static_cast<std::int32_t>(
                                            random.below(static_cast<std::size_t>(size - held.num_published) + 1)));
      } else {
        expected.release(held.blocks);
        pool.release(request, static_cast<std::int32_t>(held.blocks.size()), held.num_published, true, held.holder);
        held = {};
      }
      REQUIRE(pool.num_usable() == expected.num_usable());
      REQUIRE(pool.num_free() == expected.num_free());
      REQUIRE(pool.num_used() == expected.num_used());
      REQUIRE(pool.num_free_cached() == expected.num_free_cached());
      REQUIRE(pool.num_evicted() == expected.num_evicted());
      for (std::size_t i = 0; i < num_requests; ++i) {
        // Nobody asks for what a request that holds blocks would find of its own.
        const auto other = static_cast<std::int32_t>(i);
        const std::int32_t most = requests[i].holds ? tree.num_shared_blocks(other) : 1000;
        REQUIRE(std::min(most, pool.num_cached(other)) == static_cast<std::int32_t>(find(i, most).size()));
      }
    }
    evictions += pool.num_evicted();
  }
  // All of it occurred.
  CHECK(hits > 10000);
  CHECK(idle_hits > 10000);
  CHECK(evictions > 10000);
  CHECK(twins > 1000);
}
