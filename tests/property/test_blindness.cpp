// Blind: with the hidden output lengths changed, a policy decides the same until a completion shows the difference.
// And: every policy gives each request to exactly one replica, after it arrived, and all of them complete.
#include <catch2/catch.hpp>

#include "core/cluster/simulation.hpp"
#include "core/workload/random.hpp"
#include "policies/registry.hpp"

using namespace switchyard;

namespace {

CostModel plain_cost() {
  CostTables tables;
  tables.max_tokens = 512;
  tables.max_decodes = 64;
  tables.max_decode_kv_steps = 16;
  tables.max_prefill_kv_steps = 16;
  tables.max_chunk = 512;
  for (int i = 0; i <= tables.max_tokens; ++i) tables.tokens.push_back(1e10 + 1e8 * i);
  tables.decode.assign(65 * 17, 1e8);
  tables.prefill.assign(17 * 513, 1e8);
  return CostModel("plain", std::move(tables));
}

}  // namespace

TEST_CASE("decisions do not depend on outputs before they are seen", "[blindness]") {
  const CostModel cost = plain_cost();
  ClusterConfig config;
  config.cost = &cost;
  config.limits.num_blocks = 100;
  config.limits.watermark_blocks = 1;
  config.limits.max_tokens = 512;
  config.limits.max_tokens_in_batch = 512;
  Simulation simulation;
  for (std::uint64_t round = 0; round < 40; ++round) {
    WorkloadRandom random(round, WorkloadRandom::Purpose::lengths);
    config.limits.scheduler = round % 2 ? ReplicaSchedulerKind::sarathi : ReplicaSchedulerKind::vllm;
    std::vector<RawRequest> rows;
    double time = 0;
    for (int i = 0; i < 60; ++i) {
      time += random.exponential() * 0.05;
      rows.push_back(
          {time, static_cast<std::int32_t>(1 + random.below(200)), static_cast<std::int32_t>(2 + random.below(100))});
    }
    const Workload workload = make_workload("a", rows);
    for (auto& row : rows) row.num_decode_tokens = static_cast<std::int32_t>(2 + random.below(100));
    const Workload other = make_workload("b", rows);
    for (const PolicyInfo& info : registered_policies()) {
      if (info.clairvoyant) continue;
      INFO(info.name << " round " << round);
      const auto policy = info.make(default_values(info.params));
      const Replay first = simulation.run(config, workload, *policy, round);
      const Replay& second = simulation.run(config, other, *policy, round);
      // Up to the first completion of either run, nothing that a policy may see differs.
      Time seen = kNever;
      for (const Replay* replay : {&first, &second}) {
        for (const RequestRecord& record : replay->requests) seen = std::min(seen, record.completed_at);
      }
      std::size_t decided = 0;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const RequestRecord &a = first.requests[i], &b = second.requests[i];
        CHECK(a.replica >= 0);
        CHECK(a.assigned_at >= workload.requests[i].arrived_at);
        CHECK(a.completed_at > a.assigned_at);
        if (a.assigned_at >= seen && b.assigned_at >= seen) continue;
        CHECK(a.assigned_at == b.assigned_at);
        CHECK(a.replica == b.replica);
        ++decided;
      }
      CHECK(decided > 0);
    }
  }
}
