// Traces of agents whose rows say what they wait for by name, or how much of a session's context they keep.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <map>

#include "core/workload/spec.hpp"
#include "core/workload/trace_file.hpp"
#include "core/workload/trace_lab.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/gzip.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;
using Catch::Contains;

namespace {

std::string agent_fixture(const std::string& file) {
  return text_of(SWITCHYARD_SOURCE_DIR "/tests/cli/fixtures/agent_traces/" + file);
}
TraceFile read_agents(const std::string& text) {
  const ScratchFolder scratch;
  return read_trace(scratch.write("t", text));
}
// The text with the n-th occurrence of one thing (from 0) replaced by another.
std::string with_edit(std::string text, const std::string& from, const std::string& to, int nth = 0) {
  std::size_t at = text.find(from);
  for (; nth > 0 && at != std::string::npos; --nth) at = text.find(from, at + 1);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}
std::string agent_error(const std::string& text) {
  return error_of([&] { read_agents(text); });
}

// By output length, which tells rows apart.
std::map<std::int32_t, RawRequest> by_output(const TraceFile& trace) {
  std::map<std::int32_t, RawRequest> rows;
  for (const RawRequest& row : trace.rows) rows[row.num_decode_tokens] = row;
  return rows;
}
std::int32_t parent_output(const TraceFile& trace, const RawRequest& row) {
  return row.parent < 0 ? -1 : trace.rows[static_cast<std::size_t>(row.parent)].num_decode_tokens;
}

// How many blocks of 16 tokens the prompts and outputs of two rows, told apart by output length, begin with alike.
std::size_t blocks_alike(const TraceFile& trace, std::int32_t a, std::int32_t b) {
  const Workload workload = make_workload("t", trace.rows, trace.content);
  std::vector<std::uint64_t> names[2];
  for (std::size_t i = 0; i < trace.rows.size(); ++i) {
    if (trace.rows[i].num_decode_tokens == a) workload.content.append_block_names(i, 16, names[0]);
    if (trace.rows[i].num_decode_tokens == b) workload.content.append_block_names(i, 16, names[1]);
  }
  std::size_t same = 0;
  while (same < std::min(names[0].size(), names[1].size()) && names[0][same] == names[1][same]) ++same;
  return same;
}

}  // namespace

TEST_CASE("agent traces: agentic Mooncake waits for requests by name", "[traces]") {
  const TraceFile trace = read_agents(agent_fixture("agentic_mooncake.jsonl"));
  CHECK(trace.format == TraceFormat::agentic_mooncake);
  CHECK(trace.sessions.says_thinks);
  CHECK_FALSE(trace.sessions.own_clocks);
  CHECK(trace.content.hash_id_tokens == 512);
  REQUIRE(trace.rows.size() == 5);
  auto rows = by_output(trace);
  CHECK(rows[30].arrived_at_s == 0);
  CHECK(rows[7].arrived_at_s == 0.5);
  CHECK(rows[7].session != rows[30].session);
  CHECK(parent_output(trace, rows[20]) == 30);
  CHECK(rows[20].think_s == 1.5);  // delay and tool_wait_ms
  CHECK(parent_output(trace, rows[9]) == 30);
  CHECK(rows[9].think_s == 0);
  CHECK(rows[9].num_prefill_tokens == 700);     // by its other name
  CHECK(parent_output(trace, rows[11]) == 20);  // of the two it waits for, the one that comes last
  CHECK(rows[11].arrived_at_s == 2);
  for (const std::int32_t output : {20, 9, 11}) CHECK(rows[output].session == rows[30].session);
  CHECK(blocks_alike(trace, 30, 20) == 1100 / 16);  // 68 whole blocks of the prompt, and the output is not shown
  CHECK(blocks_alike(trace, 30, 9) == 32);
  CHECK(blocks_alike(trace, 30, 7) == 0);
}

TEST_CASE("agent traces: what is wrong with agentic Mooncake is said with its place", "[traces]") {
  const std::string text = agent_fixture("agentic_mooncake.jsonl");
  CHECK_THAT(agent_error(with_edit(text, "\"wait_for\": [\"plan\"]", "\"wait_for\": [\"paln\"]")),
             Contains("/t:2:") && Contains("'wait_for': must name requests of rows above; 'paln' is none"));
  CHECK_THAT(agent_error(with_edit(text, "[\"plan\"]", "\"plan\"")),
             Contains("/t:2:") && Contains("'wait_for': must be a list of text"));
  CHECK_THAT(agent_error(with_edit(text, "[\"plan\"]", "[7]")),
             Contains("'wait_for': must be a list of text (found '7')"));
  CHECK_THAT(agent_error(with_edit(text, "[\"plan\"]", "[[\"plan\"]]")),
             Contains("'wait_for': must be a list of text"));
  CHECK_THAT(agent_error(with_edit(text, "\"wait_for\": [\"plan\"], ", "")),
             Contains("/t:2: the key 'timestamp' is missing; lines of a agentic Mooncake trace have timestamp, "
                      "input_length, output_length, request_id"));
  CHECK_THAT(agent_error(with_edit(text, "\"other\"", "\"plan\"")),
             Contains("/t:3:2 'request_id': must be another name than those of the rows above (found 'plan')"));
  CHECK_THAT(agent_error(with_edit(text, "\"other\"", "\"\"")), Contains("'request_id': must name the request"));
  CHECK_THAT(agent_error(with_edit(text, "\"other\"", "7.5")), Contains("'request_id': must be text"));
  CHECK_THAT(agent_error(with_edit(text, "\"request_id\": \"other\", ", "")),
             Contains("/t:3: the key 'request_id' is missing"));
  CHECK_THAT(agent_error(with_edit(text, "\"tool_wait_ms\": 1250", "\"tool_wait_ms\": -1")),
             Contains("'tool_wait_ms': must be a number from 0 up (found '-1')"));
  CHECK_THAT(agent_error(with_edit(text, "\"delay\": 250", "\"delay\": null")), Contains("'delay'"));
  CHECK_THAT(agent_error(with_edit(text, "\"delay\": 250", "\"delay\": 1e15")),
             Contains("'delay': must be at most 1000000000 s"));
  CHECK_THAT(agent_error(with_edit(text, "\"timestamp\": 2500", "\"timestamp\": \"2500\"")),
             Contains("/t:3:") && Contains("'timestamp'"));
  CHECK_THAT(agent_error(with_edit(text, "\"input_length\": 600", "\"input_length\": 6.5")),
             Contains("/t:3:") && Contains("'input_length'"));
  CHECK_THAT(agent_error(with_edit(text, "\"input_length\": 600", "\"input_length\": 600, \"input_tokens\": 600")),
             Contains("is there twice"));
  CHECK_THAT(agent_error(with_edit(text, "[5, 6]", "[5, 6, 7]")), Contains("'hash_ids': must be 2 ids for 600 tokens"));
}

TEST_CASE("agent traces: what waits for a request that failed goes on with what that waited for", "[traces]") {
  const auto request = [](const std::string& name, const std::string& when, int input, int output) {
    return fmt::format("{{\"request_id\":\"{}\",{},\"input_length\":{},\"output_length\":{}}}\n", name, when, input,
                       output);
  };
  const auto after = [](const std::string& names, int delay) {
    return fmt::format("\"wait_for\":[{}],\"delay\":{}", names, delay);
  };
  const TraceFile trace = read_agents(request("z", "\"timestamp\":1000", 10, 2) +  // times count from here
                                      request("a", "\"timestamp\":3000", 0, 3) +   // failed
                                      request("b", after("\"a\"", 500), 10, 4) +   //
                                      request("c", after("\"b\"", 250), 10, 0) +   // failed
                                      request("d", after("\"c\"", 125), 10, 5) +   //
                                      request("e", after("\"b\",\"c\"", 1000), 10, 6));
  CHECK(trace.num_failed == 2);
  REQUIRE(trace.rows.size() == 4);
  auto rows = by_output(trace);
  CHECK(rows[4].parent == -1);  // begins when what it waited for would have been answered
  CHECK(rows[4].arrived_at_s == 2.5);
  CHECK(parent_output(trace, rows[5]) == 4);
  CHECK(rows[5].think_s == 0.375);
  CHECK(rows[5].arrived_at_s == 2.875);
  CHECK(parent_output(trace, rows[6]) == 4);
  CHECK(rows[6].think_s == 1.25);  // the one that failed is the last of the two
  CHECK(rows[5].session == rows[4].session);
  CHECK(rows[4].session != rows[2].session);
  CHECK_THAT(agent_error(request("a", "\"timestamp\":0", 0, 3) + request("a", "\"timestamp\":0", 10, 3)),
             Contains("/t:2:2 'request_id': must be another name than those of the rows above (found 'a')"));
  CHECK_THAT(agent_error(request("a", after("\"x\"", 0), 0, 3)), Contains("'x' is none"));
}

TEST_CASE("agent traces: TraceLab's rounds keep some of their session's context and append to it", "[traces]") {
  const std::string file = GENERATE("tracelab.csv", "tracelab.jsonl");
  INFO(file);
  const bool csv = file == "tracelab.csv";
  const TraceFile trace = read_agents(agent_fixture(file));
  CHECK(trace.format == (csv ? TraceFormat::trace_lab_csv : TraceFormat::trace_lab));
  CHECK(trace.sessions.says_thinks);
  CHECK(trace.sessions.own_clocks == !csv);
  REQUIRE(trace.rows.size() == 4);
  auto rows = by_output(trace);
  CHECK(rows[100].num_prefill_tokens == 1000);
  CHECK(rows[40].num_prefill_tokens == 1160);
  CHECK(rows[10].num_prefill_tokens == 840);
  CHECK(rows[16].num_prefill_tokens == 480);
  CHECK(rows[100].parent == -1);
  CHECK(parent_output(trace, rows[40]) == 100);
  CHECK(parent_output(trace, rows[10]) == 40);
  CHECK(rows[16].parent == -1);
  // The CSV has what tools took; recorded rounds from the last of an answer to the last of the next input.
  CHECK(rows[40].think_s == 2);
  CHECK(rows[10].think_s == (csv ? 0.0005 : 30));
  CHECK(rows[100].arrived_at_s == (csv ? 0.5 : 0));
  CHECK(rows[16].arrived_at_s == (csv ? 1.5 : 0));
  CHECK(blocks_alike(trace, 100, 40) == 1100 / 16);  // all of prompt and output
  CHECK(blocks_alike(trace, 40, 10) == 640 / 16);
  CHECK(blocks_alike(trace, 100, 10) == 640 / 16);
  CHECK(blocks_alike(trace, 100, 16) == 0);  // a context that was there before is the session's own
}

TEST_CASE("agent traces: no round keeps more than was said", "[traces]") {
  SessionContext context;
  const auto total = [](std::span<const HashIds::IdRun> runs) {
    std::int64_t all = 0;
    for (const HashIds::IdRun& run : runs) all += run.count;
    return all;
  };
  CHECK(total(context.go_on(50, 60, 4)) == 4);
  const auto more = context.go_on(1000, 1100, 4);
  CHECK(total(more) == 69);
  REQUIRE(more.size() == 2);
  CHECK(more[0].first == 0);
  CHECK(more[0].count == 4);
  CHECK(more[1].first == 4);
  const auto less = context.go_on(20, 30, 2);  // one whole block of it
  REQUIRE(less.size() == 2);
  CHECK(less[0].count == 1);
  CHECK(less[1].first == 69);
  CHECK(less[1].count == 1);
  CHECK(context.num_rounds() == 3);
}

TEST_CASE("agent traces: what is wrong with TraceLab's rounds is said with its place", "[traces]") {
  const std::string csv = agent_fixture("tracelab.csv");
  CHECK_THAT(agent_error(with_edit(csv, ",1,0.5", ",2,0.5")),
             Contains("/t:3:5 'round_idx': must be 1: the rounds of a session come in order, from 0 on (found '2')"));
  CHECK_THAT(agent_error(with_edit(csv, "s1,60", ",60")), Contains("/t:3:1 'id': must name the session"));
  CHECK_THAT(agent_error(with_edit(csv, "s1,60", "s1,-60")),
             Contains("/t:3:2 'input_len': must be from 0 to 100000000 tokens"));
  CHECK_THAT(agent_error(with_edit(csv, "s1,60", "s1,x")), Contains("/t:3:2 'input_len'"));
  CHECK_THAT(agent_error(with_edit(csv, ",40,", ",1.5,")), Contains("/t:3:3 'output_len'"));
  CHECK_THAT(agent_error(with_edit(csv, "1500.0", "-1500.0")), Contains("/t:5:4 'arrival_time': must be from 0"));
  CHECK_THAT(agent_error(with_edit(csv, "2000.0", "-2000.0")),
             Contains("/t:2:6 'tool_wait_after_ms': must be a time from 0 up"));
  CHECK_THAT(agent_error(with_edit(csv, "2000.0", "nan")), Contains("/t:2:6 'tool_wait_after_ms'"));
  CHECK_THAT(agent_error(with_edit(csv, ",1100", ",-1")),
             Contains("/t:3:7 'prefix_len': must be from 0 to 100000000 tokens"));
  for (const std::string column : {"input_len", "output_len", "round_idx", "tool_wait_after_ms", "prefix_len"}) {
    CHECK_THAT(agent_error(with_edit(csv, column, "elsewhere")),
               Contains(fmt::format("'{}' is missing", column)) && Contains("/t:1"));
  }
  CHECK(agent_error(with_edit(with_edit(csv, "id,", "session_id,"), "arrival_time", "unused")).empty());

  const std::string json = agent_fixture("tracelab.jsonl");
  CHECK_THAT(agent_error(with_edit(json, "\"input_tokens_total\": 1160", "\"input_tokens_total\": 1161")),
             Contains("/t:2:") &&
                 Contains("'input_tokens_total': must be prefix_tokens + newly_append_tokens, 1160 (found '1161')"));
  for (const std::string key : {"prefix_tokens", "newly_append_tokens", "output_tokens"}) {
    const std::string quoted = "\"" + key + "\": ";
    for (const std::string value : {"-1", "1.5", "null", "\"7\"", "[7]", "99999999999"}) {
      INFO(key << " " << value);
      CHECK_THAT(agent_error(with_edit(json, quoted, quoted + value + ", \"was\": ", 1)),
                 Contains("/t:2:") && Contains("'" + key + "'"));
    }
  }
  CHECK_THAT(agent_error(with_edit(json, "\"prefix_tokens\"", "\"elsewhere\"", 2)),
             Contains("/t:3: the key 'prefix_tokens' is missing"));
  CHECK_THAT(agent_error(with_edit(json, "\"s2\"", "7")),
             Contains("/t:3:") && Contains("'session_id': must be text (found '7')"));
  CHECK_THAT(agent_error(with_edit(json, "\"s2\"", "\"\"")), Contains("'session_id': must name the session"));
  CHECK_THAT(agent_error(with_edit(json, "2026-05-01T00:00:02Z", "soon")),
             Contains("/t:3:") && Contains("'timing_events': must have timestamps"));
  CHECK_THAT(agent_error(with_edit(json, "\"timing_events\": [", "\"timing_events\": [7, ", 2)),
             Contains("'timing_events': must be a list of events"));
  CHECK_THAT(agent_error(with_edit(json, "\"event_type\": \"text\"", "\"event_type\": 7")),
             Contains("'timing_events': must be a list of events"));
  CHECK_THAT(agent_error(json + "{\n"), Contains("/t:5: not JSON"));
  CHECK_THAT(agent_error(json + "[1]\n"), Contains("/t:5: must be a JSON object"));
}
