// Blind: with the hidden output lengths changed, a policy decides the same until a completion shows the difference.
// And: every policy gives each request to exactly one replica, after it arrived, and all of them complete. For every
// registered policy, and for compositions drawn at random.
#include <catch2/catch.hpp>

#include "core/clairvoyant/clairvoyant.hpp"
#include "policies/random_stream.hpp"
#include "policies/registry.hpp"
#include "search/space.hpp"
#include "tests/support/small_cluster.hpp"

using namespace switchyard;

namespace {

// Runs the policy on a workload, and on the same with other outputs.
void check_blind(const SmallCluster& cluster, Policy& policy, std::uint64_t round) {
  std::vector<RawRequest> rows = SmallCluster::rows(round);
  const Workload workload = make_workload("a", rows);
  WorkloadRandom random(round, WorkloadRandom::Purpose::lengths);
  for (auto& row : rows) row.num_decode_tokens = static_cast<std::int32_t>(2 + random.below(100));
  const Workload other = make_workload("b", rows);
  const Replay first = cluster.replay(workload, policy, round);
  const Replay second = cluster.replay(other, policy, round);
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
  // No replica ever holds more KV blocks than it has.
  for (const ReplicaTotals& replica : first.replicas) CHECK(replica.peak_blocks <= SmallCluster::kNumBlocks);
  std::int64_t completed = 0;
  for (const ReplicaTotals& replica : first.replicas) completed += replica.num_requests;
  CHECK(completed == static_cast<std::int64_t>(rows.size()));
}

// It reads what its parts are said to read, and where that is nothing published, it needs no snapshots.
void check_signals(const SmallCluster& cluster, const PolicySpec& spec, const Workload& workload, const Replay& replay,
                   std::uint64_t seed) {
  const std::vector<Signal> named = spec.signals();
  for (int i = 0; i < kNumSignals; ++i) {
    const auto signal = static_cast<Signal>(i);
    if ((replay.signals_read >> i & 1U) == 0) continue;
    INFO(signal_name(signal));
    CHECK(std::count(named.begin(), named.end(), signal) == 1);
  }
  const RoutedBy routed = spec.routed();
  if (routed.reads_snapshots) return;
  CHECK(same_records(replay, Simulation().run(seed % 2 ? cluster.sarathi : cluster.vllm_v0, workload, routed, seed)));
}

}  // namespace

TEST_CASE("decisions do not depend on outputs before they are seen", "[blindness]") {
  const SmallCluster cluster;
  for (std::uint64_t round = 0; round < 40; ++round) {
    for (const PolicyInfo& info : registered_policies()) {
      if (info.clairvoyant) continue;
      INFO(info.name << " round " << round);
      check_blind(cluster, *info.make(default_values(info.params)), round);
    }
  }
}

TEST_CASE("what comes through the door of output lengths is marked, and nothing else is exempt", "[blindness]") {
  std::vector<std::string> knowing;
  for (const PolicyInfo& info : registered_policies()) {
    INFO(info.name);
    const auto policy = info.make(default_values(info.params));
    const bool knows = dynamic_cast<const Clairvoyant*>(policy.get()) != nullptr;
    CHECK(knows == info.clairvoyant);
    CHECK(knows == (info.group == PolicyGroup::reference));
    if (knows) knowing.push_back(info.name);
  }
  CHECK(knowing == std::vector<std::string>{"clairvoyant_greedy", "clairvoyant_hold"});
}

TEST_CASE("references that know output lengths use them", "[blindness]") {
  const SmallCluster cluster;
  for (const char* name : {"clairvoyant_greedy", "clairvoyant_hold"}) {
    INFO(name);
    bool differs = false;  // before an output shows
    for (std::uint64_t round = 0; round < 100; ++round) {
      std::vector<RawRequest> rows = SmallCluster::rows(round);
      for (auto& row : rows) row.arrived_at_s /= 10;
      const Workload workload = make_workload("a", rows);
      for (auto& row : rows) row.num_decode_tokens = 103 - row.num_decode_tokens;
      const Workload other = make_workload("b", rows);
      const Replay first = cluster.replay(workload, *parse_policy(name, "").make(), round);
      const Replay second = cluster.replay(other, *parse_policy(name, "").make(), round);
      Time seen = kNever;
      for (const Replay* replay : {&first, &second}) {
        for (const RequestRecord& record : replay->requests) seen = std::min(seen, record.completed_at);
      }
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const RequestRecord &a = first.requests[i], &b = second.requests[i];
        if (a.assigned_at >= seen && b.assigned_at >= seen) continue;
        differs = differs || a.replica != b.replica || a.assigned_at != b.assigned_at;
      }
    }
    CHECK(differs);
  }
}

TEST_CASE("compositions are blind, and never stall while an idle replica admits", "[blindness]") {
  const SmallCluster cluster;
  const PolicyInfo& compose = find_policy("compose", "");
  for (std::uint64_t round = 0; round < 1000; ++round) {
    RandomStream random(round, "compositions");
    std::vector<double> coordinates;
    for (std::size_t i = 0; i < compose.params.size(); ++i) {
      coordinates.push_back(static_cast<double>(random.next() >> 11) * 0x1.0p-53);
    }
    PolicySpec spec{&compose, values_at(compose.params, coordinates)};
    for (std::size_t i = 0; i < compose.params.size(); ++i) {
      if (compose.params[i].name == "idle") spec.values[i] = 0;
    }
    INFO(spec.text() << " round " << round);
    check_blind(cluster, *spec.make(), round);
    const Workload workload = SmallCluster::workload(round);
    const Replay replay = cluster.replay(workload, *spec.make(), round);
    CHECK(same_records(replay, cluster.replay(workload, *spec.make(), round, Kernel::step)));
    check_signals(cluster, spec, workload, replay, round);
  }
}
