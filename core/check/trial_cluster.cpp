#include "core/check/trial_cluster.hpp"

#include <array>
#include <tuple>
#include <utility>

#include "core/workload/random.hpp"

namespace switchyard {

namespace {

constexpr std::int32_t kContext = 512;
constexpr std::int32_t kMostPrompt = 200;
constexpr std::array<const char*, 5> kEngines = {"vllm_v0", "sarathi", "orca", "vllm_v1", "vllm_v1, asynchronous"};

constexpr Time kMs = kTicksPerSecond / 1000;

// What lies between routers and replicas; as many kinds as have no divisor in common with the others.
struct Between {
  const char* text;
  SignalOptions signals;
  RouterOptions routers;

  std::pair<SignalOptions, RouterOptions> options() const { return {signals, routers}; }
};
constexpr std::array<Between, 4> kOpen = {{
    {"snapshots every 20 ms", {.interval = 20 * kMs, .delay = 5 * kMs, .kv_delay = 10 * kMs}, {}},
    {"three routers", {}, {.count = 3, .split = Split::session}},
    {"signals of 30 ms ago", {.delay = 30 * kMs, .kv_delay = 30 * kMs}, {}},
    {"two routers, snapshots every 50 ms, a network",
     {.interval = 50 * kMs, .phase = SnapshotPhase::aligned, .kv_delay = 30 * kMs},
     {.count = 2, .dispatch = 2 * kMs, .response = 3 * kMs, .decision = kMs}},
}};

// Of four replicas the last is not there at first. One fails in mid-work and is repaired, one drains, the last one
// joins and another one fails for good: two of the four are left.
OperationOptions trial_operations() {
  OperationOptions operations;
  operations.initial_replicas = 3;
  operations.events = {{.at = 200 * kMs, .kind = ReplicaEvent::Kind::fail, .replica = 0, .lasts = 300 * kMs},
                       {.at = 600 * kMs, .kind = ReplicaEvent::Kind::join, .replica = 3},
                       {.at = 900 * kMs, .kind = ReplicaEvent::Kind::drain, .replica = 1},
                       {.at = 1300 * kMs, .kind = ReplicaEvent::Kind::fail, .replica = 2}};
  operations.detection = 30 * kMs;
  operations.start_up = 50 * kMs;
  operations.max_retries = 1000;  // what is tried must come to an end
  return operations;
}

// How many replicas prefill, decode, and do both.
struct Pools {
  std::int32_t prefill, decode, both;
};
constexpr std::array<Pools, TrialCluster::kNumRounds - TrialCluster::kFirstSplit> kPools = {
    {{1, 2, 0}, {2, 1, 0}, {2, 2, 0}, {1, 1, 1}, {1, 0, 2}}};

// A batch takes 10 ms, and longer with its tokens and their context.
CostModel trial_cost() {
  CostTables tables;
  tables.max_tokens = kContext;
  tables.max_decodes = 32;
  tables.max_decode_kv_steps = tables.max_prefill_kv_steps = kContext / kKvGrain;
  tables.max_chunk = kContext;
  tables.allocate();
  for (std::int32_t t = 0; t <= tables.max_tokens; ++t) {
    tables.tokens[static_cast<std::size_t>(t)] = 1e10 + 1e8 * ((t + kTokenGrain - 1) / kTokenGrain);
  }
  for (std::int32_t k = 0; k <= tables.max_decode_kv_steps; ++k) {
    for (std::int32_t b = 1; b <= tables.max_decodes; ++b) tables.decode_at(b, k) = 1e7 * b * (k + 1);
    for (std::int32_t c = 1; c <= tables.max_chunk; ++c) tables.prefill_at(k, c) = 1e7 * (c + k);
  }
  return CostModel("trial", std::move(tables));
}

}  // namespace

TrialCluster::TrialCluster() : cost_(trial_cost()) {
  const std::array<EngineOptions, kEngines.size()> engines = {
      VllmV0Options{.num_blocks = 60, .watermark_blocks = 1, .max_tokens_in_batch = kContext, .max_tokens = kContext},
      SarathiOptions{.num_blocks = 60, .watermark_blocks = 1, .chunk_size = 64, .max_tokens = kContext},
      OrcaOptions{.num_blocks = 96, .max_tokens = kContext},
      VllmV1Options{.num_gpu_blocks = 61,
                    .max_num_batched_tokens = 64,
                    .max_num_seqs = 32,
                    .max_model_len = kContext,
                    .async_scheduling = false},
      // Outputs end by a stop token: an asynchronous engine that knows their lengths plans by them, and shows it.
      VllmV1Options{.num_gpu_blocks = 61,
                    .max_num_batched_tokens = 64,
                    .max_num_seqs = 32,
                    .max_model_len = kContext,
                    .output_ends = OutputEnds::stop}};
  for (const std::int32_t replicas : {3, 1, 5}) {
    for (const EngineOptions& engine : engines) {
      configs_.push_back(ClusterConfig::uniform(replicas, ReplicaKind(engine, cost_)));
    }
  }
  const std::size_t num_plain = configs_.size();
  for (std::size_t i = 0; i < num_plain; ++i) {
    ClusterConfig config = configs_[i];
    std::tie(config.signals, config.routers) = kOpen[i % kOpen.size()].options();
    configs_.push_back(std::move(config));
  }
  for (std::size_t i = 0; i < engines.size(); ++i) {
    ClusterConfig config = ClusterConfig::uniform(4, ReplicaKind(engines[i], cost_));
    config.operations = trial_operations();
    if (i % 2 == 1) std::tie(config.signals, config.routers) = kOpen[i % kOpen.size()].options();
    configs_.push_back(std::move(config));
  }
  for (std::size_t i = 0; i < kPools.size(); ++i) {
    const EngineOptions& engine = engines[3 + i % 2];
    ClusterConfig config;
    for (const auto& [role, count] : {std::pair(Role::prefill, kPools[i].prefill),
                                      {Role::decode, kPools[i].decode},
                                      {Role::both, kPools[i].both}}) {
      config.kind_of_replica.insert(config.kind_of_replica.end(), static_cast<std::size_t>(count),
                                    static_cast<std::int32_t>(config.kinds.size()));
      if (count > 0) config.kinds.emplace_back(engine, cost_, role, LinkSpeed{.bytes_per_s = 50'000'000});
    }
    config.hand_off = {.kv_bytes_per_token = 1000, .link = {}, .latency = kMs};
    if (i == 3) std::tie(config.signals, config.routers) = kOpen[0].options();
    configs_.push_back(std::move(config));
  }
}

const ClusterConfig& TrialCluster::config(int round) const {
  return configs_[static_cast<std::size_t>(round) % configs_.size()];
}

std::string TrialCluster::engine_text(int round) {
  constexpr std::size_t kNumPlain = 3 * kEngines.size();
  static_assert(2 * kNumPlain == kFirstOperated && kFirstSplit - kFirstOperated == kEngines.size());
  const int place = round % kNumRounds;
  const auto i = static_cast<std::size_t>(place);
  if (place >= kFirstSplit) return std::string(kEngines[3 + (i - kFirstSplit) % 2]) + "; prefill and decode apart";
  const std::string engine = kEngines[i % kEngines.size()];
  if (place >= kFirstOperated) return engine + "; replicas that fail, drain and join";
  return i < kNumPlain ? engine : engine + "; " + kOpen[(i - kNumPlain) % kOpen.size()].text;
}

std::vector<RawRequest> TrialCluster::rows(std::uint64_t seed) {
  WorkloadRandom random(seed, WorkloadRandom::Purpose::lengths);
  std::vector<RawRequest> rows;
  double time = 0;
  for (int i = 0; i < 60; ++i) {
    if (random.below(4) != 0) time += random.exponential() * (random.below(6) == 0 ? 0.5 : 0.03);
    rows.push_back({.arrived_at_s = time,
                    .num_prefill_tokens = static_cast<std::int32_t>(1 + random.below(kMostPrompt)),
                    .num_decode_tokens = static_cast<std::int32_t>(1 + random.below(kMostOutputs))});
  }
  return rows;
}

}  // namespace switchyard
