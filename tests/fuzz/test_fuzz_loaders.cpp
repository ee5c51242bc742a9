// Loaders survive anything: files with random bytes changed, cut or repeated are read or refused with an InputError of
// one line, never with another exception, a crash or a hang. The mutations are the same ones each time.
#include <catch2/catch.hpp>

#include "core/input/csv.hpp"
#include "core/input/json_file.hpp"
#include "core/workload/fit.hpp"
#include "core/workload/random.hpp"
#include "core/workload/trace_file.hpp"
#include "core/workload/trace_model.hpp"
#include "tests/support/gzip.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

constexpr std::string_view kVidur =
    "arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,374,44\n4.314579,396,109\n4.5,879,55\n1e1,91,16\n";
std::string mutated(std::string text, WorkloadRandom& random) {
  constexpr std::string_view kTelling = ",\n\r\"\0-+.eE09:[]{} \xEF\xFF";
  for (std::size_t changes = 1 + random.below(4); changes > 0 && !text.empty(); --changes) {
    const std::size_t at = random.below(text.size());
    const std::size_t length = random.below(std::min<std::size_t>(text.size() - at, 40)) + 1;
    switch (random.below(6)) {
      case 0:
        text[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        text[at] = kTelling[random.below(kTelling.size())];
        break;
      case 2:
        text.insert(at, 1, kTelling[random.below(kTelling.size())]);
        break;
      case 3:
        text.erase(at, length);
        break;
      case 4:
        text.insert(random.below(text.size()), text.substr(at, length));
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

// How many of the mutants of `text` the loader took and refused.
template <class Load>
std::pair<int, int> survive(std::string_view text, std::uint64_t seed, int mutants, Load load) {
  WorkloadRandom random(seed, WorkloadRandom::Purpose::model);
  int taken = 0, refused = 0;
  for (int i = 0; i < mutants; ++i) {
    const std::string mutant = mutated(std::string(text), random);
    try {
      load(mutant);
      ++taken;
    } catch (const InputError& error) {
      ++refused;
      const std::string message = error.what();
      if (message.empty() || message.find('\n') != std::string::npos) FAIL("a message of one line: " << message);
    } catch (const std::exception& error) {
      FAIL("mutant " << i << " of seed " << seed << ": " << error.what() << "\n" << mutant);
    }
  }
  return {taken, refused};
}

void check_rows(const std::vector<RawRequest>& rows) {
  double last = 0;
  REQUIRE_FALSE(rows.empty());
  for (const RawRequest& row : rows) {
    if (!(row.arrived_at_s >= last && row.arrived_at_s <= kMaxTraceSeconds && row.num_prefill_tokens >= 1 &&
          row.num_decode_tokens >= 1)) {
      FAIL("a row that should not have been taken");
    }
    last = row.arrived_at_s;
  }
}

TEST_CASE("fuzz: trace files") {
  const ScratchFolder folder;
  const std::string name =
      GENERATE("traces/vidur.csv", "traces/azure_2023.csv", "traces/azure_2024.csv", "traces/burstgpt.csv",
               "traces/burstgpt_sessions.csv", "traces/mooncake.jsonl", "traces/bailian.jsonl",
               "agent_traces/agentic_mooncake.jsonl", "agent_traces/tracelab.csv", "agent_traces/tracelab.jsonl");
  INFO(name);
  const std::string text = text_of(SWITCHYARD_SOURCE_DIR "/tests/cli/fixtures/" + name);
  const auto [taken, refused] = survive(
      text, 1, 2000, [&](const std::string& mutant) { check_rows(read_trace(folder.write("t", mutant)).rows); });
  CHECK(taken > 10);
  CHECK(refused > 100);
}

TEST_CASE("fuzz: compressed trace files") {
  const ScratchFolder folder;
  const std::string text = gzipped(text_of(SWITCHYARD_SOURCE_DIR "/tests/cli/fixtures/traces/mooncake.jsonl"));
  const auto [taken, refused] = survive(
      text, 4, 2000, [&](const std::string& mutant) { check_rows(read_trace(folder.write("t", mutant)).rows); });
  CHECK(taken > 1);  // changes of the header, or behind the end
  CHECK(refused > 100);
}

TEST_CASE("fuzz: CSV files of any columns") {
  const ScratchFolder folder;
  const auto [taken, refused] = survive(kVidur, 2, 3000, [&](const std::string& mutant) {
    CsvReader csv(folder.write("t.csv", mutant));
    while (csv.next()) {
      for (std::size_t i = 0; i < csv.header().size(); ++i) csv.number(i);
    }
  });
  CHECK(taken > 30);
  CHECK(refused > 100);
}

TEST_CASE("fuzz: trace models") {
  const ScratchFolder folder;
  const std::string model = fit_trace_model(folder.write("t.csv", kVidur));
  const auto [taken, refused] = survive(model, 3, 3000, [](const std::string& mutant) {
    const TraceModel made(JsonFile("m.json", mutant));
    check_rows(made.rows());
  });
  CHECK(taken > 30);
  CHECK(refused > 100);
}

}  // namespace
}  // namespace switchyard
