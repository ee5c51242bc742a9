// Inputs that were once read wrong or refused for the wrong reason, each with what is right. Test cases are named after
// the files, in tests/cli/fixtures/cases.
#include <catch2/catch.hpp>
#include <filesystem>

#include "core/workload/known_traces.hpp"
#include "core/workload/spec.hpp"
#include "core/workload/trace_file.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/gzip.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

using Catch::Matchers::Contains;
using Rows = std::vector<RawRequest>;

std::string input(const std::string& name) { return SWITCHYARD_SOURCE_DIR "/tests/cli/fixtures/cases/" + name; }

std::string error_in(const std::string& text, const TraceReading& reading = {}) {
  const ScratchFolder folder;
  return error_of([&] { read_trace(folder.write("t", text), reading); });
}

Rows rows_in(const std::string& text, const TraceReading& reading = {}) {
  const ScratchFolder folder;
  return read_trace(folder.write("t", text), reading).rows;
}

TEST_CASE("case guidellm_seconds.jsonl: seconds are not taken for milliseconds") {
  const std::string file = input("guidellm_seconds.jsonl");
  CHECK_THAT(error_of([&] { read_trace(file); }),
             Contains("guidellm_seconds.jsonl: the unit of its times is not clear") && Contains("within 0.003 s") &&
                 Contains("fractions of a millisecond") && Contains("--time-unit s, ms or us"));
  CHECK(read_trace(file, {.time_unit = TimeUnit::seconds}).rows == Rows{{0, 100, 50}, {1.5, 200, 50}, {3, 100, 50}});
  CHECK(read_trace(file, {.time_unit = TimeUnit::milliseconds}).rows.back().arrived_at_s == 0.003);
  CHECK(read_trace(file, {.time_unit = TimeUnit::microseconds}).rows.back().arrived_at_s == 0.000003);
}

TEST_CASE("case guidellm_seconds.jsonl: what tells the unit, and what does not") {
  const auto lines = [](const std::vector<std::string>& times, const std::string& more) {
    std::string text;
    for (const std::string& time : times) {
      text += "{\"timestamp\": " + time + ", \"input_length\": 5, \"output_length\": 6" + more + "}\n";
    }
    return text;
  };
  const std::string hashes = ", \"hash_ids\": [1]", unclear = "the unit of its times is not clear";
  CHECK_THAT(error_in(lines({"0", "1", "3"}, "")), Contains(unclear));
  CHECK_THAT(error_in(lines({"0", "1", "3"}, hashes)), !Contains(unclear));     // 2 gaps in 3 ms
  CHECK_THAT(error_in(lines({"0", "0.5", "1.5"}, hashes)), Contains(unclear));  // in 1.5 ms
  CHECK_THAT(error_in(lines({"0", "60", "120"}, "")), Contains(unclear));       // a request a minute, or 17 a second
  CHECK(rows_in(lines({"0", "1000", "3500"}, "")).back().arrived_at_s == 3.5);
  CHECK(rows_in(lines({"0", "60", "120"}, hashes)).back().arrived_at_s == 0.12);
  CHECK(rows_in(lines({"5", "5", "5"}, "")).back().arrived_at_s == 0);  // the same in any unit
  CHECK(rows_in(lines({"0", "1.5"}, ", \"chat_id\": 1, \"parent_chat_id\": -1")).back().arrived_at_s == 1.5);
  CHECK(rows_in(lines({"0", "1.5"}, ""), {.arrivals = false}).size() == 2);  // times are not wanted
}

TEST_CASE("case moon_float.jsonl: a float without a fraction is a whole number") {
  const std::string file = input("moon_float.jsonl");
  CHECK(read_trace(file, {.time_unit = TimeUnit::milliseconds}).rows == Rows{{0, 6758, 500}, {1.0005, 655, 52}});
  std::string text = text_of(file);
  text.replace(text.find("6758.0"), 6, "6758.5");
  CHECK_THAT(error_in(text, {.time_unit = TimeUnit::milliseconds}),
             Contains("/t:1:20 'input_length': must be a whole number from 0 up (found '6758.5')"));
  CHECK(rows_in("{\"timestamp\": 0, \"input_length\": 1e3, \"output_length\": 5, \"hash_ids\": [1.0, 2e0]}\n") ==
        Rows{{0, 1000, 5, 0, 1000}});
  CHECK_THAT(error_in("{\"timestamp\": 0, \"input_length\": 1e17, \"output_length\": 5}\n"),
             Contains("must be a whole number"));
  CHECK_THAT(error_in("{\"timestamp\": 0, \"input_length\": 1e999, \"output_length\": 5}\n"),
             Contains("/t:1:18 'input_length': is beyond what a double holds (found '1e999')"));
}

TEST_CASE("case quoted.csv: fields may be quoted") {
  CHECK(read_trace(input("quoted.csv")).rows == Rows{{0, 10, 5}, {1.5, 20, 6}});
}

TEST_CASE("case floats.csv: a float without a fraction is a whole number") {
  CHECK(read_trace(input("floats.csv")).rows == Rows{{0, 10, 5}, {1.5, 20, 6}});
  CHECK_THAT(error_in("arrived_at,num_prefill_tokens,num_decode_tokens\n0,10.5,5\n"),
             Contains("/t:2:2 'num_prefill_tokens': must be a whole number (found '10.5')"));
}

TEST_CASE("case lengths_only.csv: serves where arrivals are drawn") {
  WorkloadSpec spec;
  spec.trace = input("lengths_only.csv");
  CHECK_THAT(error_of([&] { make_rows(spec, 0, 4096); }),
             Contains("lengths_only.csv:1: column 'arrived_at' is missing") &&
                 Contains("serves where arrivals are drawn, as by --arrivals poisson --lengths shuffle"));
  spec.arrivals = ArrivalKind::poisson;
  spec.lengths = LengthKind::shuffle;
  spec.num_requests = 4;
  const Rows rows = make_rows(spec, 1, 4096);
  REQUIRE(rows.size() == 4);
  for (std::size_t i = 0; i < rows.size(); i += 2) {  // each permutation holds both rows
    CHECK(rows[i].num_prefill_tokens + rows[i + 1].num_prefill_tokens == 400);
    CHECK(rows[i].num_decode_tokens + rows[i + 1].num_decode_tokens == 30);
  }
  CHECK_THAT(error_in("{\"input_length\": 5, \"output_length\": 6}\n"),
             Contains("the key 'timestamp' is missing") && Contains("serves where arrivals are drawn"));
  CHECK(rows_in("{\"input_length\": 5, \"output_length\": 6}\n", {.arrivals = false}) == Rows{{0, 5, 6}});
}

TEST_CASE("case mostly_too_long.csv: what the context cuts is counted") {
  WorkloadSpec spec;
  spec.trace = input("mostly_too_long.csv");
  const Workload workload = make_workload(spec, 0, 4096);
  CHECK(workload.num_cut == 2);
  CHECK(workload_title(workload, 4096) == "mostly_too_long.csv; 2 of 4 requests cut to 4096 tokens");
  const Workload whole = make_workload(spec, 0, 8000);
  CHECK(whole.num_cut == 0);
  CHECK(workload_title(whole, 8000) == "mostly_too_long.csv");
  spec.output_min = 4000;  // what an output is raised to comes off the prompts of all but the first
  CHECK(make_workload(spec, 0, 4096).num_cut == 4);
}

TEST_CASE("case az_mixedtz.csv: rows that mix times with and without zone") {
  CHECK_THAT(error_of([&] { read_trace(input("az_mixedtz.csv")); }),
             Contains("az_mixedtz.csv:3:1 'TIMESTAMP'") && Contains("mix times with and without zone"));
  CHECK_THAT(error_in("TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-12 00:00:04Z,10,5\n2024-05-12 00:00:05,20,6\n"),
             Contains("/t:3:1 'TIMESTAMP': has no time zone"));
  CHECK(rows_in("TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-12 00:00:04Z,10,5\n2024-05-12 02:00:05+02:00,20,6\n")
            .back()
            .arrived_at_s == 1);
}

TEST_CASE("case az_zero_prompt.csv: a row without a prompt is dropped and counted") {
  const std::string file = input("az_zero_prompt.csv");
  const TraceFile trace = read_trace(file);
  CHECK(trace.rows == Rows{{1, 9, 5}});
  CHECK(trace.num_failed == 1);
  CHECK(trace_source(file, trace) == "az_zero_prompt.csv (1 of 2 rows failed and were dropped)");
}

TEST_CASE("case unsorted.csv: is refused, and told to be sorted") {
  CHECK_THAT(error_of([&] { read_trace(input("unsorted.csv")); }),
             Contains("unsorted.csv:3:1 'arrived_at': must not be before the row above it: sort the rows by arrival"));
}

TEST_CASE("case columns of other names are mapped") {
  const auto reading = [](const std::string& text) {
    return TraceReading{.columns = parse_trace_columns(text, "--f")};
  };
  const TraceReading mapped = reading("arrived_at=ts,num_prefill_tokens=in,num_decode_tokens=out");
  CHECK(rows_in("out,ts,in\n5,100,10\n6,101.5,20\n", mapped) == Rows{{0, 10, 5}, {1.5, 20, 6}});
  CHECK(rows_in("{\"out\": 5, \"ts\": 100, \"in\": 10}\n{\"out\": 6, \"ts\": 101.5, \"in\": 20}\n", mapped) ==
        Rows{{0, 10, 5}, {1.5, 20, 6}});
  CHECK(rows_in("out;ts;in\n5;2023-11-16 18:17:03;10\n6;2023-11-16 18:17:04.5;20\n", mapped) ==
        Rows{{0, 10, 5}, {1.5, 20, 6}});
  CHECK(rows_in("TS,num_prefill_tokens,num_decode_tokens\n1500,1,2\n3000,3,4\n",
                {TimeUnit::milliseconds, parse_trace_columns("arrived_at=TS", "--f")}) == Rows{{0, 1, 2}, {1.5, 3, 4}});
  CHECK_THAT(error_in("out,ts,im\n5,0,10\n", mapped),
             Contains("/t:1: column 'in' is missing (is 'im' meant?)") && Contains("--trace-columns"));
  CHECK_THAT(error_in("out,ts,in\n5,2023-11-16 18:17:03,10\n", {TimeUnit::seconds, mapped.columns}),
             Contains("--time-unit: has no effect on") && Contains("dates"));
  CHECK_THAT(error_of([&] { reading("arrived=ts"); }),
             Contains("--f: unknown column 'arrived'; did you mean 'arrived_at'"));
  CHECK_THAT(error_of([&] { reading("arrived_at"); }), Contains("--f: 'arrived_at' is not allowed"));
  CHECK_THAT(error_of([&] { reading("arrived_at=a,arrived_at=b"); }), Contains("given twice"));
  CHECK_THAT(error_of([&] { load_trace("azure-conv", mapped); }), Contains("--trace-columns: has no effect on"));
}

TEST_CASE("case separators, and quotes within quotes") {
  const std::string header = "arrived_at;num_prefill_tokens;num_decode_tokens;note\n";
  CHECK(rows_in(header + "0;10;5;\"a;b\"\n1.5;20;6; \"say \"\"so\"\";\n\nover, lines\" \n2;1;1;x\n") ==
        Rows{{0, 10, 5}, {1.5, 20, 6}, {2, 1, 1}});
  CHECK(rows_in("arrived_at\tnum_prefill_tokens\tnum_decode_tokens\n0\t10\t5\n1.5\t \"20\"\t6\n") ==
        Rows{{0, 10, 5}, {1.5, 20, 6}});
  CHECK_THAT(error_in(header + "0;10;5;\"a\n1;2;3;x\n"), Contains("/t:2: a quoted field that begins here has no end"));
  CHECK_THAT(error_in(header + "0;10;5;\"a\" b\n"), Contains("/t:2:4: after the closing quote there is 'b'"));
  CHECK_THAT(error_in(header + "0;\"10\";\"5\";\"a\";\"b\"\n"), Contains("/t:2:5: the row has 5 fields"));
  CHECK_THAT(error_in(header + "0;\"1\n0\";5;x\n"), Contains("/t:2:2 'num_prefill_tokens': must be a whole number"));
}

TEST_CASE("case files that are no text are named") {
  using namespace std::string_literals;
  const auto error = [](const std::string& text) { return error_in(text); };
  CHECK_THAT(error("PK\x03\x04rest"), Contains("/t: is a zip archive; plain text"));
  CHECK_THAT(error("\xFD"
                   "7zXZ\0\0"s),
             Contains("compressed by xz"));
  CHECK_THAT(error("BZh91AY"), Contains("compressed by bzip2"));
  CHECK_THAT(error("\x28\xB5\x2F\xFD...."), Contains("compressed by zstd"));
  CHECK_THAT(error(gzipped("BZh91AY")), Contains("compressed by bzip2"));
  CHECK_THAT(error("\xFF\xFE"
                   "a\0,\0b\0"s),
             Contains("text in UTF-16; UTF-8 is wanted"));
  CHECK_THAT(error("\0a\0,\0b\0"s), Contains("text in UTF-16BE"));
  CHECK_THAT(error("a\0,\0b\0"s), Contains("text in UTF-16LE"));
  CHECK_THAT(error("\xFF\xFE\0\0a\0\0\0"s), Contains("text in UTF-32"));
}

TEST_CASE("case a trace is read once, and again if it has changed") {
  const ScratchFolder folder;
  const std::string header = "arrived_at,num_prefill_tokens,num_decode_tokens\n";
  const std::string file = folder.write("t.csv", header + "0,1,2\n").string();
  const auto first = shared_trace(file);
  CHECK(shared_trace(file) == first);
  CHECK(shared_trace(file, {.arrivals = false}) != first);
  folder.write("t.csv", header + "0,1,2\n1,3,4\n");
  CHECK(shared_trace(file)->rows.size() == 2);
  CHECK(first->rows.size() == 1);
}

}  // namespace
}  // namespace switchyard
