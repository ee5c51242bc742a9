// What policies are told beyond arrivals and completions.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <unordered_map>

#include "core/cluster/policy_error.hpp"
#include "core/cluster/simulation.hpp"
#include "tests/support/small_cluster.hpp"

using namespace switchyard;

namespace {

// Sends each request on at once, to replicas in turn.
class InTurn : public Policy {
 public:
  explicit InTurn(const Subscription& asks) : asks_(asks) {}
  Subscription subscription() const override { return asks_; }
  void start(const ClusterView&, std::uint64_t) override { next_ = 0; }
  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) cluster.assign(cluster.first_queued(), next_++ % cluster.num_replicas());
  }

 private:
  Subscription asks_;
  std::int32_t next_ = 0;
};

class Listener : public InTurn {
 public:
  using InTurn::InTurn;
  void on_first_token(const FirstToken& token) override { first_tokens.push_back(token); }
  void on_timer(const ClusterView& cluster) override { timers.push_back(cluster.now()); }

  std::vector<FirstToken> first_tokens;
  std::vector<Time> timers;
};

// Holds everything, and lets it go by its timer.
class ByTimer final : public Listener {
 public:
  using Listener::Listener;
  void schedule(ClusterView& cluster) override {
    if (!timers.empty() && timers.back() == cluster.now()) InTurn::schedule(cluster);
  }
};

class Holds final : public Listener {
 public:
  using Listener::Listener;
  void schedule(ClusterView&) override {}
};

// Keeps an index of what replicas hold from their KV events, and compares what it says with what views say.
class Indexes final : public InTurn {
 public:
  Indexes() : InTurn({.kv_events = true}) {}
  void on_kv_event(std::int32_t replica, KvEvent kind, std::span<const BlockName> blocks) override {
    for (const BlockName& block : blocks) {
      if (kind == KvEvent::stored) {
        new_ += held_[replica].emplace(block, true).second;
      } else {
        removed_ += held_[replica].erase(block) == 1;
      }
    }
  }
  void on_arrival(const QueuedRequest&) override { compare_ = true; }
  void schedule(ClusterView& cluster) override {
    if (compare_) {
      std::vector<PrefixHolder> holders, expected;
      cluster.prefix_holders(cluster.first_queued(), holders);
      for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) {
        std::int32_t tokens = 0;
        for (const BlockName& block : cluster.prompt_blocks(cluster.first_queued(), 16)) {
          if (!held_[r].contains(block)) break;
          tokens += 16;
        }
        CHECK(cluster.cached_tokens(cluster.first_queued(), r) == tokens);
        if (tokens > 0) expected.push_back({.replica = r, .num_tokens = tokens});
      }
      CHECK(holders == expected);
      num_held += static_cast<std::int64_t>(holders.size());
    }
    compare_ = false;
    InTurn::schedule(cluster);
  }
  std::int64_t num_held = 0;
  std::int64_t num_removed() const { return removed_; }

 private:
  std::map<std::int32_t, std::unordered_map<BlockName, bool>> held_;
  bool compare_ = false;
  std::int64_t new_ = 0, removed_ = 0;
};

// Prompts of 8 tenants: a system prompt of 3 blocks, then 2 blocks of which some are asked again.
Workload tenants(std::uint64_t seed) {
  Workload workload = SmallCluster::workload(seed);
  WorkloadRandom random(seed, WorkloadRandom::Purpose::lengths);
  Content content(16);
  for (std::size_t i = 0; i < workload.size(); ++i) {
    const auto tenant = static_cast<std::uint32_t>(random.below(8));
    const auto question = static_cast<std::uint32_t>(100 + 20 * tenant + 2 * random.below(10));
    const std::vector<Content::StoredRun> runs = {{3 * tenant, 3}, {question, 2}};
    const std::int32_t all = workload.requests[i].num_prefill_tokens + workload.hidden.num_decode_tokens[i];
    content.add(runs, std::min<std::int32_t>(80, all));
  }
  workload.content = content;
  return workload;
}

}  // namespace

TEST_CASE("first tokens are told when they are computed, once for each request", "[signals]") {
  const SmallCluster small;
  for (const Kernel kernel : {Kernel::step, Kernel::leap}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const Workload workload = SmallCluster::workload(seed);
      Listener listener({.first_tokens = true});
      const Replay replay = small.replay(workload, listener, seed, kernel);
      REQUIRE(listener.first_tokens.size() == workload.size());
      std::set<RequestId> seen;
      for (const FirstToken& token : listener.first_tokens) {
        const RequestRecord& record = replay.requests[static_cast<std::size_t>(token.id)];
        CHECK(token.at == record.prefill_completed_at);
        CHECK(token.replica == record.replica);
        CHECK(seen.insert(token.id).second);
      }
      CHECK(listener.timers.empty());
    }
  }
}

TEST_CASE("who subscribes and does not act on it gets the run of one who does not", "[signals]") {
  const SmallCluster small;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const Workload workload = SmallCluster::workload(seed);
    InTurn plain({});
    Listener all({.first_tokens = true,
                  .every = 7 * kShortestTimer,
                  .waiting_uncached = true,
                  .throughput = true,
                  .requests = true});
    CHECK(same_records(small.replay(workload, plain, seed), small.replay(workload, all, seed)));
  }
}

TEST_CASE("a timer goes at its multiples while requests are under way", "[signals]") {
  const SmallCluster small;
  // Each takes a few hundred ms; nothing is under way in between.
  const Workload workload = make_workload("two", {{0.05, 10, 5}, {20.03, 10, 5}});
  for (const Kernel kernel : {Kernel::step, Kernel::leap}) {
    Listener listener({.every = kTicksPerSecond / 50});
    const Replay replay = small.replay(workload, listener, 1, kernel);
    std::vector<Time> expected;
    for (Time at = kTicksPerSecond / 50; at < replay.makespan; at += kTicksPerSecond / 50) {
      for (std::size_t i = 0; i < 2; ++i) {
        if (at > workload.requests[i].arrived_at && at <= replay.requests[i].completed_at) expected.push_back(at);
      }
    }
    CHECK(expected.size() > 4);
    CHECK(listener.timers == expected);
  }
}

TEST_CASE("a policy may hold requests until its timer goes", "[signals]") {
  const SmallCluster small;
  const Workload workload = make_workload("three", {{0.05, 10, 5}, {0.99, 10, 5}, {1.5, 10, 5}});
  ByTimer policy({.every = kTicksPerSecond});
  const Replay replay = small.replay(workload, policy, 1);
  CHECK(replay.requests[0].assigned_at == kTicksPerSecond);
  CHECK(replay.requests[1].assigned_at == kTicksPerSecond);
  CHECK(replay.requests[2].assigned_at == 2 * kTicksPerSecond);
}

TEST_CASE("a policy that never lets go stalls, timer or not, and a timer that is too fast is refused", "[signals]") {
  const SmallCluster small;
  const Workload workload = SmallCluster::workload(1);
  Holds holds({.every = kTicksPerSecond});
  CHECK_THROWS_AS(small.replay(workload, holds, 1), StalledError);
  CHECK(holds.timers.size() > 100);
  Holds hasty({.every = 1});
  CHECK_THROWS_AS(small.replay(workload, hasty, 1), PolicyError);
}

TEST_CASE("KV events say what caches hold, and so do prefix_holders", "[signals]") {
  const SmallCluster small;
  std::int64_t num_held = 0, num_removed = 0;
  for (const bool async : {false, true}) {
    const ClusterConfig config = ClusterConfig::uniform(3, ReplicaKind(VllmV1Options{.num_gpu_blocks = 40,
                                                                                     .max_num_batched_tokens = 64,
                                                                                     .max_num_seqs = 16,
                                                                                     .max_model_len = 512,
                                                                                     .async_scheduling = async},
                                                                       small.cost));
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      Indexes policy;
      Simulation().run(config, tenants(seed), policy, seed);
      num_held += policy.num_held;
      num_removed += policy.num_removed();
    }
  }
  CHECK(num_held > 100);
  CHECK(num_removed > 100);
}
