#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "core/input/error.hpp"
#include "core/input/json_file.hpp"
#include "core/scenario/experiment.hpp"
#include "core/scenario/fields.hpp"
#include "tests/support/errors.hpp"

using namespace switchyard;

namespace {

const ScenarioField& field_of(const std::string& flag) {
  for (const ScenarioField& field : scenario_fields()) {
    if (field.flag == flag) return field;
  }
  throw std::out_of_range(flag);
}

// A value that the field allows and that is not its default.
nlohmann::json other_value(const ScenarioField& field) {
  const nlohmann::json is = field.get(Scenario{});
  switch (field.kind) {
    case FieldKind::text:
      return "something";
    case FieldKind::integer:
      return is == std::min(77.0, field.high) ? 3 : static_cast<int>(std::min(77.0, field.high));
    case FieldKind::real:
      return is == field.high ? (field.low + field.high) / 2 : field.high;
    case FieldKind::choice:
      return field.choices.back() == is ? field.choices.front() : field.choices.back();
    case FieldKind::on_off:
      return !is.get<bool>();
    case FieldKind::seeds:
      return "3-5,9";
    case FieldKind::groups:
      return nlohmann::json::array({{{"count", 5}}});
  }
  return nullptr;
}

Scenario parse(const std::string& text) { return parse_scenario(JsonFile("s.json", text)); }

}  // namespace

TEST_CASE("scenario: every field has one key, one flag, a doc, and survives a round trip through JSON", "[scenario]") {
  std::set<std::string> flags, keys;
  for (const ScenarioField& field : scenario_fields()) {
    INFO(field.section << "." << field.key);
    CHECK(flags.insert(field.flag).second);
    CHECK(keys.insert(field.section + "." + field.key).second);
    CHECK_FALSE(field.doc.empty());
    CHECK(field.doc.find('\n') == std::string::npos);
    Scenario changed;
    if (!field.engines.has(changed.replica_scheduler)) {
      changed.replica_scheduler = field.engines.has(EngineKind::sarathi) ? EngineKind::sarathi : EngineKind::vllm_v0;
    }
    const nlohmann::json value = other_value(field);
    REQUIRE(value != field.get(changed));
    set_field(field, changed, value, "test");
    CHECK(field.get(changed) == value);
    CHECK(field.get(parse(scenario_json(changed))) == value);
    CHECK(scenario_json(parse(scenario_json(changed))) == scenario_json(changed));
  }
}

TEST_CASE("scenario: numbers outside their range are refused, by name", "[scenario]") {
  for (const ScenarioField& field : scenario_fields()) {
    if (field.kind != FieldKind::integer && field.kind != FieldKind::real) continue;
    INFO(field.flag);
    Scenario scenario;
    set_field(field, scenario,
              field.low == std::floor(field.low) ? nlohmann::json(std::int64_t(field.low)) : nlohmann::json(field.low),
              "test");
    CHECK_THROWS_AS(set_field_from_text(field, scenario, fmt::format("{}", field.low - 1), "--x"), InputError);
    CHECK_THROWS_AS(set_field_from_text(field, scenario, fmt::format("{:.0f}", field.high * 2), "--x"), InputError);
    CHECK_THROWS_AS(set_field_from_text(field, scenario, "nan", "--x"), InputError);
    CHECK_THROWS_AS(set_field_from_text(field, scenario, "1x", "--x"), InputError);
    CHECK_THROWS_AS(set_field_from_text(field, scenario, "", "--x"), InputError);
  }
}

TEST_CASE("scenario: the published schema is what the code generates", "[scenario]") {
  std::ifstream in(std::string(SWITCHYARD_SOURCE_DIR) + "/bench/scenarios/scenario.schema.json");
  std::ostringstream text;
  text << in.rdbuf();
  // If this fails: switchyard schema scenario > bench/scenarios/scenario.schema.json
  CHECK(text.str() == scenario_schema());
}

TEST_CASE("scenario: the built-in ones are those of bench/scenarios", "[scenario]") {
  std::vector<std::string> names;
  for (const EmbeddedScenario& embedded : embedded_scenarios()) {
    names.push_back(embedded.name);
    const Scenario scenario = load_scenario(embedded.name);
    CHECK(scenario.name == embedded.name);
    CHECK_FALSE(scenario.description.empty());
    const bool eight = scenario.profile == "h100-llama3-8b" || !scenario.groups.empty();
    CHECK(scenario.replicas == (scenario.name == "autoscaled-day" ? 10 : eight ? 8 : 4));
    CHECK(format_seed_range(scenario.train_seeds) == "1-8");
    CHECK(format_seed_range(scenario.held_out_seeds) == "101-116");
    const std::string file = std::string(SWITCHYARD_SOURCE_DIR) + "/bench/scenarios/" + embedded.name + ".json";
    CHECK(scenario_json(load_scenario(file)) == scenario_json(scenario));
  }
  CHECK(names == std::vector<std::string>{"agent-sessions",
                                          "agent-sessions-overload",
                                          "autoscaled-day",
                                          "azure-code",
                                          "azure-code-v1",
                                          "azure-code-x3",
                                          "azure-code-x3-v1",
                                          "azure-conv",
                                          "azure-conv-v1",
                                          "azure-conv-x3",
                                          "azure-conv-x3-v1",
                                          "chat-pressure",
                                          "chat-pressure-v1",
                                          "chat-sessions",
                                          "chat-sessions-overload",
                                          "chat-sessions-pressure",
                                          "conv-pressure",
                                          "conv-pressure-v1",
                                          "failing-replica",
                                          "mixed-gpus",
                                          "mooncake-conv",
                                          "mooncake-conv-overload",
                                          "mooncake-synth",
                                          "split-prefill",
                                          "tenants",
                                          "tenants-spike"});
  CHECK(load_scenario("azure-conv").seed == 42);
  CHECK(load_scenario("azure-code-x3").workload.time_scale == 3);
  CHECK(load_scenario("chat-pressure").num_blocks == 800);
}

TEST_CASE("scenario: batch times come from one source, the last that is set", "[scenario]") {
  Scenario scenario;
  set_field(field_of("cost-tables"), scenario, "tables", "test");
  CHECK(scenario.profile.empty());
  set_field(field_of("profile"), scenario, "a100-llama2-7b", "test");
  CHECK(scenario.cost_tables.empty());
  CHECK_THROWS_WITH(parse(R"({"cost": {"profile": "a", "cost_tables": "b"}})"),
                    Catch::StartsWith("s.json:1:27: contradicts profile"));
}

TEST_CASE("scenario: a flag that does not matter is refused, one that does is not", "[scenario]") {
  Scenario scenario;  // arrivals and lengths of a trace, memory planned
  scenario.replica_scheduler = EngineKind::vllm_v0;
  CHECK_THROWS_WITH(check_flags_matter({"chunk-size"}, scenario), Catch::EndsWith("is --max-tokens-in-batch"));
  CHECK_THROWS_WITH(check_flags_matter({"qps"}, scenario), Catch::Contains("--qps"));
  CHECK_NOTHROW(check_flags_matter({"time-scale", "gpu-memory-gib", "max-tokens-in-batch"}, scenario));
  scenario.workload.arrivals = ArrivalKind::gamma;
  scenario.num_blocks = 800;
  scenario.replica_scheduler = EngineKind::sarathi;
  CHECK_NOTHROW(check_flags_matter({"chunk-size", "qps", "arrival-cv"}, scenario));
  CHECK_THROWS_WITH(check_flags_matter({"gpu-memory-gib"}, scenario), Catch::Contains("--num-blocks is 0"));
  CHECK_THROWS_WITH(check_flags_matter({"arrival-sigma"}, scenario), Catch::Contains("lognormal"));
}

TEST_CASE("scenario: vllm is read as vllm_v0, in a file and as a flag", "[scenario]") {
  const Scenario old = parse(R"({"cluster": {"replica_scheduler": "vllm"}})");
  CHECK(old.replica_scheduler == EngineKind::vllm_v0);
  CHECK(scenario_json(old) == scenario_json(parse(R"({"cluster": {"replica_scheduler": "vllm_v0"}})")));
  Scenario scenario;
  scenario.replica_scheduler = EngineKind::orca;
  set_field_from_text(field_of("replica-scheduler"), scenario, "vllm", "--replica-scheduler");
  CHECK(scenario.replica_scheduler == EngineKind::vllm_v0);
}

TEST_CASE("scenario: the engine is vllm_v1 unless said otherwise, with vLLM's names and defaults", "[scenario]") {
  const Scenario scenario = parse("{}");
  CHECK(scenario_json(scenario) == scenario_json(parse(R"({"cluster": {"replica_scheduler": "vllm_v1"}})")));
  const nlohmann::json cluster = nlohmann::json::parse(scenario_json(scenario))["cluster"];
  CHECK(cluster["num_gpu_blocks"] == 0);
  CHECK(cluster["max_num_batched_tokens"] == 2048);
  CHECK(cluster["max_num_seqs"] == 256);
  CHECK(cluster["max_model_len"] == 0);
  CHECK(cluster["long_prefill_token_threshold"] == 0);
  CHECK(cluster["enable_prefix_caching"] == true);
  CHECK(cluster["reserve_full_prompt"] == true);
  CHECK(cluster["async_scheduling"] == true);
  CHECK(cluster["output_ends"] == "length");
  CHECK(cluster["sleep_after_empty_plan_ms"] == 1.0);
  CHECK_FALSE(cluster.contains("num_blocks"));
  CHECK_FALSE(cluster.contains("watermark"));
  CHECK(scenario.long_requests_rule() == LongRequests::engine);
  CHECK(parse(R"({"cluster": {"replica_scheduler": "vllm_v0"}})").long_requests_rule() == LongRequests::cut);
}

TEST_CASE("scenario: another engine's options are refused, and its own are named", "[scenario]") {
  CHECK_THROWS_WITH(
      parse(R"({"cluster": {"num_blocks": 800, "replica_scheduler": "vllm_v1"}})"),
      Catch::StartsWith("s.json:1:14: num_blocks is not an option of vllm_v1") && Catch::Contains("is num_gpu_blocks"));
  CHECK_THROWS_WITH(
      parse(R"({"cluster": {"replica_scheduler": "vllm", "max_model_len": 800}})"),
      Catch::Contains("max_model_len is not an option of vllm_v0") && Catch::Contains("is max_tokens (found"));
  CHECK_THROWS_WITH(
      parse(R"({"cluster": {"replica_scheduler": "sarathi", "async_scheduling": true}})"),
      Catch::Contains("is not an option of sarathi, but of vllm_v1; sarathi has") && Catch::Contains("chunk_size"));
  // So does who means an engine that was the default once.
  CHECK_THROWS_WITH(parse(R"({"cluster": {"num_blocks": 800}})"),
                    Catch::Contains("is not an option of vllm_v1, but of vllm_v0, sarathi, orca") &&
                        Catch::Contains("is num_gpu_blocks"));
  // Files of the older engines always held the options of all of them.
  CHECK(parse(R"({"cluster": {"replica_scheduler": "orca", "chunk_size": 8, "max_tokens_in_batch": 9}})").chunk_size ==
        8);
  Scenario scenario;
  scenario.replica_scheduler = EngineKind::vllm_v1;
  for (const auto& [flag, own] :
       std::vector<std::pair<std::string, std::string>>{{"num-blocks", "--num-gpu-blocks"},
                                                        {"batch-size-cap", "--max-num-seqs"},
                                                        {"max-tokens", "--max-model-len"},
                                                        {"max-tokens-in-batch", "--max-num-batched-tokens"},
                                                        {"chunk-size", "--max-num-batched-tokens"},
                                                        {"watermark", "--max-num-batched-tokens"}}) {
    CHECK_THROWS_WITH(check_flags_matter({flag}, scenario),
                      Catch::StartsWith("--" + flag + ": is not an option of vllm_v1") && Catch::Contains(own));
  }
  CHECK_NOTHROW(check_flags_matter({"num-gpu-blocks", "block-size", "async-scheduling", "output-ends"}, scenario));
  scenario.async_scheduling = false;
  CHECK_THROWS_WITH(check_flags_matter({"output-ends"}, scenario), Catch::Contains("--async-scheduling is on"));
}

TEST_CASE("scenario: the context's rule for long requests: cut, refuse, drop", "[scenario]") {
  Scenario scenario;
  scenario.replica_scheduler = EngineKind::vllm_v0;
  scenario.workload.arrivals = ArrivalKind::fixed;
  scenario.workload.lengths = LengthKind::uniform;
  scenario.workload.num_requests = 50;
  scenario.workload.prompt_min = 2000;
  scenario.workload.prompt_max = 6000;
  scenario.workload.output_max = 100;
  scenario.long_requests = LongRequests::drop;
  const auto kept = Experiment(scenario).workload(1);
  CHECK(kept->size() + kept->num_dropped == 50);
  CHECK(kept->num_dropped > 0);
  for (std::size_t i = 0; i < kept->size(); ++i) {
    CHECK(kept->requests[i].num_prefill_tokens + kept->hidden.num_decode_tokens[i] <= 4096);
  }
  scenario.long_requests = LongRequests::engine;
  CHECK_THROWS_WITH(Experiment(scenario), Catch::Contains("--long-requests: engine is what vllm_v1 does"));
  scenario.workload.prompt_min = 5000;
  scenario.long_requests = LongRequests::drop;
  CHECK_THROWS_WITH(Experiment(scenario).workload(1), Catch::Contains("drop leaves none of the 50 requests"));
}

TEST_CASE("scenario: seeds are spans in rising order", "[scenario]") {
  const SeedRange range = parse_seed_range("1-3,7,9-10", "test");
  CHECK(range.seeds() == std::vector<std::uint64_t>{1, 2, 3, 7, 9, 10});
  CHECK(format_seed_range(range) == "1-3,7,9-10");
  CHECK(parse_seed_range("42", "test").seeds() == std::vector<std::uint64_t>{42});
  for (const char* bad :
       {"", ",", "1,", "3-1", "1-3,3", "5,4", "a", "1-", "-1", "1-2-3", "1 - 2", "1-20000", "99999999999999999999"}) {
    INFO(bad);
    CHECK_THROWS_AS(parse_seed_range(bad, "test"), InputError);
  }
}

TEST_CASE("scenario: lists of seeds do not cross the halves of a trace", "[scenario]") {
  Scenario scenario;
  scenario.workload.trace = "azure-code";
  const auto error = [&](const std::string& seeds, SeedUse use) {
    return error_of([&] { scenario.check_half(parse_seed_range(seeds, ""), "--s", use); });
  };
  using enum SeedUse;
  CHECK(error("1-99", train).empty());
  CHECK(error("100-200", judge).empty());
  CHECK(error("0", judge).empty());
  CHECK(error("0,7", any) ==
        "--s: '0,7' contradicts the rest: seed 0 is the whole trace, the others redraw a half of it");
  CHECK_THAT(error("0", train), Catch::Contains("seed 0 is the whole trace, the held-out half too"));
  CHECK_THAT(error("1,100", train), Catch::Contains("seeds from 100 on (--held-out-from)"));
  CHECK_THAT(error("99,100", judge), Catch::Contains("seeds below 100 (--held-out-from)"));
  CHECK_THAT(error("99,100", any), Catch::Contains("crosses"));
  CHECK(error("99", any).empty());
  scenario.workload.held_out_from = 9;
  CHECK_FALSE(error("1-99", train).empty());
  CHECK(error("9-10", judge).empty());
  CHECK_THAT(error_of([&] { scenario.check_seeds_apart(); }),
             Catch::Contains("--validation-seeds: '51-74' contradicts the rest: seeds from 9 on"));
  scenario.set_trace("azure-conv");  // replaces the workload, not the seeds
  CHECK(scenario.workload.held_out_from == 9);
  scenario.workload.arrivals = ArrivalKind::poisson;  // nothing is redrawn from halves
  CHECK(error("0-200", train).empty());
}

TEST_CASE("scenario: training and validation seeds are spread over loads, others are not", "[scenario]") {
  Scenario scenario;
  scenario.workload.time_scale = 3;
  scenario.train_seeds = {{{1, 5}}};
  scenario.validation_seeds = {{{7, 7}}};
  for (const std::uint64_t seed : {0, 1, 3, 5, 7, 101}) CHECK(scenario.workload_of(seed).time_scale == 3);
  scenario.train_overload = 0.2;
  CHECK(scenario.workload_of(1).time_scale == 3);
  CHECK(scenario.workload_of(3).time_scale == Approx(3.3));
  CHECK(scenario.workload_of(5).time_scale == Approx(3.6));
  for (const std::uint64_t seed : {0, 7, 101}) CHECK(scenario.workload_of(seed).time_scale == 3);
  scenario.workload.arrivals = ArrivalKind::poisson;
  CHECK(scenario.workload_of(5).qps == Approx(1.2 * scenario.workload.qps));
  CHECK(scenario.workload_of(5).time_scale == 3);
  CHECK_THROWS_WITH(check_flags_matter({"train-overload"},
                                       [] {
                                         Scenario at_once;
                                         at_once.workload.arrivals = ArrivalKind::fixed;
                                         return at_once;
                                       }()),
                    Catch::Contains("--arrivals is not static"));
}

TEST_CASE("scenario: each built-in one is in one suite; those on vLLM V1 differ from their elders in the engine",
          "[scenario]") {
  std::vector<std::string> all = suite_scenarios("vidur", "--suite"), v1 = suite_scenarios("v1", "--suite");
  REQUIRE(v1.size() == all.size());
  for (std::size_t i = 0; i < v1.size(); ++i) {
    CHECK(v1[i] == all[i] + "-v1");
    const Scenario elder = load_scenario(all[i]), scenario = load_scenario(v1[i]);
    CHECK(scenario.max_num_batched_tokens == 8192);
    CHECK(scenario.max_model_len == elder.max_tokens);
    CHECK(scenario.profile == elder.profile);
    CHECK(scenario.num_gpu_blocks == (elder.num_blocks == 0 ? 0 : elder.num_blocks + 1));  // block 0 is never given out
    CHECK(scenario.long_requests_rule() == elder.long_requests_rule());
    CHECK(Experiment(scenario).workload(1)->requests.size() == Experiment(elder).workload(1)->requests.size());
  }
  all.insert(all.end(), v1.begin(), v1.end());
  for (const char* suite : {"today", "overload", "operated", "split"}) {
    for (const std::string& name : suite_scenarios(suite, "--suite")) all.push_back(name);
  }
  std::sort(all.begin(), all.end());
  CHECK(all == [] {
    std::vector<std::string> names = scenario_names();
    std::sort(names.begin(), names.end());
    return names;
  }());
  CHECK_THROWS_WITH(suite_scenarios("v2", "--suite"), Catch::Contains("unknown suite 'v2'"));
}

TEST_CASE("scenario: an experiment plans memory, and refuses or cuts long requests", "[scenario]") {
  Scenario scenario;
  scenario.replica_scheduler = EngineKind::vllm_v0;
  scenario.workload.arrivals = ArrivalKind::fixed;
  scenario.workload.lengths = LengthKind::fixed;
  scenario.workload.num_requests = 3;
  scenario.workload.prompt_min = 4000;
  scenario.workload.output_min = 200;
  const Experiment cutting(scenario);
  CHECK(cutting.cluster().kinds.front().limits().num_blocks == 7424);  // A100 80 GiB, Llama-2-7b, 4096 tokens
  CHECK(cutting.cluster().kinds.front().limits().watermark_blocks == 74);
  const auto workload = cutting.workload(1);
  CHECK(workload->size() == 3);
  CHECK(workload->requests[0].num_prefill_tokens + workload->hidden.num_decode_tokens[0] == 4096);
  CHECK(cutting.workload(1) == workload);  // made once
  scenario.long_requests = LongRequests::refuse;
  CHECK_THROWS_WITH(Experiment(scenario).workload(1),
                    Catch::Contains("4000 prompt") && Catch::Contains("--long-requests"));
}
