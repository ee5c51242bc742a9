// Names of blocks: two requests share one exactly if their tokens are equal up to its end.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "core/workload/content.hpp"
#include "core/workload/hash_ids.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

namespace {

using Ids = std::vector<std::int64_t>;

std::vector<std::uint32_t> names_of(const HashIds& ids, std::int32_t row) {
  std::vector<std::uint32_t> names;
  for (const HashIds::Run& run : ids.runs(row)) {
    for (std::uint32_t i = 0; i < run.count; ++i) names.push_back(run.first + i);
  }
  return names;
}

std::vector<std::uint64_t> block_names(const Content& content, std::size_t request, std::int32_t block_size) {
  std::vector<std::uint64_t> names;
  content.append_block_names(request, block_size, names);
  return names;
}

}  // namespace

TEST_CASE("content: ids get names by all ids before them, numbered as they first occur", "[content]") {
  HashIds ids;
  CHECK(ids.add(Ids{7, 8, 9}) == 0);
  CHECK(ids.add(Ids{7, 8, 30, 31}) == 1);
  CHECK(ids.add(Ids{8, 9}) == 2);         // not behind 7: other blocks
  CHECK(ids.add(Ids{7, 8, 9, 10}) == 3);  // goes on where the first row ends
  CHECK(ids.add(Ids{}) == 4);
  CHECK(ids.add(Ids{9'000'000'000'000'000'000, 0}) == 5);
  CHECK(names_of(ids, 0) == std::vector<std::uint32_t>{0, 1, 2});
  CHECK(names_of(ids, 1) == std::vector<std::uint32_t>{0, 1, 3, 4});
  CHECK(names_of(ids, 2) == std::vector<std::uint32_t>{5, 6});
  CHECK(names_of(ids, 3) == std::vector<std::uint32_t>{0, 1, 2, 7});
  CHECK(names_of(ids, 4).empty());
  CHECK(names_of(ids, 5) == std::vector<std::uint32_t>{8, 9});
  CHECK(ids.num_names() == 10);
  CHECK(ids.num_rows() == 6);
}

TEST_CASE("content: names agree with a map of whole prefixes, whatever the ids", "[content]") {
  std::mt19937 random(1);
  for (const std::int64_t largest : {1, 3, 1000}) {
    HashIds ids;
    std::map<Ids, std::uint32_t> expected;
    std::vector<Ids> rows;
    for (std::int32_t row = 0; row < 400; ++row) {
      // A beginning of an earlier row, then steps that mostly count up as traces do.
      Ids prefix;
      if (!rows.empty()) prefix = rows[random() % rows.size()];
      prefix.resize(prefix.empty() ? 0 : random() % (prefix.size() + 1));
      const std::size_t length = random() % 12;
      while (prefix.size() < length) {
        const bool up = !prefix.empty() && random() % 4 != 0;
        prefix.push_back(up ? prefix.back() + 1 : std::int64_t(random()) % (largest + 1));
      }
      rows.push_back(prefix);
      if (row % 2 == 0) {
        REQUIRE(ids.add(prefix) == row);
      } else {  // as runs of up to three
        std::vector<HashIds::IdRun> runs;
        for (const std::int64_t id : prefix) {
          const bool on = !runs.empty() && runs.back().count < 3 && runs.back().first + runs.back().count == id;
          if (!on) runs.push_back({id, 0});
          ++runs.back().count;
        }
        REQUIRE(ids.add(runs) == row);
      }
      std::vector<std::uint32_t> names;
      for (std::size_t i = 1; i <= prefix.size(); ++i) {
        const auto next = static_cast<std::uint32_t>(expected.size());
        names.push_back(
            expected.try_emplace(Ids(prefix.begin(), prefix.begin() + std::ptrdiff_t(i)), next).first->second);
      }
      REQUIRE(names_of(ids, row) == names);
    }
    CHECK(ids.num_names() == expected.size());
  }
}

TEST_CASE("content: prompts in which ids count up take a run each time they part, not one a block", "[content]") {
  HashIds ids;
  Ids row(5000);
  for (std::int64_t i = 0; i < 5000; ++i) row[std::size_t(i)] = i;
  ids.add(row);
  row.resize(2500);
  for (std::int64_t i = 0; i < 2500; ++i) row.push_back(5000 + i);
  ids.add(row);
  CHECK(ids.runs(0).size() == 1);
  CHECK(ids.runs(1).size() == 2);
}

TEST_CASE("content: an engine's blocks are named where all their tokens are known", "[content]") {
  Content content(512);
  const std::vector<Content::StoredRun> runs = {{3, 1}, {10, 2}};
  content.add(runs, 1100);  // of 1536
  content.add({}, 0);
  content.add(runs, 1536);
  CHECK(content.num_named_blocks(0, 16) == 68);  // 1088 tokens; the 69th block is known in part
  const auto names = block_names(content, 0, 16);
  REQUIRE(names.size() == 68);
  CHECK(names.front() == 3 * 32);
  CHECK(names[31] == 3 * 32 + 31);
  CHECK(names[32] == 10 * 32);
  CHECK(names[67] == 11 * 32 + 3);
  CHECK(block_names(content, 1, 16).empty());
  CHECK(block_names(content, 7, 16).empty());  // no such request: nothing is known of it
  CHECK(block_names(content, 2, 512) == std::vector<std::uint64_t>{3, 10, 11});
  CHECK(content.num_block_names(16) == 12 * 32);
  CHECK_THROWS(content.add(runs, 1537));
}

TEST_CASE("content: blocks of any size are shared exactly as far as tokens are", "[content]") {
  // Rows of ids of 12 tokens against engine blocks that are no part of them; tokens spelled out.
  const std::vector<Ids> rows = {{1, 2, 3, 4}, {1, 2, 5, 4}, {1, 2, 3, 6}, {2, 3, 4}};
  const std::vector<std::int32_t> hashed = {48, 43, 48, 30};
  HashIds ids;
  Content content(12);
  std::vector<Ids> tokens(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ids.add(rows[i]);
    content.add(ids.runs(std::int32_t(i)), hashed[i]);
    for (std::int64_t token = 0; token < hashed[i]; ++token) {
      tokens[i].push_back(rows[i][std::size_t(token / 12)] * 12 + token % 12);
    }
  }
  for (const std::int32_t block_size : {1, 4, 5, 8, 12, 16, 24, 31}) {
    for (std::size_t a = 0; a < rows.size(); ++a) {
      const auto names_a = block_names(content, a, block_size);
      REQUIRE(names_a.size() == std::size_t(hashed[a] / block_size));
      for (const std::uint64_t name : names_a) CHECK(name < content.num_block_names(block_size));
      for (std::size_t b = 0; b < rows.size(); ++b) {
        const auto names_b = block_names(content, b, block_size);
        for (std::size_t j = 0; j < names_a.size(); ++j) {
          for (std::size_t k = 0; k < names_b.size(); ++k) {
            const auto end = std::ptrdiff_t(j + 1) * block_size;
            const bool equal = j == k && std::equal(tokens[a].begin(), tokens[a].begin() + end, tokens[b].begin());
            CHECK((names_a[j] == names_b[k]) == equal);
          }
        }
      }
    }
  }
}

TEST_CASE("content: new lengths keep what is known of the tokens that stay", "[content]") {
  const RawRequest both{0, 100, 50, 0, 150};  // prompt and output are known
  const auto hashed = [](RawRequest row, std::int32_t prompt, std::int32_t output) {
    set_lengths(row, prompt, output);
    CHECK(row.num_prefill_tokens == prompt);
    CHECK(row.num_decode_tokens == output);
    return row.num_hashed_tokens;
  };
  CHECK(hashed(both, 100, 50) == 150);
  CHECK(hashed(both, 100, 20) == 120);
  CHECK(hashed(both, 100, 80) == 150);
  CHECK(hashed(both, 80, 50) == 80);    // the output now follows other tokens
  CHECK(hashed(both, 120, 50) == 100);  // what was output is not the prompt's new end
  CHECK(hashed({0, 100, 50, 0, 64}, 80, 50) == 64);
  CHECK(hashed({0, 100, 50, 0, 64}, 40, 50) == 40);
}

TEST_CASE("content: copies of a row share with others what they shared, and nothing with each other", "[content]") {
  TraceContent trace{.ids = {}, .hash_id_tokens = 16};
  trace.ids.add(Ids{1, 2, 3, 4});
  trace.ids.add(Ids{1, 2, 5});
  const RawRequest first{0, 64, 4, 0, 64};
  const RawRequest second{1, 40, 4, 1, 40};
  const Workload workload = make_workload("made", {first, second, first, {1, 16, 1}, first, second}, trace);
  const auto names = [&](std::size_t request) { return block_names(workload.content, request, 16); };
  CHECK(names(0) == std::vector<std::uint64_t>{0, 1, 2, 3});
  CHECK(names(1) == std::vector<std::uint64_t>{0, 1});
  CHECK(names(2) == std::vector<std::uint64_t>{0, 1, 5, 6});
  CHECK(names(3).empty());
  CHECK(names(4) == std::vector<std::uint64_t>{0, 1, 7, 8});
  CHECK(workload.content.runs(5).back() == Content::StoredRun{9, 1});  // its third id is known in part: in no block
  CHECK(workload.content.num_hashed_tokens(5) == 40);
  CHECK(make_workload("made", {{0, 1, 1}}).content.empty());
}

}  // namespace switchyard
