// Profiles measured on real GPUs against the prediction tables that Vidur made of them.
#include <algorithm>
#include <catch2/catch.hpp>

#include "core/cluster/simulation.hpp"
#include "core/cost/embedded_profiles.hpp"
#include "core/cost/source.hpp"
#include "core/cost/vidur_profile.hpp"
#include "core/metrics/summary.hpp"
#include "core/workload/trace_file.hpp"
#include "policies/registry.hpp"
#include "tests/support/data.hpp"

namespace switchyard {
namespace {

// Mean end-to-end time under LLQ of four replicas, s.
double llq_e2e_s(const CostSource& cost, const Workload& workload, const EngineOptions& engine) {
  const ClusterConfig config = ClusterConfig::uniform(4, ReplicaKind(engine, *cost.model));
  Simulation simulation;
  return summarize(simulation.run(config, workload, *parse_policy("llq", "test").make(), 1), workload, config)
      .mean_e2e_s;
}

TEST_CASE("profile: the A30's CSVs and what is embedded of them give LLQ's times of the reference tables within 2%") {
  const auto data = data_folder();
  const auto reference = reference_folder();
  if (!data || !reference) {
    WARN("SKIPPED: neither profile CSVs nor reference tables are there");
    return;
  }
  const auto vidur = *reference / "vidur";
  const Workload workload = make_workload("conv", read_trace(vidur / "workloads" / "conv_poisson2_seed42.csv").rows);
  const CostSource tables = load_cost_tables(vidur / "tables" / "a30-qwen2-7b");
  const EngineOptions engines[] = {VllmV0Options{.num_blocks = 3000, .watermark_blocks = 30},
                                   SarathiOptions{.num_blocks = 3000, .watermark_blocks = 30}};
  for (const EngineOptions& engine : engines) {
    const double expected = llq_e2e_s(tables, workload, engine);
    const CostSource csvs = load_profile((*data / "profiles" / "a30" / "Qwen-2-7B").string());
    CHECK(llq_e2e_s(csvs, workload, engine) == Approx(expected).epsilon(0.02));
    CHECK(llq_e2e_s(load_profile("a30-qwen2-7b"), workload, engine) == Approx(expected).epsilon(0.02));
  }
}

TEST_CASE("profile: fitting the embedded profiles to their CSVs gives the committed bytes") {
  const auto data = data_folder();
  if (!data) {
    WARN("SKIPPED: no profile CSVs");
    return;
  }
  const auto [name, folder, tolerance] = GENERATE(table<std::string, std::string, double>(
      {{"a100-llama2-7b", "a100/Llama-2-7b-hf", kProfileTolerance}, {"a30-qwen2-7b", "a30/Qwen-2-7B", 0.03}}));
  const auto embedded = std::find_if(embedded_profiles().begin(), embedded_profiles().end(),
                                     [&name = name](const EmbeddedProfile& profile) { return profile.name == name; });
  REQUIRE(embedded != embedded_profiles().end());
  Profile profile = profile_of(read_vidur_profile(*data / "profiles" / folder));
  profile.name = name;
  const JsonFile file(embedded->file, embedded->json);
  profile.source = file.root()["source"];
  profile.shape.max_model_len = file.root()["model"]["max_model_len"];  // of the model, not measured
  CHECK(profile_json(profile, tolerance) == embedded->json);
}

}  // namespace
}  // namespace switchyard
