// Trace files and trace models: what is read, and what errors say.
#include <catch2/catch.hpp>

#include "core/workload/fit.hpp"
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

TEST_CASE("workload files: Vidur's CSV") {
  const ScratchFolder folder;
  const auto rows = read_trace(folder.write("t.csv", std::string(kVidur) + "0.5,10,2\n0.5,1,1\n1e1,3,4\n")).rows;
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].arrived_at_s == 0.5);
  CHECK(rows[0].num_prefill_tokens == 10);
  CHECK(rows[0].num_decode_tokens == 2);
  CHECK(rows[2].arrived_at_s == 10.0);
}

TEST_CASE("workload files: columns are found by name") {
  const ScratchFolder folder;
  const auto rows =
      read_trace(folder.write("t.csv", "id,num_decode_tokens,arrived_at,num_prefill_tokens\nx,7,0.25,9\n")).rows;
  CHECK(rows.at(0).num_decode_tokens == 7);
  CHECK(rows.at(0).num_prefill_tokens == 9);
  CHECK(rows.at(0).arrived_at_s == 0.25);
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
  const std::string json = fit_trace_model(trace);
  CHECK(json == fit_trace_model(trace));
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
  const std::string good = fit_trace_model(folder.write("t.csv", std::string(kVidur) + "1,5,6\n2,7,8\n3,9,10\n"));
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
  CHECK_THAT(error_of([&] { fit_trace_model(folder.write("one.csv", std::string(kVidur) + "1,5,6\n")); }),
             Contains("one.csv") && Contains("at least 2"));
}

}  // namespace
}  // namespace switchyard
