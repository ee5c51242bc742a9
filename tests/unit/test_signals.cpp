// What routers know when signals are old, when there are several of them, and when the network takes time.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <tuple>

#include "core/cluster/policy_error.hpp"
#include "core/cluster/simulation.hpp"
#include "tests/support/small_cluster.hpp"
#include "tests/support/times.hpp"

using namespace switchyard;

namespace {

// What a policy saw of one replica.
struct Seen {
  Time now = 0;
  std::int32_t replica = 0;
  ReplicaState state;
  std::int32_t num_waiting = 0;
  std::vector<RequestId> waiting, running;
  std::int32_t outstanding = 0;
  std::int32_t router = 0;
};

struct Notes {
  std::vector<Seen> seen;
  std::map<RequestId, std::int32_t> router_of;
  std::set<std::uint64_t> seeds;
  std::vector<std::pair<Time, std::int32_t>> polls;
  std::vector<CompletedRequest> completed;
  std::vector<FirstToken> first_tokens;
  std::vector<std::pair<Time, Time>> told_at;  // by the view when it is told of something, and when that was
};

// Request i goes to replica i of n, whatever the state; all that is seen is noted.
class Notetaker final : public Policy {
 public:
  explicit Notetaker(Notes& notes) : notes_(&notes) {}
  Subscription subscription() const override { return {.first_tokens = true, .polls = true, .requests = true}; }
  void start(const ClusterView& cluster, std::uint64_t seed) override {
    cluster_ = &cluster;
    notes_->seeds.insert(seed);
  }
  void on_arrival(const QueuedRequest& request) override {
    notes_->told_at.emplace_back(cluster_->now(), request.arrived_at);
  }
  void on_poll(const ClusterView& cluster, std::int32_t replica) override {
    notes_->polls.emplace_back(cluster.now(), replica);
  }
  void on_completion(const CompletedRequest& request) override {
    notes_->told_at.emplace_back(cluster_->now(), request.completed_at);
    notes_->completed.push_back(request);
  }
  void on_first_token(const FirstToken& token) override {
    notes_->told_at.emplace_back(cluster_->now(), token.at);
    notes_->first_tokens.push_back(token);
  }
  void schedule(ClusterView& cluster) override {
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) {
      Seen seen{cluster.now(),   r, cluster.state(r), cluster.num_waiting(r), {}, {}, cluster.outstanding(r),
                cluster.router()};
      for (const ResidentRequest& request : cluster.waiting(r)) seen.waiting.push_back(request.id);
      for (const ResidentRequest& request : cluster.running(r)) seen.running.push_back(request.id);
      notes_->seen.push_back(std::move(seen));
    }
    while (!cluster.queue_empty()) {
      const RequestId id = cluster.first_queued();
      notes_->router_of[id] = cluster.router();
      cluster.assign(id, id % cluster.num_replicas());
    }
  }

 private:
  Notes* notes_;
  const ClusterView* cluster_ = nullptr;
};

// The states at given times.
class Sampler final : public StateSampler {
 public:
  explicit Sampler(const std::set<Time>& times) : times_(times.begin(), times.end()) {}
  Time next_sample() const override { return states.size() < times_.size() ? times_[states.size()] : kNever; }
  void on_sample(std::int32_t, std::span<const ReplicaState> replicas) override {
    states.emplace_back(replicas.begin(), replicas.end());
  }
  const std::vector<ReplicaState>& at(Time time) const {
    return states[static_cast<std::size_t>(std::lower_bound(times_.begin(), times_.end(), time) - times_.begin())];
  }
  std::vector<std::vector<ReplicaState>> states;

 private:
  std::vector<Time> times_;
};

auto figures(const ReplicaState& s) {
  return std::tuple(s.num_waiting, s.num_running, s.num_prefilling, s.waiting_prefill_tokens,
                    s.remaining_prefill_tokens, s.decoding_kv_tokens, s.generated_tokens, s.blocks_used, s.batch_kind,
                    s.batch_started_at, s.batch_prefill_tokens, s.batch_decodes);
}

RoutedBy noting(Notes& notes) {
  return {[&notes] { return std::make_unique<Notetaker>(notes); }};
}

// A policy that decides by counts alone, at once.
class Shortest final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override {}
  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) cluster.assign(cluster.first_queued(), cluster.least_waiting());
  }
};

// Holds requests while every replica has two of its own.
class TwoEach final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override {}
  void schedule(ClusterView& cluster) override {
    ++num_calls;
    while (!cluster.queue_empty() && cluster.outstanding(cluster.least_outstanding()) < 2) {
      cluster.assign(cluster.first_queued(), cluster.least_outstanding());
    }
  }
  static inline std::int64_t num_calls = 0;
};

class Peeks final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override {}
  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) {
      cluster.assign(cluster.first_queued(), cluster.state(0).num_running % cluster.num_replicas());
    }
  }
};

}  // namespace

TEST_CASE("who reads no snapshot is called as if there were some", "[signals]") {
  const SmallCluster small;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    ClusterConfig config = seed % 2 ? small.sarathi : small.vllm_v0;
    config.signals.interval = 30 * kMs;
    config.signals.delay = seed > 2 ? 11 * kMs : 0;
    config.routers.count = 2;
    const Workload workload = SmallCluster::workload(seed);
    std::int64_t calls[2] = {};
    Replay replays[2];
    for (const bool reads : {false, true}) {
      TwoEach::num_calls = 0;
      replays[reads] = Simulation().run(config, workload, {[] { return std::make_unique<TwoEach>(); }, 0, reads}, seed);
      calls[reads] = TwoEach::num_calls;
    }
    CHECK(same_records(replays[0], replays[1]));
    CHECK(calls[0] == calls[1]);
    CHECK(calls[0] > 50);
  }
}

TEST_CASE("a policy that reads a signal that it does not name is told so", "[signals]") {
  const SmallCluster small;
  ClusterConfig config = small.sarathi;
  const Workload workload = SmallCluster::workload(1);
  RoutedBy policy = {[] { return std::make_unique<Peeks>(); }, 0, false};
  CHECK_NOTHROW(Simulation().run(config, workload, policy, 1));  // live signals are anybody's
  config.signals.interval = 30 * kMs;
  CHECK_THROWS_AS(Simulation().run(config, workload, policy, 1), PolicyError);
  policy.reads_snapshots = true;
  CHECK_NOTHROW(Simulation().run(config, workload, policy, 1));
}

TEST_CASE("published snapshots are the states of the times that they say", "[signals]") {
  const SmallCluster small;
  std::size_t num_old = 0;
  for (const auto& [interval, delay, aligned] :
       {std::tuple(40 * kMs, Time{0}, false), std::tuple(40 * kMs, 17 * kMs, false),
        std::tuple(70 * kMs, 300 * kMs, true), std::tuple(Time{0}, 90 * kMs, false)}) {
    for (const Kernel kernel : {Kernel::step, Kernel::leap}) {
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        ClusterConfig config = seed % 2 ? small.sarathi : small.vllm_v0;
        config.signals.interval = interval;
        config.signals.delay = delay;
        config.signals.phase = aligned ? SnapshotPhase::aligned : SnapshotPhase::spread;
        const Workload workload = SmallCluster::workload(seed);
        Notes notes;
        Simulation(kernel).run(config, workload, noting(notes), seed);
        std::set<Time> times;
        for (const Seen& seen : notes.seen) times.insert(seen.state.taken_at);
        Sampler sampler(times);
        config.signals = {};
        Notes live;
        Simulation simulation(kernel);
        const Replay& replay = simulation.run(config, workload, noting(live), seed, nullptr, &sampler);
        for (const Seen& seen : notes.seen) {
          const Time taken_at = seen.state.taken_at;
          INFO("now " << seen.now << " taken at " << taken_at << " replica " << seen.replica);
          if (interval > 0) {  // the last snapshot that has come
            const Time phase = aligned ? 0 : interval * seen.replica / 4;
            const Time usable = seen.now - delay - phase;
            CHECK(taken_at ==
                  (usable < interval && (phase == 0 || usable < 0) ? 0 : phase + usable / interval * interval));
          } else {
            CHECK(taken_at == std::max<Time>(0, seen.now - delay));
          }
          if (taken_at > replay.makespan) continue;
          CHECK(figures(seen.state) == figures(sampler.at(taken_at)[static_cast<std::size_t>(seen.replica)]));
          CHECK(seen.num_waiting == seen.state.num_waiting);
          CHECK(static_cast<std::int32_t>(seen.waiting.size()) == seen.state.num_waiting);
          CHECK(static_cast<std::int32_t>(seen.running.size()) == seen.state.num_running);
          num_old += figures(seen.state) != figures(ReplicaState{});
        }
        if (interval == 0 || delay > 0) continue;
        REQUIRE(notes.polls.size() > 20);
        for (const auto& [at, replica] : notes.polls) {
          CHECK((at - (aligned ? 0 : interval * replica / 4)) % interval == 0);
        }
      }
    }
  }
  CHECK(num_old > 1000);
}

TEST_CASE("a policy's view shows the time at which it is told of what happens", "[signals]") {
  const SmallCluster small;
  for (const Time interval : {Time{0}, 700 * kMs}) {
    for (const std::int32_t routers : {1, 2}) {
      ClusterConfig config = small.vllm_v0;
      config.signals.interval = interval;
      config.routers.count = routers;
      config.routers.response = 3 * kMs;
      Notes notes;
      Simulation().run(config, SmallCluster::workload(1), noting(notes), 1);
      REQUIRE(notes.told_at.size() == 180);  // 60 arrivals, first tokens and completions
      for (const auto& [seen, happened] : notes.told_at) CHECK(seen == happened);
    }
  }
}

TEST_CASE("signals that are one tick old decide as live ones do", "[signals]") {
  const SmallCluster small;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Workload workload = SmallCluster::workload(seed);  // no two arrive at once
    Shortest policy;
    const Replay live = small.replay(workload, policy, seed);
    ClusterConfig config = seed % 2 ? small.sarathi : small.vllm_v0;
    config.signals.delay = 1;
    CHECK(same_records(live, Simulation().run(config, workload, policy, seed)));
  }
}

TEST_CASE("routers share arrivals in turn or by session, and know their own books alone", "[signals]") {
  const SmallCluster small;
  for (const Split split : {Split::round_robin, Split::session}) {
    ClusterConfig config = small.sarathi;
    config.routers.count = 3;
    config.routers.split = split;
    Workload workload = SmallCluster::workload(5);
    for (std::size_t i = 0; i < workload.size(); i += 2)
      workload.requests[i].session = static_cast<std::int32_t>(i % 7);
    Notes notes, alone;
    const Replay shared = Simulation().run(config, workload, noting(notes), 5);
    const Replay one = Simulation().run(small.sarathi, workload, noting(alone), 5);
    CHECK(same_records(shared, one));  // the policy's choice does not depend on what it knows
    CHECK(notes.seeds.size() == 3);
    CHECK(notes.seeds.contains(policy_seed(5)));
    std::map<std::int32_t, std::int32_t> requests;
    for (const auto& [id, router] : notes.router_of) {
      ++requests[router];
      if (split == Split::round_robin) CHECK(router == id % 3);
      if (split == Split::session && id >= 14 && id % 2 == 0) CHECK(router == notes.router_of[id - 14]);
    }
    CHECK(requests.size() == 3);
    for (const Seen& seen : notes.seen) {
      std::int32_t own = 0;
      for (const auto& [id, router] : notes.router_of) {
        const RequestRecord& record = shared.requests[static_cast<std::size_t>(id)];
        own += router == seen.router && record.replica == seen.replica && record.assigned_at < seen.now &&
               record.completed_at > seen.now;
      }
      // What completes or is assigned at this instant may count or not.
      CHECK(std::abs(seen.outstanding - own) <= 2);
      CHECK(seen.state.outstanding() >= own - 2);
    }
  }
}

TEST_CASE("the network and the router's time are added to a request's own", "[signals]") {
  const SmallCluster small;
  const Workload one = make_workload("one", {{0.5, 100, 20}});
  Notes plain_notes, notes;
  ClusterConfig config = small.sarathi;
  const Replay plain = Simulation().run(config, one, noting(plain_notes), 1);
  config.routers.dispatch = 10 * kMs;
  config.routers.response = 25 * kMs;
  config.routers.decision = 3 * kMs;
  for (const Kernel kernel : {Kernel::step, Kernel::leap}) {
    notes = {};
    const Replay late = Simulation(kernel).run(config, one, noting(notes), 1);
    const RequestRecord &was = plain.requests[0], &is = late.requests[0];
    CHECK(is.assigned_at == was.assigned_at + 3 * kMs);
    CHECK(is.scheduled_at == was.scheduled_at + 13 * kMs);
    CHECK(is.prefill_completed_at == was.prefill_completed_at + 38 * kMs);
    CHECK(is.completed_at == was.completed_at + 38 * kMs);
    CHECK(is.execution == was.execution);
    CHECK(late.makespan == is.completed_at);
    REQUIRE(notes.completed.size() == 1);
    CHECK(notes.completed[0].completed_at == is.completed_at);
    CHECK(notes.completed[0].first_token_at == is.prefill_completed_at);
    REQUIRE(notes.first_tokens.size() == 1);
    CHECK(notes.first_tokens[0].at == is.prefill_completed_at);
  }
}

TEST_CASE("a router serves its policy's calls one at a time", "[signals]") {
  const SmallCluster small;
  // The policy places all that is queued in one call: the first call, at 503 ms, takes the first two. That of the
  // second one finds an empty queue, which takes no time. The third arrives at 504 ms, and is placed at 507 ms.
  const Workload workload = make_workload("three", {{0.5, 10, 5}, {0.502, 10, 5}, {0.504, 10, 5}});
  ClusterConfig config = small.sarathi;
  config.routers.decision = 3 * kMs;
  Notes notes;
  const Replay replay = Simulation().run(config, workload, noting(notes), 1);
  CHECK(replay.requests[0].assigned_at == 503 * kMs);
  CHECK(replay.requests[1].assigned_at == 503 * kMs);
  CHECK(replay.requests[2].assigned_at == 507 * kMs);
}
