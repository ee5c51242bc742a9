// Every case of the reference: same replica and restarts for each request, completion and first token within 1e-6 s,
// same number of batches, under both kernels.
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/cluster/simulation.hpp"
#include "core/cost/source.hpp"
#include "core/input/csv.hpp"
#include "core/workload/trace_file.hpp"
#include "policies/registry.hpp"
#include "tests/support/data.hpp"

using namespace switchyard;

namespace {

EngineOptions engine_of_case(const nlohmann::json& item) {
  const std::int32_t num_blocks = item["num_blocks"];
  const std::int32_t cap = item["batch_size_cap"];
  const std::string scheduler = item["replica_scheduler"];
  if (scheduler == "orca") return OrcaOptions{.num_blocks = num_blocks, .batch_size_cap = cap};
  if (scheduler == "sarathi") {
    return SarathiOptions{.num_blocks = num_blocks,
                          .watermark_blocks = num_blocks / 100,
                          .batch_size_cap = cap,
                          .chunk_size = item["chunk_size"]};
  }
  REQUIRE(scheduler == "vllm");
  return VllmV0Options{.num_blocks = num_blocks, .watermark_blocks = num_blocks / 100, .batch_size_cap = cap};
}

}  // namespace

TEST_CASE("reference cases", "[reference]") {
  const auto folder = reference_folder();
  if (!folder) {
    WARN("SKIPPED: the reference results are not there (see SWITCHYARD_REFERENCE)");
    return;
  }
  const auto vidur = *folder / "vidur";
  std::ifstream in(vidur / "cases.json");
  const nlohmann::json cases = nlohmann::json::parse(in);
  REQUIRE(cases.size() >= 18);
  std::map<std::string, CostSource> sources;
  Simulation leap(Kernel::leap), step(Kernel::step);
  for (const auto& item : cases) {
    const std::string name = item["expected"];
    DYNAMIC_SECTION(name) {
      const std::string tables = item["tables"];
      const CostSource source = load_cost_tables(vidur / "tables" / tables);
      const ClusterConfig config = ClusterConfig::uniform(4, ReplicaKind(engine_of_case(item), *source.model));
      const std::string file = item["workload"];
      const Workload workload = make_workload(file, read_trace(vidur / "workloads" / file).rows);
      const std::string router = item["router"];
      for (Simulation* simulation : {&step, &leap}) {
        INFO((simulation == &step ? "step kernel" : "leap kernel"));
        const auto policy = parse_policy(router, "").make();
        const Replay& replay = simulation->run(config, workload, *policy, 42);
        std::int64_t batches = 0, restarts = 0;
        for (const ReplicaTotals& replica : replay.replicas) {
          batches += replica.num_batches;
          restarts += replica.num_restarts;
        }
        CHECK(batches == item["iterations"].get<std::int64_t>());
        CHECK(restarts == item["restarts"].get<std::int64_t>());
        CsvReader expected(vidur / "expected" / name);
        std::size_t i = 0, wrong = 0;
        while (expected.next()) {
          const RequestRecord& record = replay.requests.at(i);
          const double completed = seconds_from_ticks(record.completed_at);
          const double first = seconds_from_ticks(record.prefill_completed_at);
          const bool same = record.replica == expected.integer(expected.column("replica_id")) &&
                            record.num_restarts == expected.integer(expected.column("num_restarts")) &&
                            std::abs(completed - expected.number(expected.column("completed_at"))) < 1e-6 &&
                            std::abs(first - expected.number(expected.column("prefill_completed_at"))) < 1e-6;
          if (!same && ++wrong <= 3) {
            WARN(name << " request " << i << ": replica " << record.replica << " restarts " << record.num_restarts
                      << " completed " << completed << "; expected line " << expected.line());
          }
          ++i;
        }
        CHECK(wrong == 0);
        CHECK(i == workload.size());
      }
    }
  }
}
