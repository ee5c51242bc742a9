// Clusters that are operated: small cases that are worked out by hand.
#include <catch2/catch.hpp>

#include "core/cluster/policy_error.hpp"
#include "core/cluster/simulation.hpp"
#include "core/input/error.hpp"
#include "core/scenario/experiment.hpp"
#include "core/scenario/fields.hpp"
#include "core/scenario/groups.hpp"
#include "policies/registry.hpp"
#include "tests/support/small_cluster.hpp"
#include "tests/support/times.hpp"

using namespace switchyard;

namespace {

// Each batch takes 10 ms, whatever it computes.
CostModel ten_ms() {
  CostTables tables;
  tables.max_tokens = 512;
  tables.max_decodes = 16;
  tables.max_decode_kv_steps = tables.max_prefill_kv_steps = 8;
  tables.max_chunk = 512;
  tables.tokens.assign(513, static_cast<double>(10 * kMs));
  tables.decode.assign(std::size_t{17} * 9, 0.0);
  tables.prefill.assign(std::size_t{9} * 513, 0.0);
  return CostModel("ten ms", std::move(tables));
}

EngineOptions roomy(bool v1) {
  if (!v1) return VllmV0Options{.num_blocks = 100};
  VllmV1Options options{.num_gpu_blocks = 100};
  options.async_scheduling = false;
  return options;
}

// The same under both kernels and two engines, which compute a prompt and then decode.
struct Operated {
  CostModel cost = ten_ms();
  OperationOptions operations;
  std::int32_t num_replicas = 2;

  template <class Check>
  void check(const std::vector<RawRequest>& rows, const std::string& spec, const Check& check) const {
    const Workload workload = make_workload("hand", rows);
    for (const bool v1 : {false, true}) {
      for (const Kernel kernel : {Kernel::step, Kernel::leap}) {
        ClusterConfig config = ClusterConfig::uniform(num_replicas, ReplicaKind(roomy(v1), cost));
        config.operations = operations;
        const auto policy = parse_policy(spec, "").make();
        INFO((v1 ? "vllm_v1, " : "vllm_v0, ") << (kernel == Kernel::step ? "step" : "leap"));
        check(Simulation(kernel).run(config, workload, *policy, 1));
      }
    }
  }
};

ReplicaEvent event(ReplicaEvent::Kind kind, std::int32_t replica, Time at, Time lasts = kNever) {
  return {.at = at, .kind = kind, .replica = replica, .lasts = lasts};
}

}  // namespace

TEST_CASE("operations: a failure in mid-decode, with a retry", "[operations]") {
  Operated cluster;
  cluster.operations.events = {event(ReplicaEvent::Kind::fail, 0, 35 * kMs)};
  cluster.operations.detection = 20 * kMs;
  // The request (8 tokens, 5 outputs) is on replica 0: its prompt is computed at 10 ms, which is token 1, then come
  // token 2 at 20 and 3 at 30; the batch that began then is lost at 35. The router learns that at 35 + 20 = 55 ms and
  // sends 8 + 3 = 11 tokens to replica 1: token 4 at 65, token 5 at 75.
  cluster.check({{0, 8, 5}}, "llq", [](const Replay& replay) {
    const RequestRecord& request = replay.requests[0];
    CHECK(request.prefill_completed_at == 10 * kMs);
    CHECK(request.completed_at == 75 * kMs);
    CHECK(request.assigned_at == 55 * kMs);
    CHECK(request.replica == 1);
    CHECK(request.num_retries == 1);
    CHECK_FALSE(request.failed);
    CHECK(request.execution == 20 * kMs);  // of the attempt that succeeded
    CHECK(replay.num_retries == 1);
    CHECK(replay.num_failed == 0);
    CHECK(replay.absences == std::vector<ReplicaAbsence>{
                                 {.replica = 0, .why = ReplicaAbsence::Why::failed, .from = 35 * kMs, .to = 75 * kMs}});
    CHECK(replay.replicas[0].num_batches == 4);  // the one that was cut short, too
    CHECK(replay.replicas[0].num_requests == 0);
    CHECK(replay.replicas[1].num_batches == 2);
  });
}

TEST_CASE("operations: what is sent to a replica that has failed bounces when that is noticed", "[operations]") {
  Operated cluster;
  cluster.operations.events = {event(ReplicaEvent::Kind::fail, 0, 35 * kMs, 30 * kMs)};
  cluster.operations.detection = 20 * kMs;
  // In turn to replicas 0, 1, 0. The third is sent at 40 ms to a replica that is dead: it bounces at 55, and like the
  // first it goes to replica 1, the only one until 65. There the second's prompt is computed from 36 to 46 ms, its 2nd
  // token at 56, which is its last: the others' prompts are computed from 56 to 66, which is their token 4 and 1; the
  // first has 5 at 76, and the third one 2, its last.
  cluster.check({{0, 8, 5}, {0.036, 8, 2}, {0.040, 8, 2}}, "round_robin", [](const Replay& replay) {
    CHECK(replay.requests[1].completed_at == 56 * kMs);
    CHECK(replay.requests[0].completed_at == 76 * kMs);
    CHECK(replay.requests[2].prefill_completed_at == 66 * kMs);
    CHECK(replay.requests[2].completed_at == 76 * kMs);
    CHECK(replay.requests[0].num_retries == 1);
    CHECK(replay.requests[1].num_retries == 0);
    CHECK(replay.requests[2].num_retries == 1);
    CHECK(replay.requests[2].replica == 1);
    CHECK(replay.absences == std::vector<ReplicaAbsence>{
                                 {.replica = 0, .why = ReplicaAbsence::Why::failed, .from = 35 * kMs, .to = 65 * kMs}});
  });
}

TEST_CASE("operations: a request that may not be tried again has failed", "[operations]") {
  Operated cluster;
  cluster.operations.events = {event(ReplicaEvent::Kind::fail, 0, 35 * kMs)};
  cluster.operations.detection = 20 * kMs;
  cluster.operations.max_retries = 0;
  cluster.check({{0, 8, 5}, {0, 8, 2}}, "llq", [](const Replay& replay) {
    CHECK(replay.requests[0].failed);
    CHECK(replay.requests[0].completed_at == 55 * kMs);
    CHECK(replay.requests[0].prefill_completed_at == 10 * kMs);  // the client has had three tokens
    CHECK_FALSE(replay.requests[1].failed);
    CHECK(replay.requests[1].completed_at == 20 * kMs);
    CHECK(replay.num_failed == 1);
    CHECK(replay.num_retries == 0);
  });
}

TEST_CASE("operations: a replica that drains finishes what it has, and leaves", "[operations]") {
  Operated cluster;
  cluster.operations.events = {event(ReplicaEvent::Kind::drain, 0, 5 * kMs)};
  // The first is on replica 0 until 50 ms. The second and third go to replica 1, though both wait for the same batches
  // there: prompt at 16 ms, ten tokens at 106.
  cluster.check({{0, 8, 5}, {0.006, 8, 10}, {0.006, 8, 10}}, "llq", [](const Replay& replay) {
    CHECK(replay.requests[0].completed_at == 50 * kMs);
    CHECK(replay.requests[0].replica == 0);
    CHECK(replay.requests[1].completed_at == 106 * kMs);
    CHECK(replay.requests[2].completed_at == 106 * kMs);
    CHECK(replay.requests[2].replica == 1);
    CHECK(replay.num_retries == 0);
    CHECK(replay.absences ==
          std::vector<ReplicaAbsence>{
              {.replica = 0, .why = ReplicaAbsence::Why::not_there, .from = 50 * kMs, .to = 106 * kMs}});
  });
}

TEST_CASE("operations: a replica that joins serves once it has started up", "[operations]") {
  Operated cluster;
  cluster.operations.initial_replicas = 1;
  cluster.operations.start_up = 30 * kMs;
  cluster.operations.events = {event(ReplicaEvent::Kind::join, 1, 20 * kMs)};
  // At 0 and 40 ms there is but replica 0, from 50 on there are two.
  cluster.check({{0, 8, 20}, {0.040, 8, 20}, {0.060, 8, 5}}, "llq", [](const Replay& replay) {
    CHECK(replay.requests[1].replica == 0);
    CHECK(replay.requests[2].replica == 1);
    CHECK(replay.requests[2].completed_at == 110 * kMs);
    REQUIRE(replay.absences.size() == 2);
    CHECK(replay.absences[0] ==
          ReplicaAbsence{.replica = 1, .why = ReplicaAbsence::Why::not_there, .from = 0, .to = 20 * kMs});
    CHECK(replay.absences[1] ==
          ReplicaAbsence{.replica = 1, .why = ReplicaAbsence::Why::starting, .from = 20 * kMs, .to = 50 * kMs});
  });
}

TEST_CASE("operations: one more replica when the queue is long, one fewer when it has nothing", "[operations]") {
  Operated cluster;
  cluster.num_replicas = 3;
  cluster.operations.initial_replicas = 1;
  cluster.operations.start_up = 500 * kMs;
  cluster.operations.scale_above = 2;
  cluster.operations.scale_after = 1000 * kMs;
  cluster.operations.scale_idle = 1000 * kMs;
  // 600 requests of 300 tokens each at once, 4 outputs. Of 100 blocks they take 19 each: five run, for 40 ms, and the
  // others wait, up to 4.8 s. It is looked each second: above at 1 s, for long enough at 2, when replica 1 starts up.
  // It serves at 2.5 s. What was assigned stays with replica 0, so the queue is above 2 per replica still, at 3 s
  // again; at 4 s it has been so for a second, and replica 2 starts, which serves at 4.5. Replica 1 has nothing all the
  // time, but is not drained while the queue is long.
  const std::vector<RawRequest> rows(600, RawRequest{0, 300, 4});
  cluster.check(rows, "llq", [](const Replay& replay) {
    REQUIRE(replay.absences.size() == 4);
    CHECK(replay.makespan == 4800 * kMs);
    CHECK(replay.absences[0] ==
          ReplicaAbsence{.replica = 1, .why = ReplicaAbsence::Why::not_there, .from = 0, .to = 2000 * kMs});
    CHECK(replay.absences[1] ==
          ReplicaAbsence{.replica = 1, .why = ReplicaAbsence::Why::starting, .from = 2000 * kMs, .to = 2500 * kMs});
    CHECK(replay.absences[3] ==
          ReplicaAbsence{.replica = 2, .why = ReplicaAbsence::Why::starting, .from = 4000 * kMs, .to = 4500 * kMs});
  });
}

TEST_CASE("operations: where only one replica has room for a request, it goes there", "[operations]") {
  const CostModel cost = ten_ms();
  ClusterConfig config;
  config.kinds.emplace_back(VllmV0Options{.num_blocks = 7, .watermark_blocks = 1}, cost);  // 96 tokens
  config.kinds.emplace_back(VllmV0Options{.num_blocks = 100}, cost);                       // 1600
  config.kind_of_replica = {0, 0, 1};
  // No output is longer than 20: prompts of 76 fit everywhere, one of 77 fits the last replica alone. Of the four, two
  // do not fit the first replicas, and each is sent to the third although it has more outstanding.
  const Workload workload = make_workload("hand", {{0, 77, 20}, {0, 77, 1}, {0, 76, 20}, {0, 76, 20}, {0, 500, 1}});
  for (const PolicyInfo& info : registered_policies()) {
    if (info.clairvoyant || info.name.ends_with("_in_tests")) continue;  // other tests' own
    INFO(info.name);
    for (const Kernel kernel : {Kernel::step, Kernel::leap}) {
      const Replay replay = Simulation(kernel).run(config, workload, routed_by(info, default_values(info.params)), 1);
      for (const std::size_t row : {0, 1, 4}) CHECK(replay.requests[row].replica == 2);
    }
  }
  class ToTheFirst final : public Policy {
   public:
    void start(const ClusterView&, std::uint64_t) override {}
    void schedule(ClusterView& cluster) override {
      CHECK_FALSE(cluster.can_serve(cluster.first_queued(), 0));
      CHECK(cluster.can_serve(cluster.first_queued(), 2));
      cluster.assign(cluster.first_queued(), 0);
    }
  } first;
  CHECK_THROWS_WITH(Simulation().run(config, workload, first, 1), Catch::Contains("which it does not fit"));
}

TEST_CASE("operations: a failure after the last completion changes nothing", "[operations]") {
  const SmallCluster small;
  const Workload workload = SmallCluster::workload(1);
  const auto policy = parse_policy("llq", "").make();
  ClusterConfig operated = small.vllm_v0;
  for (const Kernel kernel : {Kernel::step, Kernel::leap}) {
    const Replay plain = Simulation(kernel).run(small.vllm_v0, workload, *policy, 1);
    operated.operations.events = {event(ReplicaEvent::Kind::fail, 0, plain.makespan + 1)};
    const Replay found = Simulation(kernel).run(operated, workload, *policy, 1);
    CHECK(same_records(plain, found));
    CHECK(found.absences.empty());
  }
}

TEST_CASE("operations: events are read, and refused by what is wrong with them", "[operations]") {
  const auto events = parse_replica_events("fail 2 at 100 for 60, drain 1 at 200.5,join 3 at 300", "--replica-events");
  REQUIRE(events.size() == 3);
  CHECK(events[0] == event(ReplicaEvent::Kind::fail, 2, 100 * kTicksPerSecond, 60 * kTicksPerSecond));
  CHECK(events[1] == event(ReplicaEvent::Kind::drain, 1, 200'500 * kMs));
  CHECK(events[2] == event(ReplicaEvent::Kind::join, 3, 300 * kTicksPerSecond));
  CHECK(parse_replica_events("", "x").empty());
  for (const char* wrong :
       {"fail", "fail 2", "fail 2 at", "fail 2 at x", "fail -1 at 2", "fail 2 for 60", "drain 1 at 2 for 3",
        "fail 1 at 2 drain 1 at 3", "fail 1 at 2,", "fail 1 at 1e300", "fall 1 at 2"}) {
    INFO(wrong);
    CHECK_THROWS_AS(parse_replica_events(wrong, "--replica-events"), InputError);
  }
  CHECK_THROWS_WITH(parse_replica_events("fall 1 at 2", "--replica-events"), Catch::Contains("fail"));
}

TEST_CASE("groups: read from a flag, and what each changes", "[operations]") {
  Scenario scenario;
  for (const ScenarioField& field : scenario_fields()) {
    if (field.kind == FieldKind::groups) {
      set_field_from_text(field, scenario, "count=2,profile=h100-llama3-8b,num_gpu_blocks=9000;count=3", "--group");
      CHECK_THROWS_WITH(set_field_from_text(field, scenario, "count=2,num_gpu_block=9000", "--group"),
                        Catch::Contains("num_gpu_blocks"));
      CHECK_THROWS_AS(set_field_from_text(field, scenario, "count=0", "--group"), InputError);
      CHECK_THROWS_AS(set_field_from_text(field, scenario, "count", "--group"), InputError);
      CHECK_THROWS_AS(set_field_from_text(field, scenario, "count=2,count=2", "--group"), InputError);
    }
  }
  CHECK(scenario.replicas == 5);
  REQUIRE(scenario.groups.size() == 2);
  const Scenario first = scenario_of_group(scenario, scenario.groups[0]);
  CHECK(first.profile == "h100-llama3-8b");
  CHECK(first.num_gpu_blocks == 9000);
  CHECK(first.replicas == 2);
  CHECK(scenario_of_group(scenario, scenario.groups[1]).num_gpu_blocks == 0);
}
