// The leaping kernel gives what the stepping kernel gives, to the bit: for every registered policy, over random small
// workloads with tight memory, bursts, ties, zero gaps, one replica, caps of one.
#include <catch2/catch.hpp>

#include "core/cluster/simulation.hpp"
#include "core/workload/random.hpp"
#include "policies/registry.hpp"
#include "tests/support/small_cluster.hpp"

using namespace switchyard;

namespace {

CostModel random_cost(WorkloadRandom& random, bool flat) {
  CostTables tables;
  tables.max_tokens = 512;
  tables.max_decodes = 16;
  tables.max_decode_kv_steps = 8;
  tables.max_prefill_kv_steps = 8;
  tables.max_chunk = 256;
  // Flat times make replicas run in lockstep, so that batches end together all the time.
  const double unit = flat ? 0.0 : 1e6;
  for (int i = 0; i <= tables.max_tokens; ++i) tables.tokens.push_back(1e9 + unit * ((i + 7) / 8));
  for (int b = 0; b <= tables.max_decodes; ++b) {
    for (int k = 0; k <= tables.max_decode_kv_steps; ++k) {
      tables.decode.push_back(unit * (b * (k + 1)) + (flat ? 0.0 : static_cast<double>(random.below(1000))));
    }
  }
  for (int k = 0; k <= tables.max_prefill_kv_steps; ++k) {
    for (int c = 0; c <= tables.max_chunk; ++c) tables.prefill.push_back(unit * (c + k));
  }
  return CostModel("random", std::move(tables));
}

bool same(const Replay& a, const Replay& b) {
  if (!same_records(a, b)) return false;
  for (std::size_t i = 0; i < a.replicas.size(); ++i) {
    const ReplicaTotals &x = a.replicas[i], &y = b.replicas[i];
    if (x.num_batches != y.num_batches || x.num_requests != y.num_requests || x.num_restarts != y.num_restarts ||
        x.num_extrapolated_batches != y.num_extrapolated_batches || x.peak_blocks != y.peak_blocks ||
        x.busy != y.busy || x.kv_token_ticks != y.kv_token_ticks) {
      return false;
    }
  }
  return true;
}

// Asks for everything that a view offers and mixes it into every decision, so that any difference between the kernels'
// views shows in the results.
class Curious final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override { hash_ = 1; }
  void on_completion(const CompletedRequest& request) override { mix(request.id + 7 * request.replica); }
  void schedule(ClusterView& cluster) override {
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) {
      const ReplicaState s = cluster.state(r);
      for (const std::int64_t value :
           {std::int64_t{s.num_waiting}, std::int64_t{s.num_running}, std::int64_t{s.num_prefilling},
            s.waiting_prefill_tokens, s.remaining_prefill_tokens, s.decoding_kv_tokens, s.generated_tokens,
            std::int64_t{s.blocks_used}, std::int64_t{static_cast<int>(s.batch_kind)}, s.batch_started_at,
            std::int64_t{s.batch_prefill_tokens}, std::int64_t{s.batch_decodes}}) {
        mix(value);
      }
      for (const ResidentRequest& request : cluster.waiting(r)) mix(request.id + request.num_prefill_tokens);
      for (const ResidentRequest& request : cluster.running(r)) {
        mix(request.id + request.num_processed_tokens + (request.prefill_complete ? 1 : 0));
      }
    }
    while (!cluster.queue_empty() && (hash_ >> 11) % 4 != 0) {
      cluster.assign(cluster.first_queued(),
                     static_cast<std::int32_t>((hash_ >> 20) % static_cast<std::uint64_t>(cluster.num_replicas())));
      mix(3);
    }
    // Held for now; but never for good.
    if (cluster.queue_length() > 3) cluster.assign(cluster.first_queued(), 0);
    bool idle = true;
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) idle = idle && cluster.outstanding(r) == 0;
    if (idle && !cluster.queue_empty()) cluster.assign(cluster.first_queued(), 0);
  }

 private:
  void mix(std::int64_t value) {
    hash_ = (hash_ ^ static_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15ULL;
    hash_ ^= hash_ >> 29;
  }
  std::uint64_t hash_ = 1;
};

}  // namespace

TEST_CASE("both kernels give the same bytes", "[kernels]") {
  Simulation leap(Kernel::leap), step(Kernel::step);
  std::size_t compared = 0;
  for (std::uint64_t round = 0; round < 6000; ++round) {
    WorkloadRandom random(round, WorkloadRandom::Purpose::lengths);
    const CostModel cost = random_cost(random, round % 3 == 0);
    ClusterConfig config;
    config.cost = &cost;
    config.num_replicas = static_cast<std::int32_t>(1 + random.below(4));
    config.limits.scheduler = static_cast<ReplicaSchedulerKind>(random.below(3));
    config.limits.block_size = random.below(2) ? 16 : 4;
    config.limits.batch_size_cap = static_cast<std::int32_t>(random.below(4) == 0 ? 1 : 2 + random.below(12));
    config.limits.chunk_size = static_cast<std::int32_t>(random.below(3) == 0 ? 4 : 16 + random.below(64));
    // Tight memory, or plenty and long outputs.
    const bool plenty = random.below(3) == 0;
    const auto longest = static_cast<std::int32_t>(plenty ? 512 : 128);
    config.limits.max_tokens = longest;
    config.limits.max_tokens_in_batch = longest + static_cast<std::int32_t>(random.below(128));
    config.limits.num_blocks =
        longest / config.limits.block_size + 2 + static_cast<std::int32_t>(random.below(plenty ? 2000 : 20));
    config.limits.watermark_blocks = 1;
    std::vector<RawRequest> rows;
    double time = 0;
    const std::size_t count = 5 + random.below(40);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t kind = random.below(4);
      time += kind == 0 ? 0.0 : kind == 1 ? 0.001 * static_cast<double>(random.below(20)) : random.exponential() * 0.01;
      rows.push_back({time, static_cast<std::int32_t>(1 + random.below(64)),
                      static_cast<std::int32_t>(1 + random.below(static_cast<std::size_t>(longest) - 65))});
    }
    const Workload workload = make_workload("random", rows);
    std::vector<std::unique_ptr<Policy>> policies;
    policies.push_back(std::make_unique<Curious>());
    const auto& registered = registered_policies();
    policies.push_back(
        registered[round % registered.size()].make(default_values(registered[round % registered.size()].params)));
    for (const auto& policy : policies) {
      bool stalled_step = false, stalled_leap = false;
      const Replay* expected = nullptr;
      const Replay* found = nullptr;
      try {
        expected = &step.run(config, workload, *policy, round);
      } catch (const StalledError&) {
        stalled_step = true;
      }
      try {
        found = &leap.run(config, workload, *policy, round);
      } catch (const StalledError&) {
        stalled_leap = true;
      }
      INFO("round " << round << " scheduler " << static_cast<int>(config.limits.scheduler));
      REQUIRE(stalled_step == stalled_leap);
      if (stalled_step) continue;
      REQUIRE(same(*expected, *found));
      ++compared;
    }
  }
  CHECK(compared > 10000);  // hardly any run stalls
}
