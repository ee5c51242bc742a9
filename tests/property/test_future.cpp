// The future is out of reach: what has not arrived cannot be asked for, and what arrives later or is longer changes
// nothing before.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <stdexcept>

#include "policies/registry.hpp"
#include "tests/support/closed_rows.hpp"
#include "tests/support/small_cluster.hpp"

using namespace switchyard;

namespace {

bool refused(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::out_of_range&) {
    return true;
  }
  return false;
}

// Asks for every request, queued or not, and for replicas that are not there, whenever it can.
class Peeker final : public Policy {
 public:
  explicit Peeker(RequestId num_requests) : num_requests_(num_requests), is_queued_(std::size_t(num_requests)) {}

  void start(const ClusterView& cluster, std::uint64_t) override { peek(cluster); }
  void on_arrival(const QueuedRequest& request) override { is_queued_[std::size_t(request.id)] = true; }
  void schedule(ClusterView& cluster) override {
    peek(cluster);
    while (!cluster.queue_empty()) {
      const RequestId id = cluster.first_queued();
      cluster.assign(id, cluster.least_outstanding());
      is_queued_[std::size_t(id)] = false;
      CHECK(refused([&] { cluster.queued(id); }));
    }
  }

  std::int64_t num_peeks = 0;

 private:
  void peek(const ClusterView& cluster) {
    for (RequestId id = -2; id < num_requests_ + 2; ++id) {
      const bool queued = id >= 0 && id < num_requests_ && is_queued_[std::size_t(id)];
      const bool all = refused([&] { cluster.queued(id); }) != queued &&
                       refused([&] { cluster.next_queued(id); }) != queued &&
                       refused([&] { cluster.cached_tokens(id, 0); }) != queued;
      if (!all) FAIL_CHECK("request " << id << ", queued: " << queued);
      ++num_peeks;
    }
    for (const std::int32_t replica : {-1, cluster.num_replicas(), INT32_MAX, INT32_MIN}) {
      CHECK(refused([&] { cluster.num_waiting(replica); }));
      CHECK(refused([&] { cluster.outstanding(replica); }));
      CHECK(refused([&] { cluster.state(replica); }));
      CHECK(refused([&] { cluster.waiting(replica); }));
      CHECK(refused([&] { cluster.running(replica); }));
      CHECK(refused([&] { cluster.limits(replica); }));
      CHECK(refused([&] { cluster.batch_times(replica); }));
    }
  }

  RequestId num_requests_;
  std::vector<bool> is_queued_;
};

// Remembers the seed that it is given.
class Seeded final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t seed) override { seed_ = seed; }
  void schedule(ClusterView& cluster) override { cluster.assign(cluster.first_queued(), 0); }
  std::uint64_t seed_ = 0;
};

}  // namespace

TEST_CASE("what is not queued cannot be asked for, under both kernels, in start() or later", "[blindness]") {
  const SmallCluster cluster;
  const Workload workload = SmallCluster::workload(1);
  for (const Kernel kernel : {Kernel::step, Kernel::leap}) {
    Peeker peeker(static_cast<RequestId>(workload.size()));
    cluster.replay(workload, peeker, 1, kernel);
    CHECK(peeker.num_peeks > 60 * 60);
  }
}

TEST_CASE("a message says why a request cannot be asked for", "[blindness]") {
  class Asks final : public Policy {
   public:
    void start(const ClusterView& cluster, std::uint64_t) override {
      CHECK_THROWS_WITH(cluster.queued(0), Catch::Contains("request 0") && Catch::Contains("has not arrived"));
      CHECK_THROWS_WITH(cluster.state(4), Catch::Contains("replica 4; there are 4, from 0 to 3"));
    }
    void schedule(ClusterView& cluster) override {
      const RequestId id = cluster.first_queued();
      cluster.assign(id, 0);
      CHECK_THROWS_WITH(cluster.queued(id), Catch::Contains("has been assigned to a replica"));
    }
    void on_completion(const CompletedRequest& request) override { completed = request.id; }
    RequestId completed = -1;
  };
  const SmallCluster cluster;
  Asks asks;
  cluster.replay(SmallCluster::workload(1), asks, 1);
  CHECK(asks.completed >= 0);
}

TEST_CASE("the workload cut after t, nothing before t is another", "[blindness]") {
  const SmallCluster cluster;
  for (std::uint64_t round = 0; round < 10; ++round) {
    const std::vector<RawRequest> rows = SmallCluster::rows(round);
    for (const PolicyInfo& info : registered_policies()) {
      if (info.clairvoyant) continue;
      INFO(info.name << " round " << round);
      const Replay all = cluster.replay(make_workload("all", rows), *info.make(default_values(info.params)), round);
      for (const std::size_t kept : {std::size_t{1}, rows.size() / 3, rows.size() - 1}) {
        const Workload early = make_workload("early", {rows.begin(), rows.begin() + std::ptrdiff_t(kept)});
        const Time cut_at = ticks_from_seconds(rows[kept].arrived_at_s);
        const Replay cut = cluster.replay(early, *info.make(default_values(info.params)), round);
        for (std::size_t i = 0; i < kept; ++i) {
          const RequestRecord &a = all.requests[i], &b = cut.requests[i];
          if (std::min(a.assigned_at, b.assigned_at) < cut_at) {
            CHECK(a.assigned_at == b.assigned_at);
            CHECK(a.replica == b.replica);
          }
          if (std::min(a.completed_at, b.completed_at) < cut_at) CHECK(a.completed_at == b.completed_at);
        }
      }
    }
  }
}

TEST_CASE("a policy's seed is not the workload's, and another for each", "[blindness]") {
  const SmallCluster cluster;
  Seeded policy;
  std::vector<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    cluster.replay(SmallCluster::workload(1), policy, seed);
    CHECK(policy.seed_ == policy_seed(seed));
    CHECK(policy.seed_ > 1'000'000);
    seen.push_back(policy.seed_);
  }
  std::sort(seen.begin(), seen.end());
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
}

namespace {

// Sessions of a few turns that wait for each other.
std::vector<RawRequest> session_rows(std::uint64_t round) {
  std::vector<RawRequest> rows = SmallCluster::rows(round);
  WorkloadRandom random(round, WorkloadRandom::Purpose::blocks);
  close_at_random(random, rows);
  return rows;
}

// Without a row and all that wait for it.
std::vector<RawRequest> without(const std::vector<RawRequest>& rows, std::size_t cut) {
  std::vector<RawRequest> kept;
  std::vector<std::int32_t> moved(rows.size(), -1);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == cut || (rows[i].parent >= 0 && moved[std::size_t(rows[i].parent)] < 0)) continue;
    moved[i] = static_cast<std::int32_t>(kept.size());
    kept.push_back(rows[i]);
    if (rows[i].parent >= 0) kept.back().parent = moved[std::size_t(rows[i].parent)];
  }
  return kept;
}

}  // namespace

TEST_CASE("a session's later turns cut off, or others, nothing before them is another", "[blindness]") {
  const SmallCluster cluster;
  std::size_t compared = 0;
  for (std::uint64_t round = 0; round < 12; ++round) {
    const std::vector<RawRequest> rows = session_rows(round);
    std::size_t cut = rows.size() / 2 + round;
    while (rows[cut].parent < 0) cut = (cut + 1) % rows.size();
    const Workload workload = make_workload("all", rows), fewer = make_workload("fewer", without(rows, cut));
    std::vector<RawRequest> changed = rows;
    changed[cut].num_prefill_tokens = 201 - changed[cut].num_prefill_tokens;
    changed[cut].num_decode_tokens = 103 - changed[cut].num_decode_tokens;
    changed[cut].think_s += 0.5;
    const Workload other = make_workload("other", changed);
    for (const PolicyInfo& info : registered_policies()) {
      if (info.clairvoyant) continue;
      INFO(info.name << " round " << round << " cut " << cut);
      const auto policy = info.make(default_values(info.params));
      const Replay all = cluster.replay(workload, *policy, round);
      const Time until = all.requests[cut].arrived_at;
      CHECK(until > all.requests[std::size_t(rows[cut].parent)].completed_at);
      const auto seen = [until](const Replay& replay) {  // in order of arrival: rows differ
        std::vector<std::array<Time, 4>> events;
        for (const RequestRecord& record : replay.requests) {
          if (record.arrived_at >= until) continue;
          const auto known = [until](Time at) { return at < until ? at : kNever; };
          events.push_back({record.arrived_at, known(record.assigned_at),
                            record.assigned_at < until ? Time{record.replica} : -1, known(record.completed_at)});
        }
        std::sort(events.begin(), events.end());
        return events;
      };
      CHECK(seen(all) == seen(cluster.replay(fewer, *policy, round)));
      CHECK(seen(all) == seen(cluster.replay(other, *policy, round)));
      compared += seen(all).size();
    }
  }
  CHECK(compared > 1000);
}
