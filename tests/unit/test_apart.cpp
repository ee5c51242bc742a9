// Prefill and decode apart, by hand: every step takes 1 ms, steps are booked before the next one is planned, a token's
// KV has 1000 bytes. What is handed over comes a tick (1 ps) later, and a transfer takes a tick at least.
#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "core/cluster/simulation.hpp"
#include "core/workload/hash_ids.hpp"
#include "tests/support/times.hpp"

using namespace switchyard;

namespace {

constexpr std::int64_t kMegabyte = 1'000'000;

CostModel step_of_a_ms() {
  CostTables tables;
  tables.max_tokens = 8;
  tables.max_decodes = 1;
  tables.max_decode_kv_steps = tables.max_prefill_kv_steps = 1;
  tables.max_chunk = 8;
  tables.tokens.assign(9, static_cast<double>(kMs));
  tables.decode.assign(4, 0.0);
  tables.prefill.assign(18, 0.0);
  return CostModel("flat", std::move(tables));
}

// Where each request's prompt is computed and where it decodes. The second is told at once, or when it is asked for.
struct Places {
  std::int32_t prefill = 0;
  std::int32_t decode = 0;
  bool at_once = true;
};
class ByHand final : public Policy {
 public:
  explicit ByHand(std::vector<Places> places) : places_(std::move(places)) {}
  void start(const ClusterView&, std::uint64_t) override { prefilled.clear(); }
  void on_prefilled(const QueuedRequest& request) override { prefilled.push_back(request.id); }
  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) {
      const RequestId id = cluster.first_queued();
      const Places& places = places_[static_cast<std::size_t>(id)];
      if (cluster.queued(id).prefilled_on >= 0) {
        CHECK(cluster.queued(id).prefilled_on == places.prefill);
        CHECK(cluster.outstanding(places.prefill) == 0);
        cluster.assign(id, places.decode);
      } else if (places.prefill == places.decode || !places.at_once) {
        cluster.assign(id, places.prefill);
      } else {
        cluster.assign(id, places.prefill, places.decode);
      }
    }
  }
  std::vector<RequestId> prefilled;

 private:
  std::vector<Places> places_;
};

// The first replica prefills, the others decode.
struct SplitCluster {
  explicit SplitCluster(std::int32_t num_decoding, std::int32_t prefill_blocks = 100, std::int32_t decode_blocks = 100,
                        LinkSpeed prefill_port = {}, Time latency = 0)
      : cost(step_of_a_ms()) {
    const auto kind = [&](std::int32_t blocks, Role role, LinkSpeed port) {
      VllmV1Options options{.num_gpu_blocks = blocks + 1};
      options.async_scheduling = false;
      config.kinds.emplace_back(options, cost, role, port);
    };
    kind(prefill_blocks, Role::prefill, prefill_port);
    kind(decode_blocks, Role::decode, {});
    config.kind_of_replica.assign(static_cast<std::size_t>(num_decoding) + 1, 1);
    config.kind_of_replica[0] = 0;
    config.hand_off = {.kv_bytes_per_token = 1000, .latency = latency};
  }
  SplitCluster(const SplitCluster&) = delete;
  SplitCluster& operator=(const SplitCluster&) = delete;

  Replay run(Kernel kernel, const Workload& workload, Policy& policy) const {
    return Simulation(kernel).run(config, workload, policy, 1);
  }

  CostModel cost;
  ClusterConfig config;
};

Kernel either_kernel() { return GENERATE(Kernel::step, Kernel::leap); }

}  // namespace

TEST_CASE("apart: first token from the prefill side, the rest after the transfer", "[apart]") {
  // 0 to 1 ms: the prompt. 1 ms: handed over; 2 ms of latency and 8000 bytes at 1 MB/s, 8 ms: to 11 ms. Then two steps.
  const SplitCluster cluster(1, 100, 100, {kMegabyte}, 2 * kMs);
  const Workload workload = make_workload("", {{0, 8, 3}});
  const Kernel kernel = either_kernel();
  for (const bool at_once : {true, false}) {
    ByHand policy({{0, 1, at_once}});
    const Replay replay = cluster.run(kernel, workload, policy);
    const Time late = at_once ? 1 : 0;  // a router decides at the instant of the first token
    const RequestRecord& record = replay.requests[0];
    CHECK(record.prefill_completed_at == kMs);
    CHECK(record.completed_at == 13 * kMs + late);
    CHECK(record.execution == 3 * kMs);
    CHECK(record.replica == 1);
    CHECK(policy.prefilled.size() == (at_once ? 0 : 1));
    REQUIRE(replay.hand_offs.size() == 1);
    const HandOff& entry = replay.hand_offs[0];
    CHECK(entry.prefill_replica == 0);
    CHECK(entry.decode_replica == 1);
    CHECK(entry.num_moved_tokens == 8);
    CHECK(entry.num_moved_bytes == 8000);
    CHECK(entry.prefilled_at == kMs);
    CHECK(entry.assigned_at == (at_once ? 0 : kMs));
    CHECK(entry.began_at == kMs + late);
    CHECK(entry.ended_at == 11 * kMs + late);
    CHECK(replay.replicas[0].num_prefilled == 1);
    CHECK(replay.replicas[0].num_requests == 0);
    CHECK(replay.replicas[1].num_requests == 1);
    CHECK(replay.replicas[1].num_scheduled_tokens == 2);
  }
}

TEST_CASE("apart: a transfer waits for blocks, in turn, and the prompt's blocks wait with it", "[apart]") {
  // Both sides have two blocks of 16 tokens. Requests 0 and 1 are computed in the first step, 2 finds no block.
  // 1 ms: 0 takes both blocks where it decodes (16 tokens and the next); 1 waits for them. 0's KV moves in no time, so
  // 2 has a block now and is computed until 2 ms. 0 decodes three tokens until 4 ms; 1 takes its blocks, and decodes
  // one until 5 ms; then 2, until 6 ms.
  const SplitCluster cluster(1, 2, 2);
  const Workload workload = make_workload("", {{0, 16, 4}, {0, 16, 2}, {0, 16, 2}});
  ByHand policy({{0, 1}, {0, 1}, {0, 1}});
  const Replay replay = cluster.run(either_kernel(), workload, policy);
  REQUIRE(replay.hand_offs.size() == 3);
  CHECK(replay.requests[0].prefill_completed_at == kMs);
  CHECK(replay.requests[1].prefill_completed_at == kMs);
  CHECK(replay.requests[2].prefill_completed_at == 2 * kMs + 2);
  CHECK(replay.hand_offs[0].began_at == kMs + 1);
  CHECK(replay.hand_offs[0].ended_at == kMs + 2);
  CHECK(replay.requests[0].completed_at == 4 * kMs + 2);
  CHECK(replay.hand_offs[1].began_at == 4 * kMs + 2);
  CHECK(replay.requests[1].completed_at == 5 * kMs + 3);
  CHECK(replay.hand_offs[2].began_at == 5 * kMs + 3);
  CHECK(replay.requests[2].completed_at == 6 * kMs + 4);
}

TEST_CASE("apart: two transfers that share a port", "[apart]") {
  // 8000 and 4000 bytes leave by a port of 1 MB/s from 1 ms on: at half of it each until 9 ms, when the second has
  // gone; the 4000 bytes that the first has left take until 13 ms. Then one step each.
  const SplitCluster cluster(2, 100, 100, {kMegabyte});
  const Workload workload = make_workload("", {{0, 8, 2}, {0, 4, 2}});
  ByHand policy({{0, 1}, {0, 2}});
  const Replay replay = cluster.run(either_kernel(), workload, policy);
  REQUIRE(replay.hand_offs.size() == 2);
  CHECK(replay.hand_offs[1].ended_at == 9 * kMs + 1);
  CHECK(replay.hand_offs[0].ended_at == 13 * kMs + 1);
  CHECK(replay.requests[1].completed_at == 10 * kMs + 1);
  CHECK(replay.requests[0].completed_at == 14 * kMs + 1);
}

TEST_CASE("apart: with a cached prefix only what is missing moves", "[apart]") {
  // Request 0, of blocks A and B, is computed where it decodes. 1 has A, B, C: replica 1 lacks C, 16 tokens. 2 is like
  // it: nothing is missing, and the transfer takes its latency of 2 ms.
  SplitCluster cluster(1, 100, 100, {kMegabyte}, 2 * kMs);
  Workload workload = make_workload("", {{0, 32, 1}, {0.002, 48, 2}, {0.030, 48, 2}});
  HashIds ids;
  const std::vector<std::vector<std::int64_t>> prompts = {{1, 2}, {1, 2, 3}, {1, 2, 3}};
  std::vector<std::int32_t> rows;
  for (const auto& prompt : prompts) rows.push_back(ids.add(prompt));
  workload.content = Content(16);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    workload.content.add(ids.runs(rows[i]), static_cast<std::int32_t>(16 * prompts[i].size()));
  }
  ByHand policy({{1, 1}, {0, 1}, {0, 1}});
  const Replay replay = cluster.run(either_kernel(), workload, policy);
  REQUIRE(replay.hand_offs.size() == 2);
  CHECK(replay.requests[0].replica == 1);
  CHECK(replay.requests[0].completed_at == kMs);
  CHECK(replay.requests[1].num_cached_tokens == 0);  // where its prompt was computed
  CHECK(replay.hand_offs[0].num_moved_bytes == 16'000);
  CHECK(replay.hand_offs[0].ended_at == (3 + 2 + 16) * kMs + 1);
  CHECK(replay.requests[2].num_cached_tokens == 32);
  CHECK(replay.hand_offs[1].num_moved_tokens == 0);
  CHECK(replay.hand_offs[1].ended_at == 33 * kMs + 1);
}

TEST_CASE("apart: an answer of one token is not handed over", "[apart]") {
  const SplitCluster cluster(1);
  const Workload workload = make_workload("", {{0, 8, 1}});
  for (const bool at_once : {true, false}) {
    ByHand policy({{0, 1, at_once}});
    const Replay replay = cluster.run(either_kernel(), workload, policy);
    CHECK(replay.hand_offs.empty());
    CHECK(replay.requests[0].replica == 0);
    CHECK(replay.requests[0].completed_at == kMs);
  }
}

TEST_CASE("apart: transfers of no time and a prefill replica for each request give the first token of an idle replica",
          "[apart]") {
  const Kernel kernel = either_kernel();
  CostTables tables;
  tables.max_tokens = 512;
  tables.max_decodes = 8;
  tables.max_decode_kv_steps = tables.max_prefill_kv_steps = 16;
  tables.max_chunk = 512;
  for (int i = 0; i <= 512; ++i) tables.tokens.push_back(1e9 + 1e7 * i);
  tables.decode.assign(9 * 17, 1e8);
  tables.prefill.assign(17 * 513, 1e8);
  const CostModel cost("sloped", std::move(tables));
  std::vector<RawRequest> rows;
  for (int i = 0; i < 40; ++i) rows.push_back({0.0007 * i, 1 + 37 * i % 400, 1 + 11 * i % 30});
  for (const bool async : {true, false}) {
    VllmV1Options options{.num_gpu_blocks = 100, .max_num_batched_tokens = 128};
    options.async_scheduling = async;
    ClusterConfig config;
    config.kinds.emplace_back(options, cost, Role::prefill);
    config.kinds.emplace_back(options, cost, Role::decode);
    config.kind_of_replica.assign(rows.size(), 0);
    config.kind_of_replica.push_back(1);
    std::vector<Places> places;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      places.push_back({static_cast<std::int32_t>(i), static_cast<std::int32_t>(rows.size())});
    }
    ByHand apart(places);
    Simulation simulation(kernel);
    const Replay replay = simulation.run(config, make_workload("", rows), apart, 1);
    const ClusterConfig idle = ClusterConfig::uniform(1, ReplicaKind(options, cost));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ByHand alone({{0, 0}});
      RawRequest row = rows[i];
      row.arrived_at_s = 0;
      const Replay& expected = simulation.run(idle, make_workload("", {row}), alone, 1);
      const Time first = expected.requests[0].prefill_completed_at;
      CHECK(replay.requests[i].prefill_completed_at - replay.requests[i].arrived_at == first);
    }
  }
}

TEST_CASE("apart: a policy that sends to the wrong role is refused in one line", "[apart]") {
  const SplitCluster cluster(1);
  const Workload workload = make_workload("", {{0, 8, 2}});
  ByHand twice({{0, 0, false}});
  CHECK_THROWS_WITH(cluster.run(Kernel::leap, workload, twice),
                    Catch::Contains("request 0, whose prompt replica 0 has computed, to replica 0, which only"));
  ByHand swapped({{1, 0}});
  CHECK_THROWS_WITH(cluster.run(Kernel::leap, workload, swapped),
                    Catch::Contains("the first must have the role prefill"));
}

TEST_CASE("apart: a policy that ignores roles is refused in one line", "[apart]") {
  const SplitCluster cluster(1);
  const Workload workload = make_workload("", {{0, 8, 2}});
  const RoutedBy hra{.make =
                         [] {
                           return std::make_unique<ByHand>(std::vector<Places>{{0, 1}});
                         },
                     .knows_roles = false};
  CHECK_THROWS_WITH(Simulation().run(cluster.config, workload, hra, 1), Catch::Contains("it ignores roles"));
}

namespace {

// Prompts to replica 0, and on to replica 1, or to 2 if it is tried again; request `whole` to replica 1 for good. Waits
// for those that take none now.
class AgainElsewhere final : public Policy {
 public:
  explicit AgainElsewhere(RequestId decodes_on_2, RequestId whole = -1) : decodes_on_2_(decodes_on_2), whole_(whole) {}
  void start(const ClusterView&, std::uint64_t) override {}
  void schedule(ClusterView& cluster) override {
    for (RequestId id = cluster.first_queued(); id >= 0;) {
      const RequestId next = cluster.next_queued(id);
      const bool on_2 = id == decodes_on_2_ || (cluster.queued(id).num_retries > 0 && cluster.num_replicas() > 2);
      if (id == whole_) {
        cluster.assign(id, 1);
      } else if (cluster.can_serve(id, 0)) {
        cluster.assign(id, 0, on_2 ? 2 : 1);
      }
      id = next;
    }
  }

 private:
  RequestId decodes_on_2_;
  RequestId whole_;
};

}  // namespace

TEST_CASE("apart: the replica that a request was to decode on fails in mid-transfer", "[apart][operations]") {
  // 5000 bytes of request 0 and 3000 of 1 leave by a port of 1 MB/s from 1 ms on, at half of it each. Replica 1 fails
  // at 5 ms: 2000 bytes of each have moved. The rest of 0's are dropped, and 1's go at full speed, until 6 ms; it
  // decodes until 7. The router learns of the failure at 7 ms: 5 + 1 tokens of request 0 are computed again until 8,
  // which is its second token. 6000 bytes move until 14 ms, and it has its third at 15.
  SplitCluster cluster(2, 2, 100, {kMegabyte});
  cluster.config.operations.events = {{.at = 5 * kMs, .kind = ReplicaEvent::Kind::fail, .replica = 1}};
  cluster.config.operations.detection = 2 * kMs;
  const Workload workload = make_workload("", {{0, 5, 3}, {0, 3, 2}});
  AgainElsewhere policy(1);
  const Replay replay = cluster.run(either_kernel(), workload, policy);
  CHECK(replay.requests[1].completed_at == 7 * kMs + 1);
  const RequestRecord& record = replay.requests[0];
  CHECK(record.num_retries == 1);
  CHECK(record.prefill_completed_at == kMs);
  CHECK(record.completed_at == 15 * kMs + 1);
  CHECK(record.replica == 2);
  REQUIRE(replay.hand_offs.size() == 2);  // of attempts that succeeded
  const HandOff& entry = replay.hand_offs[0];
  CHECK(entry.prefilled_at == 8 * kMs);
  CHECK(entry.num_moved_bytes == 6000);
  CHECK(entry.ended_at == 14 * kMs + 1);
  CHECK(entry.decode_replica == 2);
  CHECK(replay.hand_offs[1].ended_at == 6 * kMs + 1);
  CHECK(replay.replicas[0].num_prefilled == 3);
  CHECK(replay.num_retries == 1);
}

TEST_CASE("apart: the replica that computed the prompt fails in mid-transfer", "[apart][operations]") {
  // Request 0 takes the one block of replica 1 at 1 ms, and its 5000 bytes would come until 6 ms. Request 1 comes at 3
  // ms and finds no block there. At 4 ms replica 0 fails: 0 leaves replica 1, where 1 is computed until 5 ms. The
  // router learns of it at 5 ms, and replica 0 is back at 6: 5 + 1 tokens until 7, 6000 bytes until 13, and the last
  // token.
  SplitCluster cluster(1, 100, 1, {kMegabyte});
  cluster.config.operations.events = {
      {.at = 4 * kMs, .kind = ReplicaEvent::Kind::fail, .replica = 0, .lasts = 2 * kMs}};
  cluster.config.operations.detection = kMs;
  const Workload workload = make_workload("", {{0, 5, 3}, {0.003, 8, 1}});
  AgainElsewhere policy(-1, 1);
  const Replay replay = cluster.run(either_kernel(), workload, policy);
  CHECK(replay.requests[1].completed_at == 5 * kMs);
  CHECK(replay.requests[1].num_retries == 0);
  const RequestRecord& record = replay.requests[0];
  CHECK(record.num_retries == 1);
  CHECK(record.prefill_completed_at == kMs);
  CHECK(record.assigned_at == 6 * kMs);
  CHECK(record.completed_at == 14 * kMs + 1);
  REQUIRE(replay.hand_offs.size() == 1);
  CHECK(replay.hand_offs[0].began_at == 7 * kMs + 1);
  CHECK(replay.hand_offs[0].ended_at == 13 * kMs + 1);
}

TEST_CASE("apart: an autoscaler drains neither the last replica that prefills nor the last that decodes",
          "[apart][operations]") {
  // Looked at each second, idle for 2 s: replica 2 goes at 2 s; 1 and 0 stay, though one would be enough.
  SplitCluster cluster(2);
  cluster.config.operations.scale_above = 1000;
  cluster.config.operations.scale_idle = 2 * kTicksPerSecond;
  const Workload workload = make_workload("", {{0, 8, 1}, {10, 8, 2}});
  AgainElsewhere policy(-1);
  const Replay replay = cluster.run(either_kernel(), workload, policy);
  CHECK(replay.requests[1].completed_at == 10 * kTicksPerSecond + 2 * kMs + 2);
  REQUIRE(replay.absences.size() == 1);
  CHECK(replay.absences[0].replica == 2);
  CHECK(replay.absences[0].from == 2 * kTicksPerSecond);
}

TEST_CASE("apart: other engines, and clusters that only prefill, are refused", "[apart]") {
  const CostModel cost = step_of_a_ms();
  const Workload workload = make_workload("", {{0, 8, 2}});
  ByHand policy({{0, 0}});
  ClusterConfig config;
  config.kinds.emplace_back(SarathiOptions{.num_blocks = 100}, cost, Role::prefill);
  config.kind_of_replica = {0};
  CHECK_THROWS_WITH(Simulation().run(config, workload, policy, 1), Catch::Contains("takes vllm_v1"));
  config.kinds = {ReplicaKind(VllmV1Options{.num_gpu_blocks = 100}, cost, Role::prefill)};
  CHECK_THROWS_WITH(Simulation().run(config, workload, policy, 1), Catch::Contains("at least one has to decode"));
}
