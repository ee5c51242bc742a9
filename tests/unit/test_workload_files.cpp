// Trace files and trace models: what is read, and what errors say.
#include <catch2/catch.hpp>

#include "core/workload/derive.hpp"
#include "core/workload/known_traces.hpp"
#include "core/workload/trace_file.hpp"
#include "core/workload/trace_model.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

using Catch::Matchers::Contains;

constexpr std::string_view kVidur = "arrived_at,num_prefill_tokens,num_decode_tokens\n";
constexpr std::string_view kAzure = "TIMESTAMP,ContextTokens,GeneratedTokens\n";

TEST_CASE("workload files: Vidur's CSV") {
  const ScratchFolder folder;
  const auto rows = read_trace(folder.write("t.csv", std::string(kVidur) + "0.5,10,2\n0.5,1,1\n1e1,3,4\n"));
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].arrived_at_s == 0.5);
  CHECK(rows[0].num_prefill_tokens == 10);
  CHECK(rows[0].num_decode_tokens == 2);
  CHECK(rows[2].arrived_at_s == 10.0);
}

TEST_CASE("workload files: columns are found by name") {
  const ScratchFolder folder;
  const auto rows =
      read_trace(folder.write("t.csv", "id,num_decode_tokens,arrived_at,num_prefill_tokens\nx,7,0.25,9\n"));
  CHECK(rows.at(0).num_decode_tokens == 7);
  CHECK(rows.at(0).num_prefill_tokens == 9);
  CHECK(rows.at(0).arrived_at_s == 0.25);
}

TEST_CASE("workload files: Azure's CSV, arrivals since the first") {
  const ScratchFolder folder;
  const auto rows = read_trace(folder.write("t.csv", std::string(kAzure) + "2023-11-16 23:59:59.9799600,374,44\n"
                                                                           "2023-11-17 00:00:00.0000001,12,3\n"
                                                                           "2023-11-17T00:01:00,5,6\n"
                                                                           "2023-12-01 00:00:00+00:00,5,6\n"));
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].arrived_at_s == 0.0);
  CHECK(rows[0].num_prefill_tokens == 374);
  CHECK(rows[1].arrived_at_s == 0.0200401);
  CHECK(rows[2].arrived_at_s == 60.02004);
  CHECK(rows[3].arrived_at_s == Approx(14 * 86400 + 0.02004));
}

TEST_CASE("workload files: errors name the field") {
  const ScratchFolder folder;
  const auto error = [&](std::string_view header, std::string_view rows) {
    return error_of([&] { read_trace(folder.write("t.csv", std::string(header) + std::string(rows))); });
  };
  CHECK_THAT(error(kVidur, ""), Contains("t.csv:1") && Contains("no rows"));
  CHECK_THAT(error(kVidur, "1,1,1\n0.5,1,1\n"), Contains("t.csv:3:1 'arrived_at'") && Contains("(found '0.5')"));
  CHECK_THAT(error(kVidur, "-1,1,1\n"), Contains("t.csv:2:1 'arrived_at'") && Contains("(found '-1')"));
  CHECK_THAT(error(kVidur, "nan,1,1\n"), Contains("t.csv:2:1 'arrived_at'") && Contains("finite"));
  CHECK_THAT(error(kVidur, "1e12,1,1\n"), Contains("t.csv:2:1 'arrived_at'"));
  CHECK_THAT(error(kVidur, "1,0,1\n"), Contains("t.csv:2:2 'num_prefill_tokens'") && Contains("(found '0')"));
  CHECK_THAT(error(kVidur, "1,1,0\n"), Contains("t.csv:2:3 'num_decode_tokens'"));
  CHECK_THAT(error(kVidur, "1,1,-4\n"), Contains("t.csv:2:3 'num_decode_tokens'"));
  CHECK_THAT(error(kVidur, "1,1,1.5\n"), Contains("t.csv:2:3 'num_decode_tokens'") && Contains("whole"));
  CHECK_THAT(error(kVidur, "1,1,99999999999\n"), Contains("t.csv:2:3 'num_decode_tokens'"));
  CHECK_THAT(error(kVidur, "1,1,1\n2,1"), Contains("t.csv:3") && Contains("truncated"));
  CHECK_THAT(error("arrived,num_prefill_tokens,num_decode_tokens\n", "1,1,1\n"),
             Contains("t.csv:1") && Contains("'arrived_at'") && Contains("'arrived'"));
  CHECK_THAT(error(kAzure, "2023-11-16 18:17:03,1,0\n"), Contains("t.csv:2:3 'GeneratedTokens'"));
  for (const std::string_view time :
       {"yesterday", "2023-02-30 00:00:00", "2023-11-16 24:00:00", "2023-11-16 18:17:03.x", "2023-11-16", "18:17:03",
        "2023-11-16 18:17:03+02:00", "-023-11-16 18:17:03"}) {
    CHECK_THAT(error(kAzure, std::string(time) + ",1,1\n"), Contains("t.csv:2:1 'TIMESTAMP'"));
  }
  CHECK_THAT(error(kAzure, "2023-11-16 18:17:03,1,1\n2023-11-16 18:17:02,1,1\n"), Contains("t.csv:3:1 'TIMESTAMP'"));
}

TEST_CASE("workload files: a known trace without the data folder comes from its embedded model") {
  const ScopedEnvironment no_data("SWITCHYARD_DATA", "");
  const auto [name, size] = GENERATE(
      table<std::string, std::size_t>({{"azure-conv", std::size_t{19366}}, {"azure-code", std::size_t{8819}}}));
  const TraceRows trace = load_trace(name);
  CHECK(trace.source == "embedded " + name);
  CHECK(trace.rows.size() == size);
  double last = 0;
  bool sound = true;
  for (const RawRequest& row : trace.rows) {
    sound = sound && row.arrived_at_s >= last && row.num_prefill_tokens > 0 && row.num_decode_tokens > 0;
    last = row.arrived_at_s;
  }
  CHECK(sound);
  CHECK_THAT(error_of([] { load_trace("azure-cnov"); }), Contains("'azure-cnov'") && Contains("mean 'azure-conv'"));
  CHECK_THAT(error_of([] { load_trace("none/trace.csv"); }), Contains("none/trace.csv"));
}

TEST_CASE("workload files: a model has the figures of the trace that it was derived from") {
  const ScratchFolder folder;
  std::string text(kVidur);
  for (int i = 0; i < 1000; ++i) {  // two rates; long prompts have short outputs
    const double time = i < 500 ? i * 0.1 : 50 + (i - 500) * 0.01;
    text += std::to_string(time) + (i % 2 ? ",100,50\n" : ",1000,5\n");
  }
  const std::filesystem::path trace = folder.write("two.csv", text);
  const std::string json = derive_length_model(trace);
  CHECK(json == derive_length_model(trace));
  const TraceModel model(JsonFile(folder.write("two.json", json)));
  CHECK(model.derived_from() == "two.csv");
  const std::vector<RawRequest> rows = model.rows();
  REQUIRE(rows.size() == 1000);
  int early = 0, mixed = 0, long_prompts = 0;
  for (const RawRequest& row : rows) {
    early += row.arrived_at_s < 49.95;
    long_prompts += row.num_prefill_tokens == 1000;
    mixed += row.num_prefill_tokens == 1000 ? row.num_decode_tokens != 5 : row.num_decode_tokens != 50;
  }
  CHECK(early == Approx(500).margin(3));
  CHECK(long_prompts == Approx(500).margin(8));
  CHECK(mixed <= 32);  // the quantiles around the middle, where one length turns into the other
  CHECK(rows.back().arrived_at_s == Approx(54.99));
  const TraceRows loaded = load_trace((folder.path() / "two.json").string());
  CHECK(loaded.source == "two.json");
  CHECK(loaded.rows.size() == 1000);
}

TEST_CASE("workload files: errors of trace models say where") {
  const ScratchFolder folder;
  const std::string good = derive_length_model(folder.write("t.csv", std::string(kVidur) + "1,5,6\n2,7,8\n3,9,10\n"));
  const auto error = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    return error_of([&] { TraceModel(JsonFile("m.json", text)); });
  };
  CHECK(error("model 1", "model 1").empty());
  CHECK_THAT(error("model 1", "model 9"), Contains("m.json:2:1") && Contains("switchyard trace model 1"));
  CHECK_THAT(error("\"t.csv\"", "7"), Contains("m.json:3:1") && Contains("derived_from"));
  CHECK_THAT(error("prompt_quantiles", "prompt_quantile"), Contains("prompt_quantiles"));
  CHECK_THAT(error("[\n  5,", "[\n  -5,"), Contains("m.json:5:3") && Contains("(found '-5')"));
  CHECK_THAT(error("[\n  5,", "[\n  50,"), Contains("m.json:5:6") && Contains("fall"));
  CHECK_THAT(error("[\n  5,", "[\n  "), Contains("prompt_quantiles"));
  CHECK_THAT(error("[[", "[[0,"), Contains("counts"));
  CHECK_THAT(error("[2,3]", "[1,3]"), Contains("arrivals"));
  CHECK_THAT(error("[2,3]", "[2,0.5]"), Contains("arrivals") && Contains("0.5"));
  CHECK_THAT(error("[2,3]", "[4,3]"), Contains("must end at request 2"));
  CHECK_THAT(error("[2,3]", "[9223372036854775807,3]"), Contains("must end at request 2"));
  CHECK_THAT(error_of([] { TraceModel(JsonFile("m.json", "[]")); }), Contains("not a trace model"));
  CHECK_THAT(error_of([&] { derive_length_model(folder.write("one.csv", std::string(kVidur) + "1,5,6\n")); }),
             Contains("one.csv") && Contains("at least 2"));
}

}  // namespace
}  // namespace switchyard
