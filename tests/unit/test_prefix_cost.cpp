// Policies that go by what replicas have cached: decisions computed by hand, on a cluster that is only a table.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "core/api/policy.hpp"
#include "policies/registry.hpp"
#include "tests/support/small_cluster.hpp"

namespace switchyard {

namespace {

// One request of a prompt that each replica has cached so far, in the global queue.
class TableCluster final : public detail::Observatory {
 public:
  TableCluster(std::int32_t prompt, std::vector<std::int32_t> outstanding, std::vector<std::int32_t> cached)
      : requests_{{.arrived_at = 0, .id = 0, .num_prefill_tokens = prompt}}, cached_(std::move(cached)) {
    board_.books.requests = requests_;
    board_.books.lifecycle = lifecycle_;
    board_.books.next = {0, -1};
    board_.books.previous = {0, -1};
    board_.books.queue_length = 1;
    board_.books.outstanding = std::move(outstanding);
    board_.books.least_outstanding.reset(cached_.size());
    board_.published.num_waiting.assign(cached_.size(), 0);
    board_.published.least_waiting.reset(cached_.size());
  }

  // The replica that the policy chooses.
  std::int32_t decide(const std::string& spec) {
    ClusterView view(board_, *this);
    const auto policy = parse_policy(spec, "").make();
    policy->start(view, 1);
    policy->on_arrival(requests_[0]);
    policy->schedule(view);
    return chosen_;
  }

  ReplicaState state_of(std::int32_t) override { return {}; }
  void waiting_of(std::int32_t, std::vector<ResidentRequest>&) override {}
  void running_of(std::int32_t, std::vector<ResidentRequest>&) override {}
  std::int32_t cached_tokens_of(RequestId, std::int32_t replica) override {
    return cached_[static_cast<std::size_t>(replica)];
  }
  const ReplicaLimits& limits_of(std::int32_t) const override { return limits_; }
  const CostModel& cost_of(std::int32_t) const override { throw std::logic_error("nothing is timed here"); }
  void assign(RequestId, std::int32_t replica) override {
    chosen_ = replica;
    lifecycle_[0] = detail::Lifecycle::sent;
    board_.books.next[0] = board_.books.previous[0] = -1;
    board_.books.queue_length = 0;
  }

 private:
  std::vector<QueuedRequest> requests_;
  std::vector<detail::Lifecycle> lifecycle_ = {detail::Lifecycle::queued};
  std::vector<std::int32_t> cached_;
  ReplicaLimits limits_{.num_blocks = 1000};
  detail::Board board_;
  std::int32_t chosen_ = -1;
};

std::int32_t decide(const std::string& spec, std::vector<std::int32_t> outstanding, std::vector<std::int32_t> cached) {
  return TableCluster(100, std::move(outstanding), std::move(cached)).decide(spec);
}

// Sends all to replica 0 and keeps the names of each prompt's blocks, by request.
class NameKeeper final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override { names.clear(); }
  void schedule(ClusterView& cluster) override {
    for (RequestId id = cluster.first_queued(); id >= 0; id = cluster.first_queued()) {
      const auto blocks = cluster.prompt_blocks(id, 16);
      names.emplace_back(blocks.begin(), blocks.end());
      num_blocks_of_32 += static_cast<std::int64_t>(cluster.prompt_blocks(id, 32).size());
      cluster.assign(id, 0);
    }
  }
  std::vector<std::vector<BlockName>> names;
  std::int64_t num_blocks_of_32 = 0;
};

}  // namespace

TEST_CASE("policies see which prompts begin alike, and nothing of outputs", "[prefix]") {
  TraceContent trace{.ids = {}, .hash_id_tokens = 16};
  const auto ids = [&trace](std::vector<std::int64_t> row) { return trace.ids.add(row); };
  // Prompts of 3, 3 and 5 blocks. The first output's block is named; the third prompt contains it.
  const std::vector<RawRequest> rows = {{0, 48, 20, ids({1, 2, 3, 4}), 64},
                                        {1, 50, 20, ids({1, 2, 9, 10}), 50},
                                        {9, 80, 20, ids({1, 2, 3, 4, 5}), 80},
                                        {9.5, 40, 20}};
  NameKeeper keeper;
  const SmallCluster cluster;
  cluster.replay(make_workload("made", rows, trace), keeper, 1);
  REQUIRE(keeper.names.size() == 4);
  const auto& names = keeper.names;
  REQUIRE(names[0].size() == 3);  // not the output's
  REQUIRE(names[1].size() == 3);  // its last block is known in part
  REQUIRE(names[2].size() == 5);
  CHECK(names[3].empty());
  CHECK(keeper.num_blocks_of_32 == 1 + 1 + 2);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(names[2][i] == names[0][i]);
    CHECK((names[1][i] == names[0][i]) == (i < 2));
    for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(names[0][i] == names[0][j]);
  }
  // The same prompts with nothing known of the output in between: the names are the same, not only alike.
  std::vector<RawRequest> unknown = rows;
  unknown[0].num_hashed_tokens = 48;
  const auto before = names;
  cluster.replay(make_workload("made", unknown, trace), keeper, 1);
  for (std::size_t i = 0; i < 4; ++i) CHECK(names[i] == before[i]);
}

TEST_CASE("prefix_cost: prompt - cached + weight * outstanding, ties to the lowest id", "[prefix]") {
  CHECK(decide("prefix_cost", {2, 0, 1}, {64, 0, 48}) == 1);             // 164, 100, 116
  CHECK(decide("prefix_cost(weight=10)", {2, 0, 1}, {64, 0, 48}) == 0);  // 56, 100, 62
  CHECK(decide("prefix_cost(weight=10)", {3, 0, 1}, {64, 0, 48}) == 2);  // 66, 100, 62
  CHECK(decide("prefix_cost(weight=0)", {9, 0, 0}, {96, 0, 80}) == 0);   // affinity alone
  CHECK(decide("prefix_cost", {1, 0, 0}, {64, 0, 0}) == 0);              // 100 each
  CHECK(decide("prefix_cost", {3, 1, 1}, {0, 0, 0}) == 1);               // nothing cached: the least loaded
  CHECK(decide("prefix_cost(weight=16)", {2, 1, 0}, {32, 16, 0}) == 0);  // 100 each
}

TEST_CASE("prefix_cost is a setting of compose, and a formula", "[prefix]") {
  const std::vector<std::vector<std::int32_t>> loads = {{2, 0, 1}, {1, 1, 1}, {5, 0, 4}, {0, 3, 0}};
  const std::vector<std::vector<std::int32_t>> caches = {{64, 0, 48}, {0, 96, 96}, {0, 0, 0}, {16, 80, 16}};
  for (const auto& load : loads) {
    for (const auto& cache : caches) {
      const std::int32_t expected = decide("prefix_cost(weight=20)", load, cache);
      CHECK(decide("compose(place=uncached,request_tokens=20)", load, cache) == expected);
      // A formula's ties go to the fewest outstanding: the number of the replica decides before.
      CHECK(decide(R"(formula(place="uncached + 20 * outstanding + replica / 1000"))", load, cache) == expected);
      CHECK(decide(R"(formula(place="prompt - cached + 20 * outstanding + replica / 1000"))", load, cache) == expected);
    }
  }
}

TEST_CASE("compose's weighted scores may go by what is not cached", "[prefix]") {
  const std::string alone = "compose(place=weighted,weight_waiting=0,weight_running=0,weight_kv=0,weight_uncached=1)";
  CHECK(decide(alone, {0, 0, 0}, {16, 64, 48}) == 1);
  CHECK(decide("compose(place=weighted)", {0, 0, 0}, {16, 64, 48}) == 0);  // by default it does not look
}

}  // namespace switchyard
