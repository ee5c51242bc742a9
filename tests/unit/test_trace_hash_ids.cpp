// Hash ids of traces: what is read, and what is said of those that do not fit.
#include <fmt/format.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "core/workload/known_traces.hpp"
#include "core/workload/spec.hpp"
#include "core/workload/trace_file.hpp"
#include "tests/support/data.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

using Catch::Matchers::Contains;

TraceFile read_text(const std::string& text, std::int32_t hash_id_tokens = 0) {
  const ScratchFolder folder;
  return read_trace(folder.write("t", text), {.hash_id_tokens = hash_id_tokens});
}

std::string error_in(const std::string& text, std::int32_t hash_id_tokens = 0) {
  return error_of([&] { read_text(text, hash_id_tokens); });
}

std::string mooncake(int prompt, const std::string& ids) {
  return fmt::format("{{\"timestamp\": 0, \"input_length\": {}, \"output_length\": 9, \"hash_ids\": {}}}\n", prompt,
                     ids);
}

std::string prepared(int prompt, int output, const std::string& more) {
  return fmt::format("{{\"arrived_at\": 1.25, \"num_prefill_tokens\": {}, \"num_decode_tokens\": {}{}}}\n", prompt,
                     output, more);
}

std::vector<std::uint64_t> names(const Workload& workload, std::size_t request, std::int32_t block_size) {
  std::vector<std::uint64_t> all;
  workload.content.append_block_names(request, block_size, all);
  return all;
}

TEST_CASE("trace hash ids: Mooncake's stand for 512 tokens of the prompt, Bailian's for 16") {
  const TraceFile moon = read_text(mooncake(1025, "[0, 1, 2]") + mooncake(513, "[0, 7]") + mooncake(9, "[]"));
  CHECK(moon.content.hash_id_tokens == 512);
  CHECK(moon.rows[0].content == 0);
  CHECK(moon.rows[0].num_hashed_tokens == 1025);
  CHECK(moon.rows[1].num_hashed_tokens == 513);
  CHECK(moon.rows[2].content == -1);
  CHECK(moon.content.ids.num_names() == 4);
  const std::string bailian =
      "{\"chat_id\": 1, \"parent_chat_id\": -1, \"timestamp\": 0, \"input_length\": 33, \"output_length\": 2, "
      "\"hash_ids\": [5, 6, 7]}\n";
  CHECK(read_text(bailian).content.hash_id_tokens == 16);
  CHECK(read_text(mooncake(33, "[1, 2, 3]"), 16).rows[0].num_hashed_tokens == 33);
  // A recorder may leave out the block that is not full.
  CHECK(read_text(mooncake(1025, "[0, 1]")).rows[0].num_hashed_tokens == 1024);
}

TEST_CASE("trace hash ids: lines that are prepared for replay may name outputs too") {
  const TraceFile trace =
      read_text(prepared(40, 20, ", \"hash_ids\": [1, 2, 3]") +
                prepared(40, 20, ", \"hash_ids\": [1, 2, 3, 4], \"num_hashed_tokens\": 60") + prepared(40, 20, ""));
  CHECK(trace.format == TraceFormat::vidur);
  CHECK(trace.content.hash_id_tokens == 16);
  CHECK(trace.rows[0] == RawRequest{1.25, 40, 20, 0, 40});  // arrivals are taken as they are
  CHECK(trace.rows[1] == RawRequest{1.25, 40, 20, 1, 60});
  CHECK(trace.rows[2] == RawRequest{1.25, 40, 20});
  CHECK_THAT(error_in(prepared(40, 0, "")), Contains("'num_decode_tokens': must be from 1"));
  CHECK_THAT(error_in("{\"arrived_at\": 1, \"num_prefill_tokens\": 4}\n"),
             Contains("/t:1: the key 'num_decode_tokens' is missing"));
}

TEST_CASE("trace hash ids: what does not fit is named with its place") {
  CHECK_THAT(error_in(mooncake(9, "[1]") + mooncake(1025, "[0]")),
             Contains("/t:2:") && Contains("'hash_ids': must be 3 ids for 1025 tokens, at 512 tokens an id") &&
                 Contains("--hash-id-tokens") && Contains("found '1 ids'"));
  CHECK_THAT(error_in(mooncake(1025, "[0, 1, 2, 3]")), Contains("must be 3 ids"));
  CHECK_THAT(error_in(prepared(40, 20, ", \"hash_ids\": [1, 2]")), Contains("must be 3 ids for 40 tokens"));
  CHECK_THAT(error_in(prepared(40, 20, ", \"hash_ids\": [1, 2, 3, 4], \"num_hashed_tokens\": 61")),
             Contains("'num_hashed_tokens': must be at most the 60 tokens of prompt and output (found '61')"));
  CHECK_THAT(error_in(prepared(40, 20, ", \"num_hashed_tokens\": 5")),
             Contains("'num_hashed_tokens': must be 0, or missing, in a row without hash_ids (found '5')"));
  CHECK_THAT(error_in(prepared(40, 20, ", \"hash_ids\": [], \"num_hashed_tokens\": -1")),
             Contains("'num_hashed_tokens': must be a whole number from 0 up (found '-1')"));
  CHECK_THAT(error_in(prepared(16, 20, ", \"hash_ids\": [9223372036854775808]")),
             Contains("(found '92233720368547758"));
  CHECK_THAT(error_in(prepared(40, 20, ""), 16), Contains("--hash-id-tokens has no effect: no row has hash_ids"));
  const ScratchFolder folder;
  const auto columns = parse_trace_columns("arrived_at=at,num_prefill_tokens=in,num_decode_tokens=out", "");
  const auto file = folder.write("t", "{\"at\": 0, \"in\": 20, \"out\": 5, \"hash_ids\": [1, 2]}\n");
  CHECK_THAT(error_of([&] { read_trace(file, {.columns = columns}); }), Contains("say it with --hash-id-tokens"));
  CHECK(read_trace(file, {.columns = columns, .hash_id_tokens = 16}).rows[0].num_hashed_tokens == 20);
  CHECK_THAT(error_of([] { load_trace("azure-conv", {.hash_id_tokens = 16}); }),
             Contains("--hash-id-tokens: has no effect on 'azure-conv'"));
}

TEST_CASE("trace hash ids: cuts, dropping and copies of rows keep them aligned") {
  const ScratchFolder folder;
  std::string text;
  for (int i = 0; i < 20; ++i) {  // row i: a first block of all, then its own
    text += fmt::format(
        "{{\"arrived_at\": {}, \"num_prefill_tokens\": {}, \"num_decode_tokens\": 8, \"hash_ids\": [0, {}, {}]}}\n",
        i * 30, 48, 1 + 2 * i, 2 + 2 * i);
  }
  WorkloadSpec spec{.trace = folder.write("t.jsonl", text).string()};
  const Workload whole = make_workload(spec, 0, 4096);
  CHECK(names(whole, 0, 16) == std::vector<std::uint64_t>{0, 1, 2});
  CHECK(names(whole, 19, 16) == std::vector<std::uint64_t>{0, 39, 40});
  spec.duration_s = 100;
  const Workload beginning = make_workload(spec, 0, 4096);
  REQUIRE(beginning.size() == 4);
  CHECK(names(beginning, 3, 16) == std::vector<std::uint64_t>{0, 7, 8});
  // A context of 40: 16 of 56 tokens come off, 14 of the prompt's 48 and 3 of the output's 8.
  const Workload cut = make_workload(spec, 0, 40);
  CHECK(cut.requests[0].num_prefill_tokens == 34);
  CHECK(cut.content.num_hashed_tokens(0) == 34);
  CHECK(names(cut, 3, 16) == std::vector<std::uint64_t>{0, 7});
  spec.duration_s = 0;
  const Workload drawn = make_workload(spec, 1, 4096);  // of the first half's rows, some more than once
  std::set<std::uint64_t> ends;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const auto all = names(drawn, i, 16);
    REQUIRE(all.size() == 3);
    CHECK(all[0] == 0);
    CHECK(ends.insert(all[2]).second);  // no prompt comes twice
  }
  spec.arrivals = ArrivalKind::fixed;
  spec.num_requests = 3;
  const Workload repaced = make_workload(spec, 0, 4096);  // lengths of rows come with what the rows hold
  CHECK(names(repaced, 2, 16) == std::vector<std::uint64_t>{0, 5, 6});
}

TEST_CASE("trace hash ids: Mooncake's conversation trace") {
  const auto folder = data_folder();
  if (!folder) {
    WARN("SKIPPED: no data folder");
    return;
  }
  const auto file = *folder / "traces" / "mooncake" / "conversation_trace.jsonl";
  const TraceFile trace = read_trace(file);
  CHECK(trace.rows.size() == 12031);
  CHECK(trace.content.ids.num_names() >= 182790);  // ids from 0 to 182789; the same id behind others has another name
  const WorkloadSpec spec{.trace = file.string()};
  const Workload workload = make_workload(spec, 0, 200'000);
  std::int64_t blocks = 0;
  for (std::size_t i = 0; i < workload.size(); ++i) blocks += workload.content.num_named_blocks(i, 16);
  CHECK(blocks == [&] {
    std::int64_t sum = 0;
    for (const RawRequest& row : trace.rows) sum += row.num_prefill_tokens / 16;
    return sum;
  }());
}

TEST_CASE("trace hash ids: a million rows with ids are read in bounded memory") {
  const ScratchFolder folder;
  const auto file = folder.path() / "million.jsonl";
  {
    std::ofstream out(file);
    for (int i = 0; i < 1'000'000; ++i) {  // 10 first blocks, then 3 of its own
      out << "{\"arrived_at\":" << i << ",\"num_prefill_tokens\":64,\"num_decode_tokens\":1,\"hash_ids\":[" << i % 10
          << ',' << 3 * i + 10 << ',' << 3 * i + 11 << ',' << 3 * i + 12 << "]}\n";
    }
  }
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const TraceFile trace = read_trace(file);
  getrusage(RUSAGE_SELF, &after);
  CHECK(trace.content.ids.num_names() == 3'000'010);
  CHECK(trace.rows.back().num_hashed_tokens == 64);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these keep memory of their own
  CHECK(after.ru_maxrss - before.ru_maxrss < 200 * 1024);            // kB: two runs and a segment a row
#endif
}

}  // namespace
}  // namespace switchyard
