// What a workload could find in prefix caches, against values computed by hand and against a list in order of last use.
#include <algorithm>
#include <catch2/catch.hpp>
#include <list>
#include <random>
#include <set>

#include "core/workload/inspect.hpp"
#include "core/workload/lru_stack.hpp"
#include "core/workload/reuse.hpp"

namespace switchyard {

namespace {

using Ids = std::vector<std::int64_t>;

struct Request {
  double arrived_at_s;
  Ids ids;  // of blocks of 16 tokens
  std::int32_t num_prefill_tokens;
};

struct Made {
  std::vector<RawRequest> rows;
  Content content;
};

Made make(const std::vector<Request>& requests) {
  TraceContent trace{.ids = {}, .hash_id_tokens = 16};
  Made made;
  for (const Request& request : requests) {
    const auto hashed = static_cast<std::int32_t>(16 * request.ids.size());
    made.rows.push_back({request.arrived_at_s, request.num_prefill_tokens, 32, trace.ids.add(request.ids), hashed});
  }
  made.content = make_workload("made", made.rows, trace).content;
  return made;
}

}  // namespace

TEST_CASE("reuse: a stack of last use tells how deep things lie") {
  LruStack stack;
  CHECK(stack.depth(3) == 0);
  for (const std::size_t thing : {3U, 1U, 4U, 1U, 5U}) stack.use(thing);
  CHECK(stack.depth(5) == 1);
  CHECK(stack.depth(1) == 2);
  CHECK(stack.depth(4) == 3);
  CHECK(stack.depth(3) == 4);
  CHECK(stack.depth(0) == 0);
  CHECK(stack.size() == 4);
}

TEST_CASE("reuse: depths are those of a list, over many uses") {
  std::mt19937 random(7);
  LruStack stack;
  std::list<std::size_t> list;  // used last: first
  for (int i = 0; i < 20000; ++i) {
    const std::size_t thing = random() % (1 + random() % 300);
    const auto at = std::find(list.begin(), list.end(), thing);
    REQUIRE(stack.depth(thing) ==
            (at == list.end() ? 0 : static_cast<std::size_t>(std::distance(list.begin(), at)) + 1));
    if (at != list.end()) list.erase(at);
    list.push_front(thing);
    stack.use(thing);
  }
}

TEST_CASE("reuse: figures by hand") {
  // Prompts of 3 blocks. The stack after each, used last first:
  //   1 2 3                     request 0
  //   1 2 4 | 3                 request 1 finds 1 and 2 at depths 1 and 2
  //   7 8 9 | 1 2 4 3           request 2 finds nothing
  //   1 2 3 | 7 8 9 4           request 3 finds 1, 2 and 3 at depths 4, 5 and 7
  const Made made = make({{0, {1, 2, 3}, 50}, {10, {1, 2, 4}, 48}, {30, {7, 8, 9}, 48}, {70, {1, 2, 3}, 48}});
  const ReuseFigures reuse = inspect_reuse(made.rows, made.content);
  CHECK(reuse.block_tokens == 16);
  CHECK(reuse.prompt_tokens == 194);
  CHECK(reuse.named_tokens == 192);
  CHECK(reuse.hit_tokens == 5 * 16);
  CHECK(reuse.hit_rate == Approx(80.0 / 194));
  CHECK(reuse.num_blocks == 7);
  REQUIRE(reuse.by_cache_size.size() == 4);  // of 1, 2, 4 and 8 blocks: 1, 2, 3 and 5 hits
  const std::int64_t hits[] = {1, 2, 3, 5};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(reuse.by_cache_size[i].cache_tokens == 16 << i);
    CHECK(reuse.by_cache_size[i].hit_rate == Approx(16.0 * double(hits[i]) / 194));
  }
  CHECK(reuse.num_prefixes == 2);
  CHECK(reuse.shared_first_share == 0.75);
  CHECK(reuse.largest_prefix_share == 0.75);
  // Times since last use: 10, 10, then 1 and 2 after 60 s, 3 after 70 s.
  CHECK(reuse.reuse_time_s[2] == 60);
  CHECK(reuse.reuse_time_s[1] == 10);
  CHECK(reuse.reuse_time_s[4] == Approx(68));
}

TEST_CASE("reuse: outputs are found by later prompts, but are no prompts themselves") {
  // A prompt of 2 blocks and an output of 2; the next turn's prompt is all of them and one more.
  const Made made = make({{0, {1, 2, 3, 4}, 32}, {5, {1, 2, 3, 4, 5}, 80}, {6, {}, 20}});
  const ReuseFigures reuse = inspect_reuse(made.rows, made.content);
  CHECK(reuse.prompt_tokens == 132);
  CHECK(reuse.named_tokens == 112);
  CHECK(reuse.hit_tokens == 64);
  CHECK(reuse.num_blocks == 5);
  CHECK(reuse.shared_first_share == Approx(2.0 / 3));
}

TEST_CASE("reuse: a workload in which nothing is shared has no hits") {
  const Made made = make({{0, {1, 2}, 32}, {1, {3}, 16}});
  const ReuseFigures reuse = inspect_reuse(made.rows, made.content);
  CHECK(reuse.hit_tokens == 0);
  CHECK(reuse.by_cache_size.empty());
  CHECK(reuse.shared_first_share == 0);
  CHECK(reuse.num_prefixes == 2);
}

TEST_CASE("reuse: hit rates by size are those of caches of these sizes, simulated one by one") {
  std::mt19937 random(3);
  std::vector<Request> requests;
  for (int i = 0; i < 300; ++i) {
    Ids ids;
    if (i > 0) ids = requests[random() % requests.size()].ids;
    ids.resize(std::min<std::size_t>(ids.size(), random() % 8));
    while (ids.size() < 2 + random() % 8) ids.push_back(std::int64_t(random() % 50));
    const auto tokens = static_cast<std::int32_t>(16 * ids.size());
    requests.push_back({double(i), std::move(ids), tokens});
  }
  const Made made = make(requests);
  const ReuseFigures reuse = inspect_reuse(made.rows, made.content);
  REQUIRE(reuse.by_cache_size.size() > 4);
  for (const CachedShare& size : reuse.by_cache_size) {
    std::list<std::uint64_t> cache;  // used last: first
    std::int64_t hits = 0;
    std::vector<std::uint64_t> names;
    for (std::size_t i = 0; i < made.rows.size(); ++i) {
      names.clear();
      made.content.append_block_names(i, 16, names);
      for (const std::uint64_t name : names) {
        if (std::find(cache.begin(), cache.end(), name) == cache.end()) break;
        ++hits;
      }
      for (auto name = names.rbegin(); name != names.rend(); ++name) {
        cache.remove(*name);
        cache.push_front(*name);
      }
      if (cache.size() > std::size_t(size.cache_tokens / 16)) cache.resize(std::size_t(size.cache_tokens / 16));
    }
    CHECK(size.hit_rate * double(reuse.prompt_tokens) == Approx(double(hits * 16)));
  }
  CHECK(reuse.by_cache_size.back().hit_rate == reuse.hit_rate);
}

TEST_CASE("reuse: inspection shows it where content is known, as text and as JSON") {
  const Made made = make({{0, {1, 2, 3}, 50}, {10, {1, 2, 4}, 48}, {30, {7, 8, 9}, 48}, {70, {1, 2, 3}, 48}});
  const WorkloadFigures figures = inspect_workload(made.rows, made.content);
  const std::string text = describe_workload("made", figures, PlotStyle::ascii);
  CHECK_THAT(text, Catch::Contains("hit rate, no eviction  41.24% of prompt tokens; the cache grows to 112 tokens"));
  CHECK_THAT(text,
             Catch::Contains("2 different ones in 4 requests; 75.00% share theirs, 75.00% the most frequent one"));
  CHECK_THAT(text, Catch::Contains("                    64  24.74%"));
  const std::string json = workload_json("made", figures);
  CHECK_THAT(json, Catch::Contains("\"hit_tokens\": 80"));
  CHECK_THAT(json, Catch::Contains("\"cache_tokens\": 128"));
  CHECK_THAT(describe_workload("made", inspect_workload(made.rows), PlotStyle::ascii), !Catch::Contains("reuse"));
}

}  // namespace switchyard
