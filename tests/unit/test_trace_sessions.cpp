// Sessions of traces: who goes on with whom, when, and what is known of outputs; and what is wrong with a file.
#include <fmt/format.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "core/workload/spec.hpp"
#include "core/workload/trace_file.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;
using Catch::Contains;

namespace {

TraceFile read(const std::string& text) {
  const ScratchFolder scratch;
  return read_trace(scratch.write("t", text));
}
std::string complaint(const std::string& text) {
  return error_of([&] { read(text); });
}

constexpr const char* kBailian =
    R"({"chat_id":1,"parent_chat_id":-1,"timestamp":0,"input_length":40,"output_length":30,"type":"text","turn":1,"hash_ids":[10,11,12]}
{"chat_id":2,"parent_chat_id":-1,"timestamp":5,"input_length":20,"output_length":3,"type":"text","turn":1,"hash_ids":[20,21]}
{"chat_id":3,"parent_chat_id":1,"timestamp":60,"input_length":90,"output_length":5,"type":"text","turn":2,"hash_ids":[10,11,30,31,32,33]}
{"chat_id":4,"parent_chat_id":2,"timestamp":61,"input_length":40,"output_length":5,"type":"text","turn":2,"hash_ids":[50,51,52]}
)";

constexpr const char* kAgents =
    R"({"session":"a","block_size":64,"t":0.0,"type":"n","in":200,"out":70,"think_time":0.0,"api_time":3.0,"id_ranges":[[1,3]]}
{"session":"a","block_size":64,"t":12.0,"type":"n","in":330,"out":10,"think_time":8.5,"api_time":1.0,"id_ranges":[[1,4],[9,1]]}
{"session":"a","block_size":64,"t":0.0,"type":"n","in":130,"out":4,"think_time":0.0,"api_time":1.0,"id_ranges":[[20,2]],"sub":"x"}
{"session":"b","block_size":64,"t":0.0,"type":"n","in":130,"out":4,"id_ranges":[[1,2]],"api_time":2}
{"session":"b","block_size":64,"t":7.0,"type":"n","in":130,"out":4,"id_ranges":[[1,2]]}
)";

}  // namespace

TEST_CASE("trace sessions: Mooncake's session_id and delay", "[traces]") {
  const TraceFile trace = read(
      R"({"session_id":"x","timestamp":1000,"input_length":600,"output_length":5,"hash_ids":[1,2]}
{"session_id":"x","delay":2500,"input_length":1100,"output_length":6,"hash_ids":[1,2,3]}
{"session_id":7,"timestamp":1000,"input_length":10,"output_length":7,"hash_ids":[4]}
{"session_id":7,"timestamp":1500,"delay":100,"input_length":20,"output_length":8,"hash_ids":[4]}
)");
  CHECK(trace.format == TraceFormat::mooncake);
  CHECK(trace.sessions.says_thinks);
  CHECK_FALSE(trace.sessions.own_clocks);
  REQUIRE(trace.rows.size() == 4);
  CHECK(trace.rows[0].num_decode_tokens == 5);  // sorted by arrival
  CHECK(trace.rows[1].num_decode_tokens == 7);
  CHECK(trace.rows[2].num_decode_tokens == 8);
  CHECK(trace.rows[3].num_decode_tokens == 6);
  CHECK(trace.rows[3].parent == 0);
  CHECK(trace.rows[3].think_s == 2.5);
  CHECK(trace.rows[3].arrived_at_s == 2.5);
  CHECK(trace.rows[2].parent == 1);
  CHECK(trace.rows[2].think_s == Approx(0.1));
  CHECK(trace.rows[2].arrived_at_s == 0.5);
  CHECK(trace.rows[0].session == trace.rows[3].session);
  CHECK(trace.rows[0].session != trace.rows[1].session);
}

TEST_CASE("trace sessions: a session whose first rows failed begins after them", "[traces]") {
  const TraceFile trace = read(
      R"({"session_id":"w","timestamp":1000,"input_length":600,"output_length":4,"hash_ids":[1,2]}
{"session_id":"x","timestamp":3000,"input_length":600,"output_length":0}
{"session_id":"x","delay":500,"input_length":0,"output_length":3}
{"session_id":"x","delay":2500,"input_length":1100,"output_length":6}
{"session_id":"x","delay":1000,"input_length":1200,"output_length":7}
)");
  CHECK(trace.num_failed == 2);
  REQUIRE(trace.rows.size() == 3);
  CHECK(trace.rows[1].parent == -1);
  CHECK(trace.rows[1].arrived_at_s == 5);  // 2 s after the file's first row, and the two delays
  CHECK(trace.rows[2].parent == 1);
  CHECK(trace.rows[2].think_s == 1);
  CHECK(trace.rows[2].arrived_at_s == 6);
  CHECK(trace.rows[1].session == trace.rows[2].session);
  CHECK(trace.rows[0].session != trace.rows[1].session);
}

TEST_CASE("trace sessions: Bailian's parents, whose outputs their children show", "[traces]") {
  const TraceFile trace = read(kBailian);
  CHECK(trace.format == TraceFormat::bailian);
  CHECK_FALSE(trace.sessions.says_thinks);
  REQUIRE(trace.rows.size() == 4);
  CHECK(trace.rows[0].parent == -1);
  CHECK(trace.rows[2].parent == 0);
  CHECK(trace.rows[2].think_s == 60);
  CHECK(trace.rows[3].parent == 1);
  // 40 + 30 tokens, of which four blocks are whole; two of them are the prompt's, and the child's prompt has the
  // others.
  CHECK(trace.rows[0].num_hashed_tokens == 64);
  const Workload workload = make_workload("b", trace.rows, trace.content);
  std::vector<std::uint64_t> parent, child;
  workload.content.append_block_names(0, 16, parent);
  workload.content.append_block_names(2, 16, child);
  REQUIRE(parent.size() == 4);
  CHECK(std::equal(parent.begin(), parent.end(), child.begin()));
  // The fourth does not begin as the second does: nothing is known of that output.
  CHECK(trace.rows[1].num_hashed_tokens == 20);
}

TEST_CASE("trace sessions: a coding agent's, with clocks of their own", "[traces]") {
  const TraceFile trace = read(kAgents);
  CHECK(trace.format == TraceFormat::agents);
  CHECK(trace.sessions.says_thinks);
  CHECK(trace.sessions.own_clocks);
  CHECK(trace.content.hash_id_tokens == 64);
  REQUIRE(trace.rows.size() == 5);
  std::vector<const RawRequest*> a, b;
  for (const RawRequest& row : trace.rows) (row.session == trace.rows[0].session ? a : b).push_back(&row);
  REQUIRE(a.size() == 3);
  CHECK(a[1]->think_s == 8.5);
  CHECK(a[2]->think_s == 0);  // the sub-agent's
  CHECK(a[2]->parent >= 0);
  CHECK(b[1]->think_s == 5);  // 7 s less the 2 s that the turn before took
  // 200 + 70 tokens: the child shows the fourth block, of which all tokens are known.
  CHECK(a[0]->num_hashed_tokens == 256);
  const Workload workload = make_workload("a", trace.rows, trace.content);
  std::vector<std::uint64_t> of_a, of_b;
  workload.content.append_block_names(static_cast<std::size_t>(a[0] - trace.rows.data()), 64, of_a);
  workload.content.append_block_names(static_cast<std::size_t>(b[0] - trace.rows.data()), 64, of_b);
  CHECK(of_a[0] != of_b[0]);  // ids are the session's own
}

TEST_CASE("trace sessions: sessions whose system prompt and tools have the same sizes begin alike", "[traces]") {
  const std::string both = R"("block_size":64,"t":0,"in":300,"out":4,"id_ranges":[[1,4]],"tool_tokens":100,)";
  const TraceFile trace = read("{\"session\":\"a\"," + both + "\"system_tokens\":60}\n{\"session\":\"b\"," + both +
                               "\"system_tokens\":60}\n{\"session\":\"c\"," + both + "\"system_tokens\":61}\n");
  const Workload workload = make_workload("a", trace.rows, trace.content);
  std::vector<std::vector<std::uint64_t>> names(3);
  for (std::size_t i = 0; i < 3; ++i) workload.content.append_block_names(i, 64, names[i]);
  CHECK(names[0][1] == names[1][1]);
  CHECK(names[0][2] != names[1][2]);
  CHECK(names[0][0] != names[2][0]);
}

TEST_CASE("trace sessions: what is wrong is said with its place", "[traces]") {
  const std::string mooncake = R"({"session_id":"x","timestamp":0,"input_length":6,"output_length":5,"hash_ids":[1]})";
  CHECK_THAT(complaint(R"({"session_id":"x","timestamp":0,"input_length":6,"output_length":5,"hash_ids":[1]})"
                       "\n"
                       R"({"session_id":"y","delay":5,"input_length":6,"output_length":5,"hash_ids":[1]})"),
             Contains("/t:2:") && Contains("'session_id': the first row of a session must say when it arrives"));
  CHECK_THAT(complaint(mooncake + "\n" + R"({"session_id":"x","delay":-5,"input_length":6,"output_length":5})"),
             Contains("/t:2:") && Contains("'delay': must be a number from 0 up (found '-5"));
  CHECK_THAT(complaint(mooncake + "\n" + R"({"session_id":"x","delay":"a","input_length":6,"output_length":5})"),
             Contains("'delay'"));
  CHECK_THAT(complaint(mooncake + "\n" + R"({"session_id":[1],"delay":1,"input_length":6,"output_length":5})"),
             Contains("'session_id': must be text"));
  CHECK_THAT(complaint(mooncake + "\n" + R"({"session_id":"x","input_length":6,"output_length":5})"),
             Contains("the key 'timestamp' is missing"));
  CHECK_THAT(complaint(R"({"session_id":"x","timestamp":9,"input_length":6,"output_length":5})"
                       "\n"
                       R"({"session_id":"x","timestamp":8,"input_length":6,"output_length":5})"),
             Contains("'timestamp'") || Contains("unit"));
  const std::string chat = R"("timestamp":0,"input_length":6,"output_length":5})";
  CHECK_THAT(complaint(R"({"chat_id":3,"parent_chat_id":3,)" + chat),
             Contains("'parent_chat_id': must be an earlier chat than the row's own, 3"));
  CHECK_THAT(complaint(R"({"chat_id":3,"parent_chat_id":"a",)" + chat), Contains("'parent_chat_id'"));
  CHECK_THAT(complaint(R"({"chat_id":3,"parent_chat_id":-2,)" + chat), Contains("'parent_chat_id'"));
  const auto agents = [](const std::string& session, const std::string& block, const std::string& ranges) {
    return "{\"session\":" + session + ",\"block_size\":" + block +
           ",\"t\":0,\"in\":128,\"out\":4,\"id_ranges\":" + ranges + "}";
  };
  CHECK(complaint(agents("\"a\"", "64", "[[1,2]]")).empty());
  CHECK_THAT(complaint(agents("\"a\"", "64", "[[1,5]]")), Contains("'id_ranges': must be 2 ids for 128 tokens"));
  CHECK_THAT(complaint(agents("\"a\"", "64", "[[1]]")), Contains("'id_ranges': must be a list of pairs"));
  CHECK_THAT(complaint(agents("\"a\"", "64", "[1,2]")), Contains("'id_ranges': must be a list of pairs"));
  CHECK_THAT(complaint(agents("\"a\"", "64", "[[1,-2]]")), Contains("'id_ranges'"));
  CHECK_THAT(complaint(agents("\"a\"", "64", "[[1,99999999999]]")), Contains("'id_ranges'"));
  CHECK_THAT(complaint(agents("\"a\"", "0", "[[1,2]]")), Contains("'block_size'"));
  CHECK_THAT(complaint(agents("\"a\"", "64", "[[1,2]]") + "\n" + agents("\"a\"", "32", "[[1,4]]")),
             Contains("/t:2:") && Contains("'block_size': must be the same in all rows (found '32')"));
  CHECK_THAT(complaint(agents("{}", "64", "[[1,2]]")), Contains("'session'"));
  CHECK_THAT(complaint(R"({"session":"a","block_size":64,"t":0,"in":128,"id_ranges":[[1,2]]})"),
             Contains("the key 'out' is missing; lines of a agent sessions trace have t, in, out, session"));
}

TEST_CASE("trace sessions: closed where the trace says how long users took, else as recorded", "[traces]") {
  const ScratchFolder scratch;
  WorkloadSpec spec;
  spec.trace = scratch.write("b.jsonl", kBailian).string();
  const auto trace = trace_of(spec);
  CHECK(make_rows(spec, trace.get(), 0, 100'000).rows[2].parent == -1);
  CHECK(make_rows(spec, trace.get(), 0, 100'000).rows[2].session == 0);
  spec.turn_arrivals = TurnArrivals::closed;
  CHECK(make_rows(spec, trace.get(), 0, 100'000).rows[2].parent == 0);
  const Workload closed = make_workload(spec, trace.get(), 0, 100'000);
  CHECK(closed.requests[2].arrived_at == kNever);
  CHECK(closed.requests[2].session == closed.requests[0].session);
  spec = {};
  spec.trace = scratch.write("a.jsonl", kAgents).string();
  CHECK_THAT(error_of([&] { make_rows(spec, trace_of(spec).get(), 0, 100'000); }),
             Contains("does not say when its sessions began"));
}

TEST_CASE("trace sessions: drawn whole, from the half that a seed may see, own content anew", "[traces]") {
  const ScratchFolder scratch;
  WorkloadSpec spec;
  spec.trace = scratch.write("a.jsonl", kAgents).string();
  spec.arrivals = ArrivalKind::poisson;
  spec.lengths = LengthKind::sessions;
  spec.qps = 1;
  spec.num_requests = 20;
  spec.think_max_s = 6;
  const auto trace = trace_of(spec);
  const WorkloadRows training = make_rows(spec, trace.get(), 1, 100'000);
  CHECK(training.rows.size() == 60);  // session a, three requests each
  const WorkloadRows held_out = make_rows(spec, trace.get(), 101, 100'000);
  CHECK(held_out.rows.size() == 40);  // session b
  for (const RawRequest& row : training.rows) CHECK(row.think_s <= 6);
  const Workload workload = make_workload("a", training.rows, trace->content);
  std::vector<std::uint64_t> firsts;
  for (std::size_t i = 0; i < training.rows.size(); ++i) {
    std::vector<std::uint64_t> names;
    workload.content.append_block_names(i, 64, names);
    const RawRequest& row = training.rows[i];
    if (row.parent < 0) {
      firsts.push_back(names[0]);
    } else if (row.num_prefill_tokens == 330) {  // the second turn, which goes on with the first one of its copy
      std::vector<std::uint64_t> before;
      workload.content.append_block_names(static_cast<std::size_t>(row.parent), 64, before);
      CHECK(before.size() == 4);
      CHECK(std::equal(before.begin(), before.end(), names.begin()));
    }
  }
  std::sort(firsts.begin(), firsts.end());
  CHECK(firsts.size() == 20);
  CHECK(std::adjacent_find(firsts.begin(), firsts.end()) == firsts.end());  // no copy has another one's content
  spec.turns_max = 2;
  CHECK(make_rows(spec, trace.get(), 1, 100'000).rows.size() == 40);
  spec.sessions_at_start = 10;
  const WorkloadRows more = make_rows(spec, trace.get(), 1, 100'000);
  CHECK(std::count_if(more.rows.begin(), more.rows.end(), [](const RawRequest& row) { return row.counted; }) == 40);
  CHECK(more.rows.size() >= 50);
  spec.arrivals = ArrivalKind::trace;
  CHECK_THAT(error_of([&] { make_rows(spec, trace.get(), 1, 100'000); }), Contains("--lengths: sessions are drawn"));
}

TEST_CASE("trace sessions: a million rows with ids, of a quarter of a million sessions, load in 400 MB", "[traces]") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  WARN("SKIPPED: sanitizers keep memory of their own");
#else
  const ScratchFolder scratch;
  const std::filesystem::path file = scratch.write("million.jsonl", "");
  {
    std::ofstream out(file);
    std::string text;
    for (int i = 0; i < 1'000'000; ++i) {
      const int turn = i / 250'000, session = i % 250'000;  // turns of one session lie far apart
      text += fmt::format(
          "{{\"session_id\":\"s{}\",\"timestamp\":{},\"input_length\":{},\"output_length\":9,\"hash_ids\":[0", session,
          10L * i, 512 * (2 + 2 * turn));
      for (int id = 0; id <= 2 * turn; ++id) text += fmt::format(",{}", 1 + 10 * session + id);
      text += "]}\n";
      if (text.size() > 1'000'000) {
        out << text;
        text.clear();
      }
    }
    out << text;
  }
  const TraceFile trace = read_trace(file);
  CHECK(trace.rows.size() == 1'000'000);
  CHECK(trace.rows[999'999].parent == 749'999);
  CHECK(trace.content.ids.num_names() == 1 + 7 * 250'000);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  CHECK(usage.ru_maxrss <= 400'000);  // kB
#endif
}

TEST_CASE("trace sessions: a bootstrap takes sessions whole", "[traces]") {
  std::string text;
  for (int i = 0; i < 300; ++i) {
    const int at = 2 * i;
    text += "{\"arrived_at\":" + std::to_string(at) +
            ",\"num_prefill_tokens\":32,\"num_decode_tokens\":16,\"session_id\":" + std::to_string(i) +
            ",\"hash_ids\":[1," + std::to_string(100 + i) + "]}\n";
    text += "{\"num_prefill_tokens\":64,\"num_decode_tokens\":16,\"delay\":90,\"session_id\":" + std::to_string(i) +
            ",\"hash_ids\":[1," + std::to_string(100 + i) + "," + std::to_string(1000 + i) + "," +
            std::to_string(2000 + i) + "]}\n";
  }
  const ScratchFolder scratch;
  WorkloadSpec spec;
  spec.trace = scratch.write("s.jsonl", text).string();
  const auto trace = trace_of(spec);
  const WorkloadRows drawn = make_rows(spec, trace.get(), 3, 100'000);
  CHECK(drawn.rows.size() > 400);
  const Workload workload = make_workload("s", drawn.rows, trace->content);
  std::vector<std::uint64_t> firsts;
  for (std::size_t i = 0; i < drawn.rows.size(); ++i) {
    const RawRequest& row = drawn.rows[i];
    std::vector<std::uint64_t> names;
    workload.content.append_block_names(i, 16, names);
    if (row.parent < 0) {
      CHECK(row.num_prefill_tokens == 32);
      firsts.push_back(names[1]);
      continue;
    }
    std::vector<std::uint64_t> before;
    workload.content.append_block_names(static_cast<std::size_t>(row.parent), 16, before);
    CHECK(names[0] == before[0]);  // shared by all
    CHECK(names[1] == before[1]);  // the session's
    CHECK(drawn.rows[static_cast<std::size_t>(row.parent)].session == row.session);
  }
  CHECK(2 * firsts.size() == drawn.rows.size());
  std::sort(firsts.begin(), firsts.end());
  CHECK(std::adjacent_find(firsts.begin(), firsts.end()) == firsts.end());
}
