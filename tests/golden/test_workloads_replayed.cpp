// What the embedded trace models are for: replays of them give the figures that replays of the traces give.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <string>

#include "core/cluster/simulation.hpp"
#include "core/cost/source.hpp"
#include "core/metrics/summary.hpp"
#include "core/workload/fit.hpp"
#include "core/workload/inspect.hpp"
#include "core/workload/known_traces.hpp"
#include "core/workload/spec.hpp"
#include "policies/registry.hpp"
#include "tests/support/data.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

constexpr std::uint64_t kSeeds = 32;

// Mean over the seeds of the mean end-to-end time under LOR, s.
double mean_e2e_s(const WorkloadSpec& spec, const ClusterConfig& config, const std::string& expected_source) {
  Simulation simulation;
  double sum = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Workload workload = make_workload(spec, seed, config.kind(0).limits().max_tokens);
    REQUIRE(workload.source == expected_source);
    const auto policy = parse_policy("lor", "test").make();
    sum += summarize(simulation.run(config, workload, *policy, seed), workload, config).mean_e2e_s;
  }
  return sum / kSeeds;
}

TEST_CASE("workload: the embedded conversation trace gives the mean time of the real one within 2%") {
  const auto reference = reference_folder();
  if (!data_folder() || !reference) {
    WARN("SKIPPED: neither trace nor reference tables are there");
    return;
  }
  const CostSource cost = load_cost_tables(*reference / "vidur" / "tables" / "a100-llama2-7b");
  const ClusterConfig config =
      ClusterConfig::uniform(4, ReplicaKind(VllmV0Options{.num_blocks = 7424, .watermark_blocks = 74}, *cost.model));
  WorkloadSpec spec;
  spec.trace = "azure-conv";
  spec.arrivals = ArrivalKind::vidur_poisson;
  spec.lengths = LengthKind::shuffle;
  spec.duration_s = 1000;
  const double real = mean_e2e_s(spec, config, "splitwise_conv.csv");
  const ScopedEnvironment no_data("SWITCHYARD_DATA", "");
  CHECK(mean_e2e_s(spec, config, "embedded azure-conv") == Approx(real).epsilon(0.02));
}

// Mean end-to-end time under LLQ of four A100, s.
double llq_e2e_s(const WorkloadSpec& spec, std::uint64_t seed, const CostSource& cost) {
  const ClusterConfig config =
      ClusterConfig::uniform(4, ReplicaKind(VllmV0Options{.num_blocks = 7424, .watermark_blocks = 74}, *cost.model));
  const Workload workload = make_workload(spec, seed, config.kind(0).limits().max_tokens);
  Simulation simulation;
  return summarize(simulation.run(config, workload, *parse_policy("llq", "test").make(), seed), workload, config)
      .mean_e2e_s;
}

void check_model(const std::filesystem::path& trace, double time_scale, double e2e_tolerance) {
  INFO(trace.filename());
  const ScratchFolder folder;
  const std::string text = fit_trace_model(trace);
  CHECK(text.size() < 60'000);
  const std::filesystem::path model = folder.write("model.json", text);
  const WorkloadFigures real = inspect_workload(load_trace(trace.string()).rows);
  const WorkloadFigures ours = inspect_workload(load_trace(model.string()).rows);
  CHECK(ours.num_requests == real.num_requests);
  CHECK(ours.rate_qps.value() == Approx(real.rate_qps.value()).epsilon(0.001));
  CHECK(ours.peak_minute_qps == Approx(real.peak_minute_qps).epsilon(0.06));
  CHECK(ours.gap_cv.value() == Approx(real.gap_cv.value()).epsilon(0.15));
  CHECK(ours.prompts.mean == Approx(real.prompts.mean).epsilon(0.01));
  CHECK(ours.outputs.mean == Approx(real.outputs.mean).epsilon(0.01));
  for (std::size_t i = 1; i + 1 < kInspectedLevels.size(); ++i) {
    INFO("level " << kInspectedLevels[i]);
    const double tolerance = kInspectedLevels[i] < 0.99 ? 0.02 : 0.06;  // tails are heavy and have few points
    CHECK(ours.prompts.quantiles[i] == Approx(real.prompts.quantiles[i]).epsilon(tolerance).margin(1));
    CHECK(ours.outputs.quantiles[i] == Approx(real.outputs.quantiles[i]).epsilon(2 * tolerance).margin(1));
  }
  const CostSource cost = load_profile("a100-llama2-7b");
  WorkloadSpec spec{.trace = trace.string(), .time_scale = time_scale};
  const double expected = llq_e2e_s(spec, 0, cost);
  spec.trace = model.string();
  CHECK(llq_e2e_s(spec, 0, cost) == Approx(expected).epsilon(e2e_tolerance));
}

TEST_CASE("workload: a fitted model replays as its trace does") {
  const ScratchFolder folder;
  WorkloadSpec bursty;  // the arrivals and lengths of chat-pressure, at a pace that four A100 keep up with
  bursty.arrivals = ArrivalKind::lognormal;
  bursty.lengths = LengthKind::lognormal;
  bursty.qps = 4;
  bursty.duration_s = 1000;
  bursty.prompt_median = 33, bursty.prompt_sigma = 1.5;
  bursty.output_median = 180, bursty.output_sigma = 0.95;
  std::string csv = "arrived_at,num_prefill_tokens,num_decode_tokens\n";
  for (const RawRequest& row : make_rows(bursty, 7, 4096)) {
    csv += fmt::format("{},{},{}\n", row.arrived_at_s, row.num_prefill_tokens, row.num_decode_tokens);
  }
  check_model(folder.write("bursty.csv", csv), 1, 0.05);
  std::string batched = "arrived_at,num_prefill_tokens,num_decode_tokens\n0,9,9\n";  // as Mooncake's: every 3 s
  for (const RawRequest& row : make_rows(bursty, 8, 4096)) {
    batched +=
        fmt::format("{},{},{}\n", 3 * std::ceil(row.arrived_at_s / 3), row.num_prefill_tokens, row.num_decode_tokens);
  }
  check_model(folder.write("batched.csv", batched), 1, 0.05);
}

TEST_CASE("workload: models of the Azure traces replay as the traces do") {
  const auto data = data_folder();
  if (!data) {
    WARN("SKIPPED: no traces");
    return;
  }
  check_model(*data / "traces" / "splitwise_conv.csv", 1, 0.02);
  check_model(*data / "traces" / "splitwise_conv.csv", 3, 0.07);
  check_model(*data / "traces" / "splitwise_code.csv", 1, 0.05);
}

}  // namespace
}  // namespace switchyard
