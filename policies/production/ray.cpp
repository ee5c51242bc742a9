// Ray Serve: power of two choices over queue lengths that are remembered for a while, and in front of it, for LLMs, a
// tree of prompts.
#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "policies/picking/hash_ring.hpp"
#include "policies/prefix/tenant_tree.hpp"
#include "policies/production/production.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

namespace {

// What is known of the replicas' queues: each answer to a request tells the length, which is believed for 10 s; after
// that the replica is asked.
class QueueLengths {
 public:
  void start(std::int32_t num_replicas) { known_.assign(static_cast<std::size_t>(num_replicas), {}); }
  std::int32_t of(const ClusterView& cluster, std::int32_t replica) {
    const Known& known = known_[static_cast<std::size_t>(replica)];
    if (known.until <= cluster.now()) ask(cluster, replica);
    return known.length;
  }
  void sent(const ClusterView& cluster, std::int32_t replica) { ask(cluster, replica); }

 private:
  static constexpr Time kBelieved = 10 * kTicksPerSecond;
  struct Known {
    Time until = 0;
    std::int32_t length = 0;
  };
  // A replica counts all that it has; its own books tell a router that has no others beside it.
  void ask(const ClusterView& cluster, std::int32_t replica) {
    std::int32_t length = cluster.outstanding(replica);
    if (cluster.num_routers() > 1) length = std::max(length, cluster.state(replica).outstanding());
    known_[static_cast<std::size_t>(replica)] = {cluster.now() + kBelieved, length};
  }
  std::vector<Known> known_;
};

// Requests are placed in the order of their arrival; while those that were drawn have all the requests that they may
// have, the first one waits, and it is tried again when something arrives or completes.
class RayRouter : public Policy {
 public:
  void start(const ClusterView& cluster, std::uint64_t seed) override {
    stream_ = RandomStream(seed, "power_of_two");
    lengths_.start(cluster.num_replicas());
  }

  void schedule(ClusterView& cluster) override {
    for (RequestId id = cluster.first_queued(); id >= 0; id = cluster.first_queued()) {
      const QueuedRequest& request = cluster.queued(id);
      find_able(cluster, id);
      const std::int32_t replica = all_.empty() ? -1 : choose(cluster, request);
      if (replica < 0) return;
      placing(cluster, request, replica);
      cluster.assign(id, replica);
      lengths_.sent(cluster, replica);
    }
  }

  std::int32_t max_ongoing_requests_ = 1000000000;

 private:
  void find_able(const ClusterView& cluster, RequestId id) {
    const std::int32_t n = cluster.num_replicas();
    const bool every_one = cluster.serves_all();
    if (every_one && static_cast<std::int32_t>(all_.size()) == n) return;
    all_.clear();
    for (std::int32_t replica = 0; replica < n; ++replica) {
      if (every_one || cluster.can_serve(id, replica)) all_.push_back(replica);
    }
  }

 protected:
  // -1: none now.
  virtual std::int32_t choose(const ClusterView& cluster, const QueuedRequest&) { return of_two(cluster); }
  virtual void placing(const ClusterView&, const QueuedRequest&, std::int32_t /*replica*/) {}

  // The shorter of two different random queues, ties to the one drawn first.
  std::int32_t of_two(const ClusterView& cluster) {
    const auto [first, second] = stream_.two_below(static_cast<std::int32_t>(all_.size()));
    return shortest(cluster, std::array{all_[static_cast<std::size_t>(first)], all_[static_cast<std::size_t>(second)]});
  }
  // The first of the shortest queues of those that may take more; -1: none.
  std::int32_t shortest(const ClusterView& cluster, std::span<const std::int32_t> candidates) {
    std::int32_t best = -1;
    std::int32_t least = max_ongoing_requests_;
    for (const std::int32_t replica : candidates) {
      const std::int32_t length = lengths_.of(cluster, replica);
      if (length >= least) continue;
      best = replica;
      least = length;
    }
    return best;
  }
  std::int32_t length(const ClusterView& cluster, std::int32_t replica) { return lengths_.of(cluster, replica); }
  const std::vector<std::int32_t>& all() const { return all_; }

 private:
  RandomStream stream_;
  QueueLengths lengths_;
  std::vector<std::int32_t> all_;  // that can serve the request which is being placed
};

// PrefixCacheAffinityRouter: a tree of the prompts' characters, in pages of 16 tokens here.
class RayPrefix final : public RayRouter {
 public:
  enum class Eviction { off, on };

  void start(const ClusterView& cluster, std::uint64_t seed) override {
    RayRouter::start(cluster, seed);
    tree_.reset(cluster.num_replicas(), 1);
    next_eviction_ = ticks_from_seconds(eviction_interval_s_);
  }

  double imbalanced_threshold_ = 1e9;
  double match_rate_threshold_ = 0.1;
  Eviction eviction_ = Eviction::off;
  std::int32_t eviction_threshold_ = 400000;
  std::int32_t eviction_target_ = 360000;
  double eviction_interval_s_ = 10.0;

 private:
  static constexpr std::int32_t kPage = 16;  // tokens
  static constexpr std::int32_t kPageCharacters = kPage * kCharactersPerToken;

  std::int32_t choose(const ClusterView& cluster, const QueuedRequest& request) override {
    evict(cluster.now());
    const auto named = cluster.prompt_blocks(request.id, kPage);
    pages_.assign(named.begin(), named.end());
    std::int32_t most = 0, fewest = std::numeric_limits<std::int32_t>::max();
    for (const std::int32_t replica : all()) {
      most = std::max(most, length(cluster, replica));
      fewest = std::min(fewest, length(cluster, replica));
    }
    if (most - fewest > imbalanced_threshold_) return of_two(cluster);
    const TenantTree::Found found = tree_.find(pages_);
    const double rate = double(found.num_blocks) * kPage / request.num_prefill_tokens;
    if (rate < match_rate_threshold_ || found.num_blocks == 0) {
      smallest_trees(best_);
    } else {
      tree_.tenants(found.node, best_);
      std::sort(best_.begin(), best_.end());
      std::erase_if(best_,
                    [this](std::int32_t replica) { return !std::binary_search(all().begin(), all().end(), replica); });
    }
    const std::int32_t replica = shortest(cluster, best_);
    return replica >= 0 ? replica : of_two(cluster);
  }

  void placing(const ClusterView&, const QueuedRequest& request, std::int32_t replica) override {
    const std::int64_t pages = (request.num_prefill_tokens + kPage - 1) / kPage;
    tree_.insert(pages_, pages - static_cast<std::int64_t>(pages_.size()), replica);
  }

  void smallest_trees(std::vector<std::int32_t>& out) const {
    out.clear();
    for (const std::int32_t replica : all()) {
      if (!out.empty() && tree_.size(replica) > tree_.size(out.front())) continue;
      if (!out.empty() && tree_.size(replica) < tree_.size(out.front())) out.clear();
      out.push_back(replica);
    }
  }

  void evict(Time now) {
    if (eviction_ == Eviction::off || now < next_eviction_) return;
    const Time interval = ticks_from_seconds(eviction_interval_s_);
    next_eviction_ = now - now % interval + interval;
    for (const std::int32_t replica : all()) {
      if (tree_.size(replica) * kPageCharacters <= eviction_threshold_) continue;
      tree_.evict(replica, eviction_target_ / kPageCharacters);
    }
  }

  TenantTree tree_;
  Time next_eviction_ = 0;
  std::vector<BlockName> pages_;  // of the request that is being placed
  std::vector<std::int32_t> best_;
};

}  // namespace

std::vector<PolicyInfo> ray_policies() {
  const char* const most = "requests of a replica; while those drawn have as many, requests wait in order of arrival";
  return {
      describe<RayRouter>("ray_power_of_two",
                          "Ray Serve: the shorter queue of two different random replicas. Lengths are known from the "
                          "last answer of a replica, for 10 s, then it is asked. Left out: the time that asking takes "
                          "and backoff (held requests are tried again when one arrives or completes), locality.",
                          "ray-project/ray, Ray Serve's power of two choices router")
          .integer(&RayRouter::max_ongoing_requests_, "max_ongoing_requests", 1000000000, 1, 1000000000,
                   ParamScale::log, most)
          .reads({Signal::outstanding, Signal::state})
          .done(),
      describe<RayPrefix>(
          "ray_prefix",
          "Ray Serve LLM's PrefixCacheAffinityRouter: the shortest queue of the replicas that were sent "
          "the longest match of the prompt; where less than match_rate_threshold matches, of those that "
          "were sent the fewest characters; where queues differ by more than imbalanced_threshold, power "
          "of two choices. Left out: routing by session.",
          "ray-project/ray, llm/_internal/serve, prefix-aware router and prefix tree")
          .real(&RayPrefix::imbalanced_threshold_, "imbalanced_threshold", 1e9, 0.0, 1e9, ParamScale::linear,
                "requests; 1e9: never")
          .real(&RayPrefix::match_rate_threshold_, "match_rate_threshold", 0.1, 0.0, 1.0, ParamScale::linear,
                "share of the prompt")
          .choice(&RayPrefix::eviction_, "do_eviction", {"off", "on"}, RayPrefix::Eviction::off,
                  "whether the tree forgets what was not used longest")
          .integer(&RayPrefix::eviction_threshold_, "eviction_threshold_chars", 400000, 1000, 1000000000,
                   ParamScale::log, "characters of a replica, 4 to a token, above which it does")
          .only_if("do_eviction", {"on"})
          .integer(&RayPrefix::eviction_target_, "eviction_target_chars", 360000, 1000, 1000000000, ParamScale::log,
                   "and how many are left")
          .only_if("do_eviction", {"on"})
          .real(&RayPrefix::eviction_interval_s_, "eviction_interval_secs", 10.0, 0.1, 3600.0, ParamScale::log,
                "s between looks at the tree")
          .only_if("do_eviction", {"on"})
          .integer(&RayPrefix::max_ongoing_requests_, "max_ongoing_requests", 1000000000, 1, 1000000000,
                   ParamScale::log, most)
          .reads({Signal::outstanding, Signal::state})
          .done(),
  };
}

}  // namespace switchyard
