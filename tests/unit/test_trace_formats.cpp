// Trace files of every format: what is read, and what is said of a file that is broken in any of its fields.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/workload/known_traces.hpp"
#include "core/workload/spec.hpp"
#include "core/workload/timestamp.hpp"
#include "core/workload/trace_file.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/gzip.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

using Catch::Matchers::Contains;

struct Fixture {
  std::string file;  // in tests/cli/fixtures/traces
  TraceFormat format;
  std::string arrival, prompt, output;  // names of the fields
  std::size_t num_failed;

  std::string text() const { return text_of(SWITCHYARD_SOURCE_DIR "/tests/cli/fixtures/traces/" + file); }
  bool json() const { return file.ends_with(".jsonl"); }
};

const std::vector<Fixture>& fixtures() {
  static const std::vector<Fixture> all = {
      {"vidur.csv", TraceFormat::vidur, "arrived_at", "num_prefill_tokens", "num_decode_tokens", 0},
      {"azure_2023.csv", TraceFormat::azure, "TIMESTAMP", "ContextTokens", "GeneratedTokens", 0},
      {"azure_2024.csv", TraceFormat::azure, "TIMESTAMP", "ContextTokens", "GeneratedTokens", 1},
      {"burstgpt.csv", TraceFormat::burstgpt, "Timestamp", "Request tokens", "Response tokens", 1},
      {"burstgpt_sessions.csv", TraceFormat::burstgpt, "Timestamp", "Request tokens", "Response tokens", 1},
      {"mooncake.jsonl", TraceFormat::mooncake, "timestamp", "input_length", "output_length", 1},
      {"bailian.jsonl", TraceFormat::bailian, "timestamp", "input_length", "output_length", 0}};
  return all;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string joined(const std::vector<std::string>& parts, std::string_view with) {
  return fmt::format("{}", fmt::join(parts, with));
}

// The text with each line end replaced.
std::string with_ends(const std::string& text, std::string_view end) { return joined(split(text, '\n'), end); }

// The text with a field of its second row replaced; what an error about it says first, but for the file's name.
std::pair<std::string, std::string> with_field(const Fixture& fixture, const std::string& name,
                                               const std::string& value) {
  std::vector<std::string> lines = split(fixture.text(), '\n');
  if (fixture.json()) {
    const std::string key = fmt::format("\"{}\": ", name);
    const std::size_t at = lines[1].find(key);
    REQUIRE(at != std::string::npos);
    const std::size_t begin = at + key.size();
    const std::size_t end =
        lines[1][begin] == '[' ? lines[1].find(']', begin) + 1 : lines[1].find_first_of(",}", begin);
    lines[1].replace(begin, end - begin, value);
    return {joined(lines, "\n"), fmt::format(":2:{} '{}'", at + 1, name)};
  }
  const std::vector<std::string> header = split(lines[0], ',');
  std::vector<std::string> fields = split(lines[2], ',');
  const auto column = static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin());
  REQUIRE(column < header.size());
  fields[column] = value;
  lines[2] = joined(fields, ",");
  return {joined(lines, "\n"), fmt::format(":3:{} '{}'", column + 1, name)};
}

TEST_CASE("trace formats: each fixture holds the same requests") {
  for (const Fixture& fixture : fixtures()) {
    INFO(fixture.file);
    const ScratchFolder folder;
    const TraceFile trace = read_trace(folder.write(fixture.file, fixture.text()));
    CHECK(trace.format == fixture.format);
    CHECK(trace.num_failed == fixture.num_failed);
    REQUIRE(trace.rows.size() == 4);
    const double times[] = {0, 4.314579, 4.5, 10};
    const std::int32_t prompts[] = {374, 396, 879, 91}, outputs[] = {44, 109, 55, 16};
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(trace.rows[i].arrived_at_s == Approx(times[i]).margin(1e-8));
      CHECK(trace.rows[i].num_prefill_tokens == prompts[i]);
      CHECK(trace.rows[i].num_decode_tokens == outputs[i]);
    }
    const TraceRows loaded = load_trace((folder.path() / fixture.file).string());
    CHECK(loaded.rows == trace.rows);
    CHECK(loaded.source == fixture.file + (fixture.num_failed ? " (1 of 5 rows failed and were dropped)" : ""));
  }
}

TEST_CASE("trace formats: content decides, not the name, and all habits of files read alike") {
  for (const Fixture& fixture : fixtures()) {
    INFO(fixture.file);
    const ScratchFolder folder;
    const std::string text = fixture.text();
    const TraceFile plain = read_trace(folder.write("plain", text));
    const std::string no_end = text.substr(0, text.size() - 1);
    for (const std::string& other : {with_ends(text, "\r\n"), with_ends(text, "\n\n"), no_end,
                                     fmt::format("\xEF\xBB\xBF{}", text), fmt::format("\n{}", text)}) {
      for (const std::string& stored : {other, gzipped(other)}) {
        const TraceFile same = read_trace(folder.write("trace.json", stored));
        CHECK(same.format == plain.format);
        CHECK(same.rows == plain.rows);
        CHECK(same.num_failed == plain.num_failed);
      }
    }
    CHECK(load_trace(folder.write("trace.json", gzipped(text)).string()).rows == plain.rows);
    const TraceFile members =
        read_trace(folder.write("two.gz", gzipped(text.substr(0, 50)) + gzipped(text.substr(50))));
    CHECK(members.rows == plain.rows);  // gzip files may be put end to end
  }
}

TEST_CASE("trace formats: a bad value in any field is named with its place") {
  const ScratchFolder folder;
  const auto check = [&](const Fixture& fixture, const std::string& name, const std::string& value,
                         const std::string& found) {
    INFO(fixture.file << ": " << name << " = " << value);
    const auto broken = with_field(fixture, name, value);
    CHECK_THAT(error_of([&] { read_trace(folder.write("t", broken.first)); }),
               Contains("/t" + broken.second) && Contains(fmt::format("(found '{}')", found)));
  };
  const std::vector<std::string> bad_counts = {"",    "nan",         "inf",       "x",     "-1",
                                               "1.5", "99999999999", "100000001", "1e999", "99999999999999999999"};
  for (const Fixture& fixture : fixtures()) {
    if (fixture.json()) continue;
    for (const std::string& value : bad_counts) {
      check(fixture, fixture.prompt, value, value);
      check(fixture, fixture.output, value, value);
    }
    if (fixture.format == TraceFormat::vidur) {  // others drop such rows, and count them
      check(fixture, fixture.prompt, "0", "0");
      check(fixture, fixture.output, "0", "0");
    }
    for (const std::string value : {"", "nan", "-inf", "x", "1e999"}) check(fixture, fixture.arrival, value, value);
    if (fixture.format == TraceFormat::azure) {
      for (const std::string value :
           {"yesterday", "2023-02-30 00:00:00", "2023-11-16 24:00:00", "2023-11-16 18:17:03.", "2023-11-16", "18:17:03",
            "2023-11-16 18:17:03+2", "2023-13-01 00:00:00", "5.0", "2023-11-16 23:61:00"}) {
        check(fixture, fixture.arrival, value, value);
      }
    } else {
      check(fixture, fixture.arrival, "-2", "-2");
      check(fixture, fixture.arrival, "2e9", "2e9");
    }
  }
  for (const Fixture& fixture : fixtures()) {
    if (!fixture.json()) continue;
    for (const std::string& name : {fixture.prompt, fixture.output}) {
      for (const auto& [value, found] :
           std::vector<std::pair<std::string, std::string>>{{"-1", "-1"},
                                                            {"1.5", "1.5"},
                                                            {"null", "null"},
                                                            {"true", "true"},
                                                            {"\"7\"", "7"},
                                                            {"[7]", "a list"},
                                                            {"{}", "an object"},
                                                            {"99999999999", "99999999999"},
                                                            {"99999999999999999999", "99999999999999999999"}}) {
        check(fixture, name, value, found);
      }
    }
    for (const auto& [value, found] : std::vector<std::pair<std::string, std::string>>{
             {"-0.5", "-0.5"}, {"-5", "-5"}, {"null", "null"}, {"\"9\"", "9"}, {"[9]", "a list"}, {"false", "false"}}) {
      check(fixture, fixture.arrival, value, found);
    }
    for (const auto& [value, found] : std::vector<std::pair<std::string, std::string>>{{"7", "7"},
                                                                                       {"[1, -2]", "-2"},
                                                                                       {"[1, 2.5]", "2.5"},
                                                                                       {"[\"a\"]", "a"},
                                                                                       {"[[1]]", "a list"},
                                                                                       {"null", "null"},
                                                                                       {"[null]", "null"},
                                                                                       {"{}", "an object"}}) {
      check(fixture, "hash_ids", value, found);
    }
  }
  const Fixture& bailian = fixtures().back();
  for (const std::string name : {"chat_id", "parent_chat_id", "turn"}) {
    check(bailian, name, "-2", "-2");
    check(bailian, name, "1.5", "1.5");
    check(bailian, name, "null", "null");
    check(bailian, name, "\"1\"", "1");
  }
  check(bailian, "type", "7", "7");
  check(bailian, "type", "null", "null");
}

TEST_CASE("trace formats: files that are cut, damaged, unsorted or of no format are refused") {
  for (const Fixture& fixture : fixtures()) {
    INFO(fixture.file);
    const ScratchFolder folder;
    const auto error = [&](const std::string& text) { return error_of([&] { read_trace(folder.write("t", text)); }); };
    const std::string text = fixture.text();
    CHECK_THAT(error(""), Contains("/t:1: the file is empty"));
    const std::string cut = text.substr(0, fixture.json() ? text.rfind('{') + 20 : text.rfind(','));
    CHECK_THAT(error(cut), Contains(fmt::format("/t:{}:", std::count(text.begin(), text.end(), '\n'))));

    const std::string compressed = gzipped(text);
    CHECK_THAT(error(compressed.substr(0, compressed.size() - 9)), Contains("truncated"));
    CHECK_THAT(error(compressed.substr(0, compressed.size() / 2)), Contains("truncated"));
    std::string damaged = compressed;
    damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);  // of its check sum
    CHECK_THAT(error(damaged), Contains("damaged"));
    for (const std::string behind : {"garbage", "\n", "0"}) {
      CHECK_THAT(error(compressed + behind), Contains("behind the gzip data there is something else"));
    }
    for (const std::size_t length : {std::size_t{1}, std::size_t{2}, compressed.size() - 1}) {
      CHECK_THAT(error(compressed + compressed.substr(0, length)), Contains("ends too early (is it truncated?)"));
    }
    CHECK_THAT(error(compressed + "\x1F" + "garbage"), Contains("damaged"));
    CHECK(error(compressed + std::string(100'000, '\0')).empty());  // what archives on tapes end with

    std::vector<std::string> lines = split(text, '\n');
    const std::size_t first = fixture.json() ? 0 : 1;
    std::swap(lines[first], lines[first + 1]);
    CHECK_THAT(error(joined(lines, "\n")),
               Contains(fmt::format("'{}': must not be before the row above it", fixture.arrival)));

    for (const std::string& name : {fixture.arrival, fixture.prompt, fixture.output}) {
      std::string renamed = text;
      renamed.replace(renamed.find(name), name.size(), "elsewhere");
      CHECK_THAT(error(renamed), Contains(fmt::format("'{}' is missing", name)) && Contains("/t:1"));
    }
  }
  const ScratchFolder folder;
  const auto error = [&](const std::string& text) { return error_of([&] { read_trace(folder.write("t", text)); }); };
  CHECK_THAT(error("a,b,c\n1,2,3\n"), Contains("/t:1: the header has none of the columns of a trace (arrived_at,"));
  CHECK_THAT(error("arrived_at,num_prefill_tokens,num_decode_tokens\n"), Contains("/t:1") && Contains("no rows"));
  CHECK_THAT(error("Timestamp,Request tokens,Response tokens\n1,5,0\n2,6,0\n"), Contains("all 2 rows failed"));
  CHECK_THAT(error("{\"timestamp\": 1, \"input_length\": 5, \"output_length\": 0}\n"), Contains("all 1 rows failed"));
  CHECK_THAT(error("{\"timestamp\": 1, \"timestamp\": 2}\n"), Contains("/t:1:2 'timestamp': is there twice"));
  CHECK_THAT(error("{\"chat_id\": 1, \"timestamp\": 1, \"input_length\": 5, \"output_length\": 6}\n"),
             Contains("'parent_chat_id' is missing"));
  CHECK_THAT(error("{\"timestamp\": 1,, \"input_length\": 5}\n"), Contains("/t:1:17: not JSON"));
  CHECK_THAT(error("{\"timestamp\": 1e999, \"input_length\": 5}\n"), Contains("/t:1:") && Contains("1e999"));
  CHECK_THAT(error("{\"timestamp\": 1, \"input_length\": 5, \"output_length\": 6}\n[1]\n"),
             Contains("/t:2:1: must be a JSON object (found 'a list')"));
  CHECK_THAT(error("{\"timestamp\": 1, \"input_length\": 5, \"output_length\": 6} {}\n"),
             Contains("/t:1:57: not JSON"));
  CHECK_THAT(error("{" + std::string(17 << 20, ' ')), Contains("/t:1: the line is longer than 16 MiB"));
  CHECK(error("{\"timestamp\": 1, \"input_length\": 5, \"output_length\": 6, \"more\": {\"timestamp\": [null]}}\n")
            .empty());
}

TEST_CASE("trace formats: mapped arrivals may be dates in JSON lines as in CSV") {
  const ScratchFolder folder;
  TraceReading reading;
  reading.columns = {"t", "i", "o"};
  const auto row = [](const std::string& time) { return fmt::format("{{\"t\":{},\"i\":10,\"o\":5}}\n", time); };
  const auto error = [&](const std::string& text) {
    return error_of([&] { read_trace(folder.write("t", text), reading); });
  };
  const std::string first = row("\"2023-11-16T18:17:03Z\""), second = row("\"2023-11-16T19:17:05.5+01:00\"");
  const TraceFile trace = read_trace(folder.write("t", first + second), reading);
  REQUIRE(trace.rows.size() == 2);
  CHECK(trace.rows[0].arrived_at_s == 0);
  CHECK(trace.rows[1].arrived_at_s == 2.5);
  const TraceFile csv =
      read_trace(folder.write("t", "t,i,o\n2023-11-16T18:17:03Z,10,5\n2023-11-16T19:17:05.5+01:00,10,5\n"), reading);
  CHECK(csv.rows == trace.rows);
  CHECK_THAT(error(second + first),
             Contains("/t:2:2 't': must not be before the row above it") && Contains("(found '2023-11-16T18:17:03Z')"));
  CHECK_THAT(error(first + row("\"2023-11-16T18:17:03\"")), Contains("/t:2:2 't': has no time zone"));
  CHECK_THAT(error(first + row("7")), Contains("/t:2:2 't': must be a time as 2023-11-16") && Contains("(found '7')"));
  CHECK_THAT(error(row("7") + first),
             Contains("/t:2:2 't': must be a number from 0 up (found '2023-11-16T18:17:03Z')"));
  CHECK_THAT(error(row("\"yesterday\"")), Contains("/t:1:2 't': must be a number from 0 up (found 'yesterday')"));
  reading.time_unit = TimeUnit::milliseconds;
  CHECK_THAT(error(first), Contains("--time-unit: has no effect on") && Contains("its times are dates"));
  reading.arrivals = false;  // then nothing is read of them
  CHECK(error(first).empty());
}

TEST_CASE("trace formats: a list of objects is named as such") {
  const ScratchFolder folder;
  const auto error = [&](const std::string& text) { return error_of([&] { read_trace(folder.write("t", text)); }); };
  for (const std::string text : {"[{\"timestamp\": 0}]", " [\n  {\"timestamp\": 0}\n]\n", "[]", "[[0, 5, 6]]", "["}) {
    INFO(text);
    CHECK_THAT(error(text), Contains("/t:1: is a JSON array; a trace has one JSON object a line"));
  }
  CHECK_THAT(error("[a],b\n1,2\n"), Contains("/t:1: the header has none of the columns of a trace"));
}

TEST_CASE("trace formats: minus zero is zero") {
  const ScratchFolder folder;
  const std::string vidur = "arrived_at,num_prefill_tokens,num_decode_tokens\n";
  for (const std::string& text :
       {vidur + "-0,10,5\n", vidur + "-0.0,10,5\n",
        std::string("{\"arrived_at\": -0, \"num_prefill_tokens\": 10, \"num_decode_tokens\": 5}\n"),
        std::string("{\"arrived_at\": -0.0, \"num_prefill_tokens\": 10, \"num_decode_tokens\": 5}\n")}) {
    INFO(text);
    const TraceFile trace = read_trace(folder.write("t", text));
    REQUIRE(trace.rows.size() == 1);
    CHECK_FALSE(std::signbit(trace.rows[0].arrived_at_s));
  }
}

TEST_CASE("trace formats: one column does not serve as two") {
  const auto error = [](std::string_view columns) {
    return error_of([&] { parse_trace_columns(columns, "--trace-columns"); });
  };
  CHECK(error("num_prefill_tokens=in,num_decode_tokens=in") ==
        "--trace-columns: column 'in' cannot be both num_prefill_tokens and num_decode_tokens");
  CHECK(error("arrived_at=num_decode_tokens") ==
        "--trace-columns: column 'num_decode_tokens' cannot be both arrived_at and num_decode_tokens");
  CHECK(error("arrived_at=num_decode_tokens,num_decode_tokens=arrived_at").empty());
}

TEST_CASE("trace formats: a trace too long to replay loads, and is replayed where it is cut or sped up") {
  const ScratchFolder folder;
  const auto trace = folder.write("t.csv", "Timestamp,Request tokens,Response tokens\n1,5,6\n9e6,7,8\n");
  CHECK(read_trace(trace).rows.back().arrived_at_s == 9e6 - 1);
  WorkloadSpec spec;
  spec.trace = trace.string();
  CHECK_THAT(error_of([&] { make_rows(spec, 0, 4096); }), Contains("4000000 s") && Contains("--duration"));
  spec.duration_s = 100;
  CHECK(make_rows(spec, 0, 4096).size() == 1);
  spec.duration_s = 0;
  spec.time_scale = 10;
  CHECK(make_rows(spec, 0, 4096).size() == 2);
}

TEST_CASE("trace formats: a million rows load in 200 MB") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  WARN("SKIPPED: sanitizers keep memory of their own");
#else
  const ScratchFolder folder;
  std::string text = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  for (int i = 0; i < 1'000'000; ++i) {
    fmt::format_to(std::back_inserter(text), "2024-05-{:02} {:02}:{:02}:{:02}.{:06}+00:00,{},{}\n", 10 + i / 240'000,
                   i / 10'000 % 24, i % 10'000 / 167, i % 10'000 % 167 * 60 / 167,
                   i % 10'000 % 167 * 60'000'000LL / 167 % 1'000'000, 1 + i % 4000, 1 + i % 700);
  }
  const std::filesystem::path file = folder.write("million.csv", text);
  text = {};
  CHECK(read_trace(file).rows.size() == 1'000'000);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  CHECK(usage.ru_maxrss <= 200'000);  // kB, the text that was written included
#endif
}

TEST_CASE("trace formats: timestamps") {
  const auto second = [](std::string_view text) { return parse_timestamp(text).value() / 10'000'000; };
  CHECK(second("1970-01-02 00:00:00") == 86400);
  CHECK(second("1970-01-02T00:00:00Z") == 86400);
  CHECK(second("1970/01/01 01:30:00+01:30") == 0);
  CHECK(second("1969-12-31 22:30:00-01:30") == 0);
  CHECK(parse_timestamp("1970-01-01 00:00:00.0000001") == 1);
  CHECK(parse_timestamp("1970-01-01 00:00:00.25") == 2'500'000);
  CHECK(parse_timestamp("1970-01-01 00:00:00.00000019999") == 1);
  CHECK(second("2024-02-29 12:00:00.5+00:00") == 1709208000);
  for (const std::string_view zone : {"", "Z", "z", "+00:00", "-01:30"}) {
    bool has_zone = zone.empty();
    CHECK(parse_timestamp("2024-02-29 12:00:00.5" + std::string(zone), &has_zone));
    CHECK(has_zone != zone.empty());
  }
  for (const std::string_view text : {"", "2023-02-29 00:00:00", "-023-11-16 18:17:03", "2023-11-16 18:17:03+25:00",
                                      "2023-11-16 18:17:03 UTC", "2023-11-16 18:17:03ZZ", "2023-11-16 18:17:61"}) {
    CHECK_FALSE(parse_timestamp(text));
  }
}

}  // namespace
}  // namespace switchyard
