// Clusters whose replicas fail, are repaired, drain, join, are not alike and have roles: both kernels give the same
// bytes, each request is completed or fails exactly once, no token of an answer is streamed twice, and no block of KV
// stays taken.
#include <catch2/catch.hpp>

#include "core/cluster/simulation.hpp"
#include "policies/registry.hpp"
#include "tests/support/curious.hpp"
#include "tests/support/random_clusters.hpp"
#include "tests/support/random_operations.hpp"
#include "tests/support/random_split.hpp"

using namespace switchyard;

namespace {

// Fewest outstanding of those that can serve; keeps account of what becomes of requests. Where there are roles, every
// other request is settled at once.
class Accountant final : public Policy {
 public:
  struct Account {
    std::int32_t arrivals = 0, ends = 0;
    std::int32_t prompt = 0;    // as it arrived last
    std::int32_t streamed = 0;  // of all attempts
    bool completed = false;
  };
  explicit Accountant(std::vector<Account>& accounts) : accounts_(&accounts) {}

  void start(const ClusterView& cluster, std::uint64_t) override {
    is_consistent = true;
    view_ = &cluster;
  }
  void on_arrival(const QueuedRequest& request) override {
    Account& account = at(request.id);
    is_consistent &= account.arrivals == request.num_retries && account.ends == request.num_retries;
    is_consistent &= account.arrivals == 0 || request.num_prefill_tokens == account.prompt + last_streamed_;
    account.prompt = request.num_prefill_tokens;
    ++account.arrivals;
  }
  void on_loss(const CompletedRequest& request) override {
    last_streamed_ = request.num_decode_tokens;
    at(request.id).streamed += last_streamed_;
    is_consistent &= request.num_decode_tokens >= 0 && request.num_prefill_tokens == at(request.id).prompt;
    ++at(request.id).ends;
  }
  void on_completion(const CompletedRequest& request) override {
    Account& account = at(request.id);
    is_consistent &= account.prompt == request.num_prefill_tokens && request.num_decode_tokens > 0;
    account.streamed += request.num_decode_tokens;
    account.completed = true;
    ++account.ends;
    if (std::all_of(accounts_->begin(), accounts_->end(), [](const Account& of) { return of.completed; })) {
      for (std::int32_t r = 0; r < view_->num_replicas(); ++r) blocks_left += view_->state(r).blocks_used;
      ++num_looks;
    }
  }
  void schedule(ClusterView& cluster) override {
    for (RequestId id = cluster.first_queued(); id >= 0;) {
      const RequestId next = cluster.next_queued(id);
      const bool prefilled = cluster.queued(id).prefilled_on >= 0;
      const std::int32_t place = best(cluster, id, true, !prefilled);
      const std::int32_t decode = best(cluster, id, true, false);
      if (place >= 0 && decode >= 0 && cluster.role(place) == Role::prefill && id % 2 == 0) {
        cluster.assign(id, place, decode);
      } else if (place >= 0) {
        cluster.assign(id, place);
      }
      id = next;
    }
  }

  static inline bool is_consistent = true;
  static inline std::int64_t blocks_left = 0, num_looks = 0;  // once all requests have completed

 private:
  static std::int32_t best(const ClusterView& cluster, RequestId id, bool decodes, bool prefills) {
    std::int32_t found = -1;
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) {
      if (!(cluster.role(r) == Role::prefill ? prefills : decodes) || !cluster.can_serve(id, r)) continue;
      if (found < 0 || cluster.outstanding(r) < cluster.outstanding(found)) found = r;
    }
    return found;
  }
  Account& at(RequestId id) { return (*accounts_)[static_cast<std::size_t>(id)]; }
  std::vector<Account>* accounts_;
  const ClusterView* view_ = nullptr;
  std::int32_t last_streamed_ = 0;
};

class Comparison {
 public:
  void compare(const ClusterConfig& config, const Workload& workload, std::uint64_t round) {
    std::vector<PolicyInfo> registered = registered_policies();
    if (config.is_split()) std::erase_if(registered, [](const PolicyInfo& info) { return !info.knows_roles; });
    const PolicyInfo& one = registered[round % registered.size()];
    WorkloadRandom random(round, WorkloadRandom::Purpose::policy);
    const Subscription asks = Curious::random_subscription(random);
    const RoutedBy policies[] = {{[&] { return std::make_unique<Curious>(asks); }},
                                 routed_by(one, default_values(one.params)),
                                 {[this] { return std::make_unique<Accountant>(accounts_); }}};
    for (const RoutedBy& policy : policies) {
      INFO("round " << round << " " << (&policy == policies ? "curious" : one.name));
      const Replay* expected = run(step_, config, workload, policy, round);
      const Replay* found = run(leap_, config, workload, policy, round);
      REQUIRE((expected == nullptr) == (found == nullptr));
      if (!expected) continue;
      REQUIRE(same(*expected, *found));
      ++num_compared;
      num_retries += found->num_retries;
      num_failed += found->num_failed;
      std::int64_t completed = 0, failed = 0;
      for (const ReplicaTotals& totals : found->replicas) completed += totals.num_requests;
      for (const RequestRecord& record : found->requests) failed += record.failed ? 1 : 0;
      REQUIRE(completed + failed == static_cast<std::int64_t>(workload.size()));
      REQUIRE(failed == found->num_failed);
      for (const HandOff& entry : found->hand_offs) {
        const RequestRecord& record = found->requests[static_cast<std::size_t>(entry.row)];
        REQUIRE((!record.failed && record.replica == entry.decode_replica));
        REQUIRE((entry.began_at >= entry.prefilled_at && entry.ended_at > entry.began_at));
        num_retried_hand_offs += record.num_retries > 0 ? 1 : 0;
      }
      num_hand_offs += static_cast<std::int64_t>(found->hand_offs.size());
      if (&policy != &policies[2]) continue;
      REQUIRE(Accountant::is_consistent);
      if (config.signals.are_live()) REQUIRE(Accountant::blocks_left == 0);
      Accountant::blocks_left = 0;
      for (std::size_t i = 0; i < accounts_.size(); ++i) {
        REQUIRE(accounts_[i].ends == accounts_[i].arrivals);
        const bool known = workload.loop.empty() && accounts_[i].completed;  // ids are rows
        if (known) REQUIRE(accounts_[i].streamed == workload.hidden.num_decode_tokens[i]);
      }
    }
  }
  std::size_t num_compared = 0;
  std::int64_t num_retries = 0, num_failed = 0;
  std::int64_t num_hand_offs = 0, num_retried_hand_offs = 0;

 private:
  const Replay* run(Simulation& simulation, const ClusterConfig& config, const Workload& workload,
                    const RoutedBy& policy, std::uint64_t seed) {
    accounts_.assign(workload.size(), {});
    try {
      return &simulation.run(config, workload, policy, seed);
    } catch (const StalledError&) {
      return nullptr;
    }
  }

  std::vector<Accountant::Account> accounts_;
  Simulation leap_{Kernel::leap}, step_{Kernel::step};
};

// Each of a few kinds that have room for less or more.
template <class Options, class Make>
ClusterConfig mixed(WorkloadRandom& random, const CostModel& cost, const Options& options, const Make& smaller) {
  ClusterConfig config;
  config.kinds.emplace_back(options, cost);
  const std::size_t others = random.below(3);
  for (std::size_t i = 0; i < others; ++i) config.kinds.emplace_back(smaller(), cost);
  const std::size_t n = 1 + random.below(6);
  for (std::size_t i = 0; i < n; ++i) {
    config.kind_of_replica.push_back(static_cast<std::int32_t>(i == 0 ? 0 : random.below(config.kinds.size())));
  }
  return config;
}

}  // namespace

TEST_CASE("operated clusters: both kernels give the same bytes, and nothing is lost", "[kernels][operations]") {
  Comparison comparison;
  for (std::uint64_t round = 0; round < 3000; ++round) {
    WorkloadRandom random(round + 3'000'000, WorkloadRandom::Purpose::lengths);
    const CostModel cost = random_cost_of_v0(random, round % 3 == 0);
    const bool plenty = random.below(3) == 0;
    const std::int32_t longest = plenty ? 512 : 128;
    const auto engine = static_cast<EngineKind>(random.below(3));
    const std::int32_t block_size = random.below(2) ? 16 : 4;
    const EngineOptions options = random_engine(random, engine, block_size, longest, plenty);
    ClusterConfig config =
        mixed(random, cost, options, [&] { return random_engine(random, engine, block_size, longest / 2, false); });
    if (random.below(2) == 0) config = with_random_signals(config, random);
    comparison.compare(with_random_operations(config, random),
                       random_workload(random, 5 + random.below(40), longest, round), round);
  }
  CHECK(comparison.num_compared > 5000);
  CHECK(comparison.num_retries > 5000);
  CHECK(comparison.num_failed > 1000);
}

TEST_CASE("operated clusters: the same under vllm_v1", "[kernels][operations]") {
  Comparison comparison;
  for (std::uint64_t round = 0; round < 3000; ++round) {
    WorkloadRandom random(round + 4'000'000, WorkloadRandom::Purpose::lengths);
    const CostModel cost = random_cost_of_v1(random, round % 3 == 0);
    const auto longest = static_cast<std::int32_t>(random.below(3) == 0 ? 512 : 128);
    VllmV1Options options = random_options(random, longest);
    options.max_model_len = longest + 100;
    ClusterConfig config = mixed(random, cost, options, [&] {
      VllmV1Options smaller = options;
      smaller.max_model_len = longest / 2 + static_cast<std::int32_t>(random.below(64));
      return smaller;
    });
    if (random.below(2) == 0) config = with_random_signals(config, random);
    Workload workload = random_workload(random, 5 + random.below(40), longest, round);
    workload.content = random_content(random, workload, options.block_size);
    comparison.compare(with_random_operations(config, random), workload, round);
  }
  CHECK(comparison.num_compared > 5000);
  CHECK(comparison.num_retries > 5000);
  CHECK(comparison.num_failed > 1000);
}

TEST_CASE("operated clusters: the same where prefill and decode are apart", "[kernels][operations][split]") {
  Comparison comparison;
  for (std::uint64_t round = 0; round < 3000; ++round) {
    WorkloadRandom random(round + 5'000'000, WorkloadRandom::Purpose::lengths);
    const CostModel cost = random_cost_of_v1(random, round % 3 == 0);
    const auto longest = static_cast<std::int32_t>(random.below(3) == 0 ? 512 : 128);
    VllmV1Options options = random_options(random, longest);
    options.max_model_len = longest + 100;
    ClusterConfig config = random_split(random, options, longest, cost);
    if (random.below(2) == 0) config = with_random_signals(config, random);
    Workload workload = random_workload(random, 5 + random.below(40), longest, round);
    workload.content = random_content(random, workload, options.block_size);
    config = with_random_operations(config, random);
    // One of each role, or most requests wait for good.
    if (config.operations.initial_replicas == 1) config.operations.initial_replicas = 2;
    comparison.compare(config, workload, round);
  }
  CHECK(comparison.num_compared > 5000);
  CHECK(comparison.num_retries > 5000);
  CHECK(comparison.num_failed > 1000);
  CHECK(comparison.num_hand_offs > 10000);
  CHECK(comparison.num_retried_hand_offs > 1000);
  CHECK(Accountant::num_looks > 100);
}
