// The KV blocks of a replica: who is taken, what is found, what is forgotten.
#include <catch2/catch.hpp>
#include <vector>

#include "core/cluster/kv/block_pool.hpp"

using namespace switchyard;

namespace {

std::vector<BlockId> take(BlockPool& pool, int count) {
  std::vector<BlockId> blocks;
  for (int i = 0; i < count; ++i) blocks.push_back(pool.take());
  return blocks;
}

}  // namespace

TEST_CASE("a new pool gives out its blocks in order, but never block 0", "[block_pool]") {
  BlockPool pool;
  pool.reset(5);
  CHECK(pool.num_usable() == 4);
  CHECK(take(pool, 4) == std::vector<BlockId>{1, 2, 3, 4});
  CHECK(pool.num_free() == 0);
  CHECK(pool.num_used() == 4);
}

TEST_CASE("released blocks go to the back of the free list, the last one first", "[block_pool]") {
  BlockPool pool;
  pool.reset(7);
  const std::vector<BlockId> blocks = take(pool, 3);
  pool.release(blocks);
  CHECK(pool.num_free() == 6);
  CHECK(take(pool, 6) == std::vector<BlockId>{4, 5, 6, 3, 2, 1});
}

TEST_CASE("a block is found by its key until it is taken", "[block_pool]") {
  BlockPool pool;
  pool.reset(3);
  const std::vector<BlockId> first = take(pool, 1);
  pool.publish(first[0], 77);
  CHECK(pool.find(77) == 1);
  CHECK(pool.find(78) == BlockPool::kNone);
  pool.release(first);
  CHECK(pool.find(77) == 1);
  CHECK(pool.num_free_cached() == 1);
  CHECK(pool.take() == 2);
  CHECK(pool.num_evicted() == 0);
  CHECK(pool.take() == 1);
  CHECK(pool.num_evicted() == 1);
  CHECK(pool.num_free_cached() == 0);
  CHECK(pool.find(77) == BlockPool::kNone);
}

TEST_CASE("blocks of the same key are found in order of publication, and forgotten one by one", "[block_pool]") {
  BlockPool pool;
  pool.reset(5);
  const std::vector<BlockId> blocks = take(pool, 4);
  for (const BlockId block : {3, 1, 4}) pool.publish(block, 9);
  CHECK(pool.find(9) == 3);
  SECTION("the first of them is evicted first") {
    pool.release(std::vector<BlockId>{3});
    CHECK(pool.take() == 3);
    CHECK(pool.find(9) == 1);
    SECTION("and published again, is the last") {
      pool.publish(3, 9);
      CHECK(pool.find(9) == 1);
      pool.release(std::vector<BlockId>{4, 1});
      CHECK(take(pool, 2) == std::vector<BlockId>{1, 4});
      CHECK(pool.find(9) == 3);
    }
  }
  SECTION("one in the middle is evicted first") {
    pool.release(std::vector<BlockId>{1});
    CHECK(pool.take() == 1);
    CHECK(pool.find(9) == 3);
    pool.release(std::vector<BlockId>{3});
    CHECK(pool.take() == 3);
    CHECK(pool.find(9) == 4);
  }
}

TEST_CASE("a block that several requests hold moves when the last one gives it back", "[block_pool]") {
  BlockPool pool;
  pool.reset(4);
  const BlockId block = pool.take();
  pool.touch(block);
  pool.release(std::vector<BlockId>{block});
  CHECK(pool.num_free() == 2);
  CHECK_FALSE(pool.is_free(block));
  pool.release(std::vector<BlockId>{block});
  CHECK(pool.is_free(block));
  CHECK(take(pool, 3) == std::vector<BlockId>{2, 3, 1});
}

TEST_CASE("a hit that nobody holds leaves its place in the free list", "[block_pool]") {
  BlockPool pool;
  pool.reset(5);
  const std::vector<BlockId> blocks = take(pool, 3);
  pool.publish(2, 5);
  pool.release(blocks);  // 4, 3, 2, 1
  pool.touch(pool.find(5));
  CHECK(pool.num_free() == 3);
  CHECK(pool.num_free_cached() == 0);
  CHECK(take(pool, 3) == std::vector<BlockId>{4, 3, 1});
  CHECK(pool.find(5) == 2);
}

TEST_CASE("a reset pool has forgotten everything", "[block_pool]") {
  BlockPool pool;
  pool.reset(4);
  pool.publish(pool.take(), 5);
  pool.reset(3);
  CHECK(pool.find(5) == BlockPool::kNone);
  CHECK(pool.num_evicted() == 0);
  CHECK(take(pool, 2) == std::vector<BlockId>{1, 2});
}
