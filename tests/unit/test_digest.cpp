#include <catch2/catch.hpp>

#include "core/cluster/kernel_number.hpp"
#include "core/scenario/experiment.hpp"
#include "core/scenario/fields.hpp"
#include "search/evaluator.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;
using Catch::Contains;

namespace {

constexpr const char* kTrace =
    "arrived_at,num_prefill_tokens,num_decode_tokens\n0,10,5\n1.5,20,6\n40,30,7\n70,40,8\n100,50,9\n";

Scenario replay_of(const std::filesystem::path& trace) {
  Scenario scenario;
  scenario.set_trace(trace.string());
  return scenario;
}

Digest digest_of(const Scenario& scenario) { return Experiment(scenario).digest(); }

// Which letters of the digest's parts differ.
std::string moved(const Digest& a, const Digest& b) {
  std::string parts;
  if (a.kernel != b.kernel) parts += 'k';
  if (a.cluster != b.cluster) parts += 'c';
  if (a.cost != b.cost) parts += 't';
  if (a.workload != b.workload) parts += 'w';
  return parts;
}

}  // namespace

TEST_CASE("digest: is the content's, not the path's or the name's", "[digest]") {
  const ScratchFolder scratch;
  const Digest digest = digest_of(replay_of(scratch.write("a.csv", kTrace)));
  CHECK(digest.kernel == kKernelNumber);
  Scenario renamed = replay_of(scratch.write("b.csv", kTrace));
  renamed.name = "other";
  renamed.description = "other";
  renamed.seed = 7;
  renamed.held_out_seeds = {{{300, 310}}};
  renamed.workload.prompt_median = -0.0;  // does not matter in a replay
  CHECK(digest_of(renamed) == digest);
  CHECK(parse_digest(digest.text()) == digest);
}

TEST_CASE("digest: each thing that decides results moves its part", "[digest]") {
  const ScratchFolder scratch;
  const Scenario scenario = replay_of(scratch.write("a.csv", kTrace));
  const Digest digest = digest_of(scenario);
  const auto changed = [&](auto change) {
    Scenario other = scenario;
    change(other);
    return moved(digest, digest_of(other));
  };
  // One row in the trace's second half, which the sampled seed does not see.
  const std::string edited = std::string(kTrace).replace(std::string(kTrace).rfind("50,9"), 4, "51,9");
  const auto trace = scratch.write("edited.csv", edited);
  CHECK(changed([&](Scenario& s) { s.set_trace(trace.string()); }) == "w");
  CHECK(changed([](Scenario& s) { s.workload.time_scale = 2; }) == "cw");
  CHECK(changed([](Scenario& s) { s.replicas = 5; }) == "c");
  CHECK(changed([](Scenario& s) { s.gpu_memory_gib = 40; }) == "c");
  CHECK(changed([](Scenario& s) { s.replica_scheduler = EngineKind::sarathi; }) == "c");
  CHECK(changed([](Scenario& s) { s.profile = "a30-qwen2-7b"; }).find('t') != std::string::npos);
  CHECK(changed([](Scenario& s) { s.chunk_size = 64; }).empty());  // matters under sarathi only
  CHECK(changed([](Scenario& s) { s.train_seeds = {{{1, 4}}}; }).empty());
  Scenario spread = scenario;  // the load of a seed hangs on its place in the list
  spread.train_overload = 0.1;
  const Digest of_spread = digest_of(spread);
  CHECK(moved(digest, of_spread) == "c");
  spread.train_seeds = {{{1, 4}}};
  CHECK(moved(of_spread, digest_of(spread)) == "c");
}

TEST_CASE("digest: an experiment that names its engine keeps its digest, whatever the default engine is", "[digest]") {
  // As results/reference/azure-conv-embedded.md says.
  const Digest digest = digest_of(load_scenario("azure-conv"));
  CHECK(digest.cluster == "e7da79c25dd75ed2");
  CHECK(digest.cost == "de901be65ef172c8");
  Scenario scenario;
  scenario.set_trace("azure-conv");
  const Digest of_default = digest_of(scenario);
  scenario.replica_scheduler = EngineKind::vllm_v1;
  CHECK(digest_of(scenario) == of_default);
  scenario.replica_scheduler = EngineKind::vllm_v0;
  CHECK(moved(digest_of(scenario), of_default) == "cw");  // each engine has a rule of its own for long requests
}

TEST_CASE("digest: what differs is said in words, and the unknown contradicts nothing", "[digest]") {
  const Digest a{1, "0123456789abcdef", "1123456789abcdef", "2123456789abcdef"};
  Digest b = a;
  CHECK(digest_difference(a.text(), b.text()).empty());
  b.kernel = 2;
  CHECK(digest_difference(a.text(), b.text()) == "the program's kernel number (1 and 2)");
  b.workload = "3123456789abcdef";
  CHECK_THAT(digest_difference(a.text(), b.text()),
             Contains("kernel number") && Contains("the workload's rows (w2123456789abcdef and w3123456789abcdef)"));
  CHECK(digest_difference("", a.text()).empty());
  for (const char* text : {"", "k", "k1", "k1-c0-t0-w0", "k1-c0123456789abcdef-t1123456789abcdef-w2123456789abcdeg",
                           "k1-c0123456789abcdef-t1123456789abcdef-w2123456789abcdef-"}) {
    CHECK_FALSE(parse_digest(text));
  }
}

TEST_CASE("digest: goodput's limits are part of what a replay is known by", "[digest]") {
  const Experiment experiment(load_scenario("azure-conv"));
  CHECK(replay_key(experiment, {}) == experiment.digest().text());
  CHECK(replay_key(experiment, {.ttft_s = 2}) != replay_key(experiment, {.ttft_s = 3}));
}
