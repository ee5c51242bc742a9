// Models of traces with prompts in common: what they say of themselves, and how well what they find follows the trace.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/workload/embedded_models.hpp"
#include "core/workload/fit_sessions.hpp"
#include "core/workload/generators.hpp"
#include "core/workload/reuse.hpp"
#include "tests/support/data.hpp"
#include "tests/support/errors.hpp"

using namespace switchyard;
using Catch::Contains;

namespace {

TraceRows generated(GeneratorKind kind, std::int32_t requests) {
  WorkloadSpec spec;
  spec.generator = kind;
  spec.arrivals = ArrivalKind::poisson;
  spec.lengths = LengthKind::lognormal;
  spec.prompt_median = 150;
  spec.prompt_sigma = 1;
  spec.output_median = 150;
  spec.output_sigma = 0.8;
  spec.qps = 5;
  spec.num_requests = requests;
  spec.num_prefixes = 12;
  spec.prefix_median = 1500;
  spec.document_share = 0.5;
  WorkloadRows made = generate_requests(spec, 1);
  return {"generated", "model", std::move(made.rows), *made.content, {.says_thinks = kind == GeneratorKind::chat}};
}

double worst(const std::array<HitRates, 5>& rates) {
  double most = 0;
  for (const HitRates& rate : rates) most = std::max(most, std::abs(rate.model - rate.trace));
  return most;
}

}  // namespace

TEST_CASE("session model: finds what its trace finds, at five sizes of the cache", "[session_model]") {
  for (const GeneratorKind kind : {GeneratorKind::tenants, GeneratorKind::chat, GeneratorKind::retrieval}) {
    const TraceRows trace = generated(kind, kind == GeneratorKind::chat ? 600 : 3000);
    const SessionModel model = fit_sessions("t.jsonl", trace);
    const auto rates = compare_hit_rates(trace, model);
    INFO("generator " << static_cast<int>(kind) << "\n" << hit_rate_lines(rates));
    CHECK(rates[4].trace > 0.2);
    CHECK(rates[0].trace < rates[4].trace);
    CHECK(worst(rates) < 0.03);
    CHECK(model.linked == (kind == GeneratorKind::chat));
    const SessionModel::Rows rows = model.rows();
    CHECK(static_cast<double>(rows.rows.size()) == Approx(static_cast<double>(trace.rows.size())).epsilon(0.05));
    CHECK(model.rows().rows == rows.rows);
  }
}

TEST_CASE("session model: follows the traces of Mooncake and of coding agents", "[session_model]") {
  const auto folder = data_folder();
  for (const char* name : {"mooncake/conversation_trace.jsonl", "mooncake/synthetic_trace.jsonl",
                           "agent_sessions/agent_sessions.jsonl.gz"}) {
    if (!folder || !std::filesystem::exists(*folder / "traces" / name)) {
      WARN("SKIPPED: " << name << " is not there");
      continue;
    }
    const TraceRows trace = load_trace((*folder / "traces" / name).string());
    const SessionModel model = fit_sessions(name, trace);
    const auto rates = compare_hit_rates(trace, model);
    INFO(name << "\n" << hit_rate_lines(rates));
    CHECK(worst(rates) < 0.03);
    // What is built in is what is fitted, byte for byte.
    const auto built_in =
        std::find_if(embedded_models().begin(), embedded_models().end(), [&](const EmbeddedModel& embedded) {
          return embedded.text.find(fmt::format("\"derived_from\": \"{}\"", name)) != std::string::npos;
        });
    REQUIRE(built_in != embedded_models().end());
    CHECK((model.json() == built_in->text));
  }
}

TEST_CASE("session model: its text is read as it was written", "[session_model]") {
  const SessionModel model = fit_sessions("t.jsonl", generated(GeneratorKind::chat, 300));
  const SessionModel again{JsonFile("m.json", model.json())};
  CHECK(again.json() == model.json());
  CHECK(again.rows().rows == model.rows().rows);
  CHECK(again.derived_from == "t.jsonl");
}

TEST_CASE("session model: what is wrong with one is said with its place", "[session_model]") {
  const std::string good = fit_sessions("t.jsonl", generated(GeneratorKind::chat, 100)).json();
  const auto broken = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    return error_of([&] { SessionModel model{JsonFile("m.json", text)}; });
  };
  CHECK(broken("t.jsonl", "u.jsonl").empty());
  CHECK_THAT(broken("session model 1", "session model 2"), Contains("m.json:2") && Contains("not a session model"));
  CHECK_THAT(broken("\"derived_from\"", "\"from\""), Contains("'derived_from' must be text"));
  CHECK_THAT(broken("\"hash_id_tokens\": 16", "\"hash_id_tokens\": 0"), Contains("'hash_id_tokens' must be a whole"));
  CHECK_THAT(broken("\"named\": \"", "\"named\": \"x"), Contains("must be one of prompt, whole_blocks_of_prompt"));
  CHECK_THAT(broken("\"linked\": true", "\"linked\": 1"), Contains("'linked' must be true or false"));
  CHECK_THAT(broken("\"duration_s\": ", "\"duration_s\": -"), Contains("'duration_s'"));
  CHECK_THAT(broken("\"prefixes\": [[-1,", "\"prefixes\": [[0,"), Contains("number of an earlier prefix or -1"));
  CHECK_THAT(broken("\"sessions\": [\n[", "\"sessions\": [\n[-"), Contains("[weight, when it begins"));
}
