#include "policies/production/cache_aware.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "policies/prefix/tenant_tree.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"
#include "policies/production/prompt_blocks.hpp"
#include "policies/production/session_table.hpp"

namespace switchyard {

namespace {

constexpr std::int32_t kPageTokens = 16;  // tokens: what the gateway compares at once

class SmgCacheAware final : public Placement {
 public:
  enum class Index { tree, events };
  enum class Miss { in_flight, smallest_tree };

  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    tree_.reset(scene.cluster().num_replicas(), kRefresh);
    processed_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), 0);
    evicted_at_ = 0;
    sessions_.start(ticks_from_seconds(session_ttl_));
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    evict();
    if (session_ttl_ > 0) {
      const std::int32_t bound = sessions_.find(request.session, scene_->cluster().now());
      insert_ = index_ == Index::tree;
      if (insert_) prompt_.read(scene_->cluster(), request, kPageTokens);
      if (std::binary_search(candidates.begin(), candidates.end(), bound)) return bound;
    }
    if (index_ == Index::events && !imbalanced(candidates)) {
      insert_ = false;
      const std::int32_t holder = most_cached(request, candidates);
      return holder >= 0 ? holder : least(candidates);
    }
    insert_ = index_ == Index::tree;
    if (!insert_) return least(candidates);
    prompt_.read(scene_->cluster(), request, kPageTokens);
    if (imbalanced(candidates)) return least(candidates);
    const TenantTree::Found found = tree_.find(prompt_.named());
    if (double(found.num_blocks * kPageTokens) / request.num_prefill_tokens > cache_threshold_) {
      if (std::binary_search(candidates.begin(), candidates.end(), found.tenant)) return found.tenant;
      insert_ = false;  // its owner is not to be had: the first that is
      return candidates.front();
    }
    return miss_ == Miss::smallest_tree ? smallest_tree(candidates) : least(candidates);
  }

  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    if (session_ttl_ > 0) sessions_.bind(request.session, replica, scene_->cluster().now());
    ++processed_[static_cast<std::size_t>(replica)];
    if (insert_) tree_.insert(prompt_.named(), prompt_.unnamed_full(), replica);
  }

  double cache_threshold_ = 0.3;
  std::int32_t balance_abs_ = 64;
  double balance_rel_ = 1.5;
  double balance_token_usage_ = 1.0;
  double overload_token_usage_ = 1.0;
  double eviction_interval_ = 60.0;
  std::int32_t max_tree_size_ = 1 << 26;
  Index index_ = Index::tree;
  Miss miss_ = Miss::in_flight;
  double session_ttl_ = 0.0;  // s

 private:
  // An access to a node of the tree makes its tenant the one that speaks for it with a chance of 1 in 8; each eighth
  // access here, so that nothing is drawn.
  static constexpr std::int32_t kRefresh = 8;

  std::int32_t in_flight(std::int32_t replica) const { return scene_->cluster().outstanding(replica); }

  bool imbalanced(std::span<const std::int32_t> candidates) {
    std::int32_t most = 0, fewest = INT32_MAX;
    for (const std::int32_t replica : candidates) {
      most = std::max(most, in_flight(replica));
      fewest = std::min(fewest, in_flight(replica));
    }
    if (most - fewest > balance_abs_ && most > balance_rel_ * fewest) return true;
    if (balance_token_usage_ >= 1 && overload_token_usage_ >= 1) return false;  // no use is above 1
    double fullest = 0, emptiest = 1;
    for (const std::int32_t replica : candidates) {
      fullest = std::max(fullest, kv_use(scene_->state(replica)));
      emptiest = std::min(emptiest, kv_use(scene_->state(replica)));
    }
    return fullest > overload_token_usage_ || fullest - emptiest > balance_token_usage_;
  }

  // Fewest in flight, then fewest requests ever, then the lowest id.
  std::int32_t least(std::span<const std::int32_t> candidates) const {
    return *std::min_element(candidates.begin(), candidates.end(), [&](std::int32_t a, std::int32_t b) {
      return std::pair(in_flight(a), processed_[static_cast<std::size_t>(a)]) <
             std::pair(in_flight(b), processed_[static_cast<std::size_t>(b)]);
    });
  }

  std::int32_t smallest_tree(std::span<const std::int32_t> candidates) const {
    return *std::min_element(candidates.begin(), candidates.end(),
                             [&](std::int32_t a, std::int32_t b) { return tree_.size(a) < tree_.size(b); });
  }

  // By KV events: most leading blocks, then fewest in flight, then fewest blocks in its index, then the last. -1: none.
  std::int32_t most_cached(const QueuedRequest& request, std::span<const std::int32_t> candidates) {
    std::int32_t best = -1;
    std::tuple<std::int32_t, std::int32_t, std::int32_t> best_key;
    scene_->cluster().prefix_holders(request.id, holders_);
    for (const PrefixHolder& holder : holders_) {
      if (!std::binary_search(candidates.begin(), candidates.end(), holder.replica)) continue;
      const ReplicaState& state = scene_->state(holder.replica);
      const std::tuple key(-holder.num_tokens, in_flight(holder.replica), state.blocks_used + state.blocks_cached);
      if (best < 0 || key <= best_key) {
        best = holder.replica;
        best_key = key;
      }
    }
    return best;
  }

  // As often as evictions would have come since the last request; the tree has not changed in between.
  void evict() {
    const Time interval = ticks_from_seconds(eviction_interval_);
    const Time now = scene_->cluster().now();
    if (now - evicted_at_ < interval) return;
    evicted_at_ = now - now % interval;
    tree_.evict(max_tree_size_ / kPageTokens);
  }

  SessionTable sessions_;
  TenantTree tree_;
  PromptBlocks prompt_;  // of the request that is being placed
  std::vector<PrefixHolder> holders_;
  bool insert_ = false;  // whether it goes into the tree
  Time evicted_at_ = 0;
  std::vector<std::int64_t> processed_;  // requests, per replica
};

}  // namespace

PolicyInfo cache_aware_policy(std::string name, std::string summary, std::string source, CacheAwareVersion version) {
  using P = SmgCacheAware;
  auto declared = greedy<P>(std::move(name), std::move(summary), std::move(source));
  declared
      .real(&P::cache_threshold_, "cache_threshold", version.cache_threshold, 0.0, 1.0, ParamScale::linear,
            "a prompt goes to the owner of its prefix if more than this share of it is in the tree")
      .integer(&P::balance_abs_, "balance_abs", version.balance_abs, 0, 1024, ParamScale::linear,
               "imbalanced if the requests in flight differ by more than this")
      .real(&P::balance_rel_, "balance_rel", version.balance_rel, 1.0, 10.0, ParamScale::linear,
            "and the most are more than this times the fewest")
      .real(&P::eviction_interval_, "eviction_interval", version.eviction_interval_s, 1.0, 3600.0, ParamScale::log,
            "s between evictions from the tree")
      .integer(&P::max_tree_size_, "max_tree_size", version.max_tree_size, 16, 1 << 30, ParamScale::log,
               "tokens that the tree keeps for each worker");
  if (version.kv_gates) {
    declared
        .real(&P::balance_token_usage_, "balance_token_usage", 1.0, 0.0, 1.0, ParamScale::linear,
              "imbalanced if the shares of KV in use differ by more than this; 1: never")
        .real(&P::overload_token_usage_, "overload_token_usage", 1.0, 0.0, 1.0, ParamScale::linear,
              "imbalanced if a share of KV in use is above this; 1: never");
  }
  if (version.events) {
    declared.choice(&P::index_, "index", {"tree", "events"}, P::Index::tree,
                    "who holds a prefix: by the gateway's own tree of prompts, or by the engines' KV events");
  }
  if (version.smallest_tree) {
    declared.choice(&P::miss_, "miss", {"in_flight", "smallest_tree"}, P::Miss::in_flight,
                    "where a prompt goes that the tree does not have: fewest requests in flight, or the worker that "
                    "the tree keeps least for (before PR #14305)");
  }
  if (version.kv_gates) {
    declared.reads({Signal::outstanding, Signal::state, Signal::cache}, 10);
  } else {
    declared.reads({Signal::outstanding});
  }
  if (version.session_ttl_s > 0) {
    declared.real(&P::session_ttl_, "session_ttl", version.session_ttl_s, 1.0, 100000.0, ParamScale::log,
                  "s of idleness for which a session is remembered, to go where it was before anything else is asked");
  }
  return declared.done();
}

std::vector<PolicyInfo> cache_aware_policies() {
  return {
      cache_aware_policy(
          "smg_cache_aware",
          "SGLang Model Gateway's default: a prompt of which more than cache_threshold is in a radix tree of all that "
          "was sent goes to the owner of that prefix, one worker whatever its load; else, and for all while the loads "
          "are imbalanced, fewest in flight. Works on pages of 16 tokens, as with gRPC (over HTTP the real one "
          "compares "
          "characters). Left out: unhealthy workers, exchange of trees between gateways; index sizes, the last tie of "
          "KV events, are published blocks.",
          "lightseekorg/smg, model_gateway/src/policies/cache_aware.rs, crates/kv_index (2026-08)",
          {.kv_gates = true, .events = true}),
      cache_aware_policy("sglang_cache_aware",
                         "SGLang's own gateway, before it became SMG: as smg_cache_aware without KV use and KV events. "
                         "miss=smallest_tree "
                         "is the oldest rule, under which a slow worker draws all new prompts. Works on pages of 16 "
                         "tokens where the real "
                         "one compares characters.",
                         "sgl-project/sglang, sgl-model-gateway/src/policies/cache_aware.rs, PR #14305, #14532",
                         {.smallest_tree = true}),
  };
}

}  // namespace switchyard
