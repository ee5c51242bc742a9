// Closed loops: what arrives because something else has completed, and when.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "core/cluster/simulation.hpp"
#include "core/metrics/interference_free.hpp"
#include "core/metrics/summary.hpp"
#include "core/workload/random.hpp"
#include "tests/support/small_cluster.hpp"
#include "tests/support/times.hpp"

using namespace switchyard;

namespace {

// Every batch takes 10 ms, whatever it holds.
CostModel ten_ms() {
  CostTables tables = SmallCluster::plain_tables();
  for (double& time : tables.tokens) time = 1e10;
  tables.decode.assign(tables.decode.size(), 0);
  tables.prefill.assign(tables.prefill.size(), 0);
  return CostModel("ten ms", std::move(tables));
}

std::vector<EngineOptions> engines() {
  VllmV1Options v1{.num_gpu_blocks = 101, .max_num_batched_tokens = 512, .max_num_seqs = 32, .max_model_len = 512};
  v1.sleep_after_empty_plan = 0;  // else what arrives as soon as it can may find the engine asleep
  VllmV1Options synchronous = v1;
  synchronous.async_scheduling = false;
  return {
      VllmV0Options{.num_blocks = 100, .watermark_blocks = 1, .max_tokens_in_batch = 512, .max_tokens = 512},
      SarathiOptions{.num_blocks = 100, .watermark_blocks = 1, .chunk_size = 512, .max_tokens = 512},
      OrcaOptions{.num_blocks = 100, .max_tokens = 512},
      synchronous,
      v1,
  };
}

// Notes what it is told, and sends all to one replica after another.
class InTurn final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override {
    arrivals.clear();
    completions.clear();
    next_ = 0;
  }
  void on_arrival(const QueuedRequest& request) override { arrivals.push_back(request); }
  void on_completion(const CompletedRequest& request) override { completions.push_back(request); }
  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) cluster.assign(cluster.first_queued(), next_++ % cluster.num_replicas());
  }

  std::vector<QueuedRequest> arrivals;
  std::vector<CompletedRequest> completions;

 private:
  std::int32_t next_ = 0;
};

RawRequest turn(std::int32_t parent, double think_s, std::int32_t prompt, std::int32_t outputs) {
  RawRequest row;
  row.num_prefill_tokens = prompt;
  row.num_decode_tokens = outputs;
  row.parent = parent;
  row.session = 7;
  row.think_s = think_s;
  return row;
}

}  // namespace

TEST_CASE("closed loop: a session of four turns, by hand", "[closed_loop]") {
  // The prompt's batch gives the first output token, each batch after it one more. Next turns arrive when the one
  // before has completed and its think time is over, or one tick later if there is none.
  std::vector<RawRequest> rows = {turn(-1, 0, 20, 3), turn(0, 1.0, 40, 1), turn(1, 0, 50, 5), turn(2, 0.25, 70, 2)};
  for (RawRequest& row : rows) row.arrived_at_s = 0.5;
  const Workload workload = make_workload("a session", rows);
  const CostModel cost = ten_ms();
  for (const EngineOptions& options : engines()) {
    for (const Kernel kernel : {Kernel::step, Kernel::leap}) {
      InTurn policy;
      Simulation simulation(kernel);
      const Replay& replay = simulation.run(ClusterConfig::uniform(1, ReplicaKind(options, cost)), workload, policy, 1);
      INFO("engine " << static_cast<int>(ReplicaKind(options, cost).engine()));
      const std::vector<RequestRecord>& turns = replay.requests;
      REQUIRE(turns.size() == 4);
      CHECK(turns[0].arrived_at == 500 * kMs);
      CHECK(turns[0].prefill_completed_at == 510 * kMs);
      CHECK(turns[0].completed_at == 530 * kMs);
      CHECK(turns[1].arrived_at == 1530 * kMs);
      CHECK(turns[1].completed_at == 1540 * kMs);
      CHECK(turns[2].arrived_at == 1540 * kMs + 1);
      CHECK(turns[2].completed_at == 1590 * kMs + 1);
      CHECK(turns[3].arrived_at == 1840 * kMs + 1);
      CHECK(turns[3].completed_at == 1860 * kMs + 1);
      CHECK(replay.makespan == 1860 * kMs + 1);
    }
  }
}

TEST_CASE("closed loop: ids count arrivals, sessions are numbered as they begin, records are by row", "[closed_loop]") {
  // Rows of two sessions and a request of none; the second session is over before the first one's next turn.
  std::vector<RawRequest> rows = {turn(-1, 0, 20, 3), turn(0, 1.0, 21, 1), turn(-1, 0, 22, 1), turn(2, 0.1, 23, 2),
                                  turn(-1, 0, 24, 1)};
  rows[2].session = rows[3].session = 3;
  rows[2].arrived_at_s = rows[3].arrived_at_s = 0.1;
  rows[4].arrived_at_s = 0.5;
  rows[4].session = -1;
  const Workload workload = make_workload("two sessions", rows);
  const CostModel cost = ten_ms();
  InTurn policy;
  Simulation simulation;
  const Replay& replay =
      simulation.run(ClusterConfig::uniform(2, ReplicaKind(engines()[0], cost)), workload, policy, 1);
  std::vector<std::int32_t> prompts, sessions;
  for (std::size_t i = 0; i < policy.arrivals.size(); ++i) {
    CHECK(policy.arrivals[i].id == static_cast<RequestId>(i));
    prompts.push_back(policy.arrivals[i].num_prefill_tokens);
    sessions.push_back(policy.arrivals[i].session);
  }
  CHECK(prompts == std::vector<std::int32_t>{20, 22, 23, 24, 21});
  CHECK(sessions == std::vector<std::int32_t>{0, 1, 1, -1, 0});
  CHECK(policy.completions.back().id == 4);
  CHECK(policy.completions.back().arrived_at == 1030 * kMs);
  CHECK(replay.requests[1].arrived_at == 1030 * kMs);
  CHECK(replay.requests[3].arrived_at == 210 * kMs);
  const Summary summary = summarize(replay, workload, ClusterConfig::uniform(2, ReplicaKind(engines()[0], cost)));
  CHECK(summary.mean_e2e_s == Approx((30 + 10 + 10 + 20 + 10) / 5e3));
  CHECK(summary.throughput_rps == Approx(5 / 1.04));
  CHECK(summary.mean_slowdown == 1.0);
}

TEST_CASE("closed loop: two turns may wait for one, and each for itself", "[closed_loop]") {
  std::vector<RawRequest> rows = {turn(-1, 0, 20, 1), turn(0, 0.5, 21, 1), turn(0, 0.2, 22, 1), turn(0, 0.5, 23, 1)};
  const Workload workload = make_workload("a tree", rows);
  InTurn policy;
  const CostModel cost = ten_ms();
  Simulation simulation;
  const Replay& replay =
      simulation.run(ClusterConfig::uniform(3, ReplicaKind(engines()[0], cost)), workload, policy, 1);
  CHECK(replay.requests[2].arrived_at == 210 * kMs);
  CHECK(replay.requests[1].arrived_at == 510 * kMs);
  CHECK(replay.requests[3].arrived_at == 510 * kMs);
  CHECK(policy.arrivals[2].num_prefill_tokens == 21);  // of one instant, in order of rows
}

TEST_CASE("closed loop: a concurrency of 1 gives the interference-free times", "[closed_loop]") {
  const SmallCluster cluster;
  std::vector<RawRequest> rows = SmallCluster::rows(3);
  const bool sessions = GENERATE(false, true);
  if (sessions) {  // three turns each, with time to think
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i % 3 == 0) continue;
      rows[i].parent = static_cast<std::int32_t>(i) - 1;
      rows[i].think_s = 0.05;
    }
  }
  const Workload workload = make_workload("one client", rows, TraceContent(), 1);
  for (const EngineOptions& options : engines()) {
    const ClusterConfig config = ClusterConfig::uniform(2, ReplicaKind(options, cluster.cost));
    const std::vector<Time> alone = interference_free_times(config, workload);
    for (const Kernel kernel : {Kernel::step, Kernel::leap}) {
      InTurn policy;
      const Replay replay = Simulation(kernel).run(config, workload, policy, 1);
      INFO("engine " << static_cast<int>(config.kind(0).engine()));
      Time free_at = 0;
      for (std::size_t i = 0; i < workload.size(); ++i) {
        const RequestRecord& record = replay.requests[i];
        CHECK(record.completed_at - record.arrived_at == alone[i]);
        const Time think = sessions && i % 3 != 0 ? 50 * kMs : i == 0 ? 0 : 1;
        CHECK(record.arrived_at == free_at + think);
        free_at = record.completed_at;
      }
    }
  }
}

TEST_CASE("closed loop: so many sessions are under way at any time, until none is left to begin", "[closed_loop]") {
  const SmallCluster cluster;
  const Workload workload = make_workload("five clients", SmallCluster::rows(5), TraceContent(), 5);
  InTurn policy;
  const Replay replay = cluster.replay(workload, policy, 2);
  std::vector<std::pair<Time, int>> changes;
  for (const RequestRecord& record : replay.requests) {
    changes.push_back({record.arrived_at, 1});
    changes.push_back({record.completed_at + 1, -1});  // whose place the next one takes
  }
  std::sort(changes.begin(), changes.end());
  int under_way = 0, most = 0;
  for (const auto& [at, change] : changes) {
    most = std::max(most, under_way += change);
    if (at > 0 && at < replay.requests.back().arrived_at && change > 0) CHECK(under_way == 5);
  }
  CHECK(most == 5);
  CHECK(replay.requests[5].arrived_at > 0);
}

TEST_CASE("closed loop: a row cannot wait for one that is not before it", "[closed_loop]") {
  std::vector<RawRequest> rows = {turn(-1, 0, 20, 1), turn(2, 0, 20, 1), turn(-1, 0, 20, 1)};
  CHECK_THROWS_AS(make_workload("knot", rows), std::invalid_argument);
  rows[1].parent = 1;
  CHECK_THROWS_AS(make_workload("knot", rows), std::invalid_argument);
}

TEST_CASE("closed loop: a policy that never places the first turn stalls, and is told so", "[closed_loop]") {
  class Never final : public Policy {
   public:
    void start(const ClusterView&, std::uint64_t) override {}
    void schedule(ClusterView&) override {}
  };
  const std::vector<RawRequest> rows = {turn(-1, 0, 20, 1), turn(0, 0, 20, 1)};
  const SmallCluster cluster;
  Never never;
  CHECK_THROWS_WITH(cluster.replay(make_workload("stall", rows), never, 1),
                    Catch::Contains("0 of 2 requests completed, 1 wait in the global queue") &&
                        Catch::Contains("0 are held by replicas"));
}
