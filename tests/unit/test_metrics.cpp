#include <catch2/catch.hpp>
#include <cmath>

#include "core/metrics/summary.hpp"
#include "tests/support/small_cluster.hpp"

using namespace switchyard;

namespace {

constexpr Time kSecond = kTicksPerSecond;

// Four requests on two replicas, with figures that can be added up by hand.
struct Example {
  Workload workload;
  Replay replay;
  CostModel cost{"plain", SmallCluster::plain_tables()};
  ClusterConfig config =
      ClusterConfig::uniform(2, ReplicaKind(VllmV0Options{.num_blocks = 100, .block_size = 10}, cost));

  Example() {
    add(0, 0, 1 * kSecond, 3 * kSecond, 5);                      // e2e 3, ttft 1, tpot 2 / 4
    add(1 * kSecond, 1 * kSecond, 2 * kSecond, 2 * kSecond, 1);  // e2e 1, ttft 1, no tpot
    add(1 * kSecond, 4 * kSecond, 5 * kSecond, 8 * kSecond, 4);  // e2e 7, ttft 4, tpot 3 / 3; waited 3
    add(2 * kSecond, 3 * kSecond, 5 * kSecond, 7 * kSecond, 3);  // e2e 5, ttft 3, tpot 2 / 2; waited 1
    replay.makespan = 8 * kSecond;
    replay.replicas.resize(2);
    replay.replicas[0] = {.num_batches = 10,
                          .num_extrapolated_batches = 2,
                          .num_requests = 3,
                          .num_restarts = 1,
                          .num_scheduled_tokens = 100,
                          .hit_tokens = 9,
                          .hit_tokens_resumed = 1,
                          .num_recomputed_tokens = 5,
                          .num_evicted_blocks = 3,
                          .peak_blocks = 40,
                          .busy = 6 * kSecond,
                          .kv_token_ticks = Int128{1000} * kSecond};
    replay.replicas[1] = {.num_batches = 5,
                          .num_extrapolated_batches = 0,
                          .num_requests = 1,
                          .num_restarts = 2,
                          .num_scheduled_tokens = 200,
                          .hit_tokens = 3,
                          .hit_tokens_resumed = 1,
                          .num_recomputed_tokens = 6,
                          .num_evicted_blocks = 4,
                          .peak_blocks = 70,
                          .busy = 2 * kSecond,
                          .kv_token_ticks = Int128{600} * kSecond};
  }

  // Alone, every request would take half a second.
  Summary summary(const RequestLimits& limits = {}) const {
    return summarize(replay, workload, config, std::vector<Time>(workload.size(), kSecond / 2), limits);
  }

  void add(Time arrived_at, Time assigned_at, Time first_token, Time completed_at, std::int32_t outputs) {
    workload.requests.push_back(
        {.arrived_at = arrived_at, .id = static_cast<RequestId>(workload.size()), .num_prefill_tokens = 10});
    workload.hidden.num_decode_tokens.push_back(outputs);
    replay.requests.push_back({.arrived_at = arrived_at,
                               .assigned_at = assigned_at,
                               .scheduled_at = assigned_at + kSecond / 4,  // it waits at the replica, too
                               .prefill_completed_at = first_token,
                               .completed_at = completed_at});
  }
};

}  // namespace

TEST_CASE("metrics: more busy time than a clock counts, over all replicas", "[metrics]") {
  Example example;  // its four requests
  const std::int32_t num_replicas = 20'000;
  example.config = ClusterConfig::uniform(num_replicas, example.config.kinds.front());
  const Time week = 7 * 24 * 3600 * kSecond;
  example.replay.replicas.assign(num_replicas, {.num_batches = 1, .busy = week});
  CHECK(example.summary().imbalance == Approx(1.0));
  example.replay.replicas.resize(16);
  example.config = ClusterConfig::uniform(16, example.config.kinds.front());
  example.replay.replicas[3].busy = 2 * week;
  CHECK(example.summary().imbalance == Approx(2.0 / (17.0 / 16)));
}

TEST_CASE("metrics: each figure follows its formula", "[metrics]") {
  const Example example;
  const Summary summary = example.summary();
  CHECK(summary.num_requests == 4);
  CHECK(summary.mean_e2e_s == 4.0);
  CHECK(summary.p50_e2e_s == 3.0);  // rank ceil(0.5 * 4) = 2 of 1 3 5 7
  CHECK(summary.p90_e2e_s == 7.0);
  CHECK(summary.p95_e2e_s == 7.0);
  CHECK(summary.p99_e2e_s == 7.0);
  CHECK(summary.mean_ttft_s == 2.25);
  CHECK(summary.p50_ttft_s == 1.0);  // rank 2 of 1 1 3 4
  CHECK(summary.p90_ttft_s == 4.0);
  CHECK(summary.p99_ttft_s == 4.0);
  CHECK(summary.p50_tpot_s == 1.0);  // rank 2 of 0.5 1 1
  CHECK(summary.mean_tpot_s ==
        Approx((0.5 + 1.0 + 1.0) / 3).epsilon(1e-15));  // the one without a second output left out
  CHECK(summary.p99_tpot_s == 1.0);
  CHECK(summary.longest_wait_s == 3.25);
  CHECK(summary.makespan_s == 8.0);
  CHECK(summary.throughput_rps == 0.5);
  CHECK(summary.kv_use_mean == 0.1);  // 1600 token seconds / (2 replicas * 1000 tokens * 8 s)
  CHECK(summary.kv_use_peak == 0.7);
  CHECK(summary.imbalance == 1.5);  // 6 / mean(6, 2)
  CHECK(summary.num_batches == 15);
  CHECK(summary.num_restarts == 3);
  CHECK(summary.num_extrapolated_batches == 2);
  CHECK(summary.num_scheduled_tokens == 300);
  CHECK(summary.hit_tokens == 12);
  CHECK(summary.hit_rate == 0.3);  // of 4 prompts of 10 tokens
  CHECK(summary.hit_tokens_resumed == 2);
  CHECK(summary.num_recomputed_tokens == 11);
  CHECK(summary.num_evicted_blocks == 7);
  CHECK(summary.interference_free_e2e_s == 0.5);
  CHECK(summary.mean_slowdown == 8.0);  // 6 2 14 10
  CHECK(summary.p99_slowdown == 14.0);
  CHECK(summary.goodput_rps == summary.throughput_rps);  // no limit
}

TEST_CASE("metrics: 95 of 100 requests do not exceed p95", "[metrics]") {
  Example example;
  example.workload = {};
  example.replay.requests.clear();
  // Request i has its first token after i s, its second i s later.
  for (int i = 100; i >= 1; --i) example.add(0, 0, i * kSecond, 2 * i * kSecond, 2);
  const Summary summary = example.summary();
  for (const auto& [field, expected] : {std::pair(&Summary::p50_e2e_s, 100.0),
                                        {&Summary::p90_e2e_s, 180.0},
                                        {&Summary::p95_e2e_s, 190.0},
                                        {&Summary::p99_e2e_s, 198.0},
                                        {&Summary::p50_ttft_s, 50.0},
                                        {&Summary::p90_ttft_s, 90.0},
                                        {&Summary::p95_ttft_s, 95.0},
                                        {&Summary::p99_ttft_s, 99.0},
                                        {&Summary::p50_tpot_s, 50.0},
                                        {&Summary::p90_tpot_s, 90.0},
                                        {&Summary::p95_tpot_s, 95.0},
                                        {&Summary::p99_tpot_s, 99.0}}) {
    CHECK(summary.*field == expected);
  }
}

TEST_CASE("metrics: rates count from the first arrival", "[metrics]") {
  Example late;
  for (QueuedRequest& request : late.workload.requests) request.arrived_at += 3600 * kSecond;
  for (RequestRecord& record : late.replay.requests) {
    for (Time* time : {&record.arrived_at, &record.assigned_at, &record.scheduled_at, &record.prefill_completed_at,
                       &record.completed_at}) {
      *time += 3600 * kSecond;
    }
  }
  late.replay.makespan += 3600 * kSecond;
  const Summary summary = late.summary(), from_zero = Example().summary();
  CHECK(summary.makespan_s == 3608.0);
  CHECK(summary.throughput_rps == from_zero.throughput_rps);
  CHECK(summary.goodput_rps == from_zero.goodput_rps);
  CHECK(summary.kv_use_mean == from_zero.kv_use_mean);
}

TEST_CASE("metrics: slowdown by prompt length, a class without requests has none", "[metrics]") {
  Example example;
  example.workload.requests[1].num_prefill_tokens = 128;
  example.workload.requests[2].num_prefill_tokens = 2048;
  example.workload.requests[3].num_prefill_tokens = 2047;
  example.workload.requests[0].num_prefill_tokens = 512;
  const Summary summary = example.summary();
  CHECK(std::isnan(summary.slowdown_prompt_to_127));
  CHECK(summary.slowdown_prompt_128_to_511 == 2.0);
  CHECK(summary.slowdown_prompt_512_to_2047 == 8.0);
  CHECK(summary.slowdown_prompt_from_2048 == 14.0);
}

TEST_CASE("metrics: goodput counts requests within every limit", "[metrics]") {
  const Example example;
  CHECK(example.summary({.ttft_s = 3}).goodput_rps == 3.0 / 8);
  CHECK(example.summary({.ttft_s = 3, .tpot_s = 0.9}).goodput_rps == 2.0 / 8);  // 0.5, and the one with a single output
  CHECK(example.summary({.e2e_s = 0.1}).goodput_rps == 0.0);
}

TEST_CASE("metrics: figures are found by their words in any order", "[metrics]") {
  CHECK(find_summary_field("e2e_p99_s", "--constraint").name == "p99_e2e_s");
  CHECK(find_summary_field("mean_e2e_s", "--constraint").name == "mean_e2e_s");
  CHECK_THROWS_WITH(find_summary_field("mean_e2_s", "--objective"),
                    Catch::Contains("--objective: unknown figure 'mean_e2_s'; did you mean 'mean_e2e_s'"));
}

TEST_CASE("metrics: means are exact where a running sum of doubles is not", "[metrics]") {
  Example example;
  example.workload = {};
  example.replay.requests.clear();
  // A large time and many small ones: added one by one to a double, in ticks or seconds, the small ones get lost.
  example.add(0, 0, 1, 4'000'000 * kSecond, 1);
  for (int i = 0; i < 1023; ++i) example.add(0, 0, 1, 1, 1);
  const Summary summary = example.summary();
  CHECK(summary.mean_e2e_s == static_cast<double>(4'000'000 * kSecond + 1023) / 1024 / 1e12);
}

TEST_CASE("metrics: no request with a second output gives no time per output token", "[metrics]") {
  Example example;
  for (std::int32_t& outputs : example.workload.hidden.num_decode_tokens) outputs = 1;
  const Summary summary = example.summary();
  const Summary with = Example().summary();
  for (const std::string name : {"mean_tpot_s", "p50_tpot_s", "p90_tpot_s", "p95_tpot_s", "p99_tpot_s"}) {
    const SummaryField& field = find_summary_field(name, "");
    CHECK(field.may_be_absent());
    CHECK(std::isnan(field.get(summary)));
    CHECK(std::isnan(field.get(mean_of({summary, summary}))));
    CHECK(field.get(mean_of({summary, with})) == field.get(with));  // over the seeds that have it
  }
  CHECK(summary.goodput_rps == summary.throughput_rps);
}

TEST_CASE("metrics: every figure is declared, named once", "[metrics]") {
  std::vector<std::string> names;
  for (const SummaryField& field : summary_fields()) {
    CHECK(std::find(names.begin(), names.end(), field.name) == names.end());
    CHECK_FALSE(field.doc.empty());
    names.push_back(field.name);
  }
  CHECK(names.size() == 50);
}
