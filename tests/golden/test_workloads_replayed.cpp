// What the embedded trace models are for: replays of them give the figures that replays of the traces give.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "core/cluster/simulation.hpp"
#include "core/cost/source.hpp"
#include "core/metrics/summary.hpp"
#include "core/workload/spec.hpp"
#include "policies/registry.hpp"
#include "tests/support/data.hpp"
#include "tests/support/environment.hpp"

namespace switchyard {
namespace {

constexpr std::uint64_t kSeeds = 32;

// Mean over the seeds of the mean end-to-end time under LOR, s.
double mean_e2e_s(const WorkloadSpec& spec, const ClusterConfig& config, const std::string& expected_source) {
  Simulation simulation;
  double sum = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Workload workload = make_workload(spec, seed, config.limits.max_tokens);
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
  const ClusterConfig config{.limits = {.num_blocks = 7424, .watermark_blocks = 74}, .cost = cost.model.get()};
  WorkloadSpec spec;
  spec.trace = "azure-conv";
  spec.arrivals = ArrivalKind::vidur_poisson;
  spec.lengths = LengthKind::shuffle;
  spec.duration_s = 1000;
  const double real = mean_e2e_s(spec, config, "splitwise_conv.csv");
  const ScopedEnvironment no_data("SWITCHYARD_DATA", "");
  CHECK(mean_e2e_s(spec, config, "embedded azure-conv") == Approx(real).epsilon(0.02));
}

}  // namespace
}  // namespace switchyard
