// Two of the reference cases, shipped: a clone proves itself. 300 requests in tight memory, with restarts, as Vidur
// itself served them; see reference/README.md for where the figures come from.
#include <catch2/catch.hpp>
#include <cmath>

#include "core/cluster/simulation.hpp"
#include "core/cost/layer_times.hpp"
#include "core/input/csv.hpp"
#include "core/workload/trace_file.hpp"
#include "policies/registry.hpp"

using namespace switchyard;

namespace {

const std::filesystem::path kFolder = std::filesystem::path(SWITCHYARD_SOURCE_DIR) / "tests/golden/reference";

// The part of Vidur's prediction tables that the cases look up: lookups of others would count as extrapolated.
CostModel cost_model() {
  LayerTimes times{.shape = {.num_layers = 32, .num_q_heads = 32, .num_kv_heads = 32}, .ms = {}};
  CostTables& ms = times.ms;
  ms.max_tokens = ms.max_chunk = 4096;
  ms.max_decodes = 64;
  ms.max_decode_kv_steps = 32;
  ms.max_prefill_kv_steps = 64;
  ms.allocate();
  CsvReader tokens(kFolder / "token_operators.csv");
  for (std::size_t t = 1; tokens.next(); t += kTokenGrain) {
    for (std::size_t i = t; i < t + kTokenGrain; ++i) ms.tokens.at(i) = tokens.number(1);
  }
  CsvReader decode(kFolder / "decode.csv");
  for (std::int32_t b = 1; decode.next(); ++b) {
    for (std::int32_t k = 0; k <= ms.max_decode_kv_steps; ++k) {
      ms.decode_at(b, k) = decode.number(static_cast<std::size_t>(k) + 1);
    }
  }
  ms.prefill_covered.assign(static_cast<std::size_t>(ms.max_prefill_kv_steps) + 1, 0);
  CsvReader alone(kFolder / "prefill_alone.csv");
  while (alone.next()) ms.prefill_at(0, ++ms.prefill_covered[0]) = alone.number(1);
  CsvReader later(kFolder / "prefill_later.csv");
  for (std::int32_t k = 1; later.next(); ++k) {
    std::int32_t& covered = ms.prefill_covered.at(static_cast<std::size_t>(k));
    while (static_cast<std::size_t>(covered) + 1 < later.header().size()) {
      ++covered;
      ms.prefill_at(k, covered) = later.number(static_cast<std::size_t>(covered));
    }
  }
  return {"Vidur's tables", whole_model(std::move(times))};
}

// Replica and restarts of each request are Vidur's, and its first token and its end to the microsecond; so is the
// number of batches.
void check_case(const std::string& name, const EngineOptions& engine, std::int64_t batches, std::int64_t restarts) {
  const CostModel cost = cost_model();
  const ClusterConfig config = ClusterConfig::uniform(4, ReplicaKind(engine, cost));
  const Workload workload = make_workload("tight.csv", read_trace(kFolder / "tight.csv").rows);
  for (const Kernel kernel : {Kernel::step, Kernel::leap}) {
    INFO(name << (kernel == Kernel::step ? ", step kernel" : ", leap kernel"));
    const auto policy = parse_policy("llq", "").make();
    Simulation simulation(kernel);
    const Replay& replay = simulation.run(config, workload, *policy, 42);
    std::int64_t run = 0, extrapolated = 0, restarted = 0;
    for (const ReplicaTotals& replica : replay.replicas) {
      run += replica.num_batches;
      extrapolated += replica.num_extrapolated_batches;
      restarted += replica.num_restarts;
    }
    CHECK(run == batches);
    CHECK(restarted == restarts);
    CHECK(extrapolated == 0);
    CsvReader expected(kFolder / (name + ".csv"));
    std::size_t i = 0, wrong = 0;
    for (; expected.next(); ++i) {
      const RequestRecord& record = replay.requests.at(i);
      const bool same = record.replica == expected.integer(0) &&
                        std::abs(seconds_from_ticks(record.prefill_completed_at) - expected.number(1)) < 1e-6 &&
                        std::abs(seconds_from_ticks(record.completed_at) - expected.number(2)) < 1e-6 &&
                        record.num_restarts == expected.integer(3);
      if (!same) ++wrong;
    }
    CHECK(i == 300);
    CHECK(wrong == 0);
  }
}

}  // namespace

TEST_CASE("shipped reference: vllm with restarts", "[reference]") {
  check_case("tight_vllm_llq", VllmV0Options{.num_blocks = 300, .watermark_blocks = 3, .batch_size_cap = 128}, 9664,
             40);
}

TEST_CASE("shipped reference: sarathi with restarts", "[reference]") {
  check_case("tight_sarathi256_llq",
             SarathiOptions{.num_blocks = 300, .watermark_blocks = 3, .batch_size_cap = 128, .chunk_size = 256}, 9704,
             35);
}
