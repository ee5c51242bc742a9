// NVIDIA Dynamo's KV router: least cost in blocks, of prompts to be computed and of those that decode.
#include <algorithm>

#include "policies/compose/softmax.hpp"
#include "policies/picking/ties.hpp"
#include "policies/prefix/ttl_index.hpp"
#include "policies/production/active_blocks.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"
#include "policies/production/prompt_blocks.hpp"

namespace switchyard {

namespace {

class DynamoRouter final : public Placement {
 public:
  enum class Index { events, approximate };
  enum class Cost { sum, lmetric };

  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    const std::int32_t n = scene.cluster().num_replicas();
    draw_ = SoftmaxDraw(RandomStream(seed, "dynamo"));
    ties_.start(RandomStream(seed, "dynamo ties"));
    sent_prompts_.reset(ticks_from_seconds(ttl_s_), kMostBlocks, kPrunedTo);
    active_.start(n);
    matches_.reset(n);
    prefill_tokens_.assign(static_cast<std::size_t>(n), 0);
    prefills_.clear();
    holders_.clear();
    overlap_.assign(static_cast<std::size_t>(n), 0);
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    look(request, candidates);
    if (held(candidates)) return -1;
    costs_.clear();
    for (const std::int32_t replica : candidates) costs_.push_back({cost(request, replica), 0});
    if (router_temperature_ > 0) return candidates[draw_.choose(costs_, router_temperature_)];
    return candidates[ties_.least(costs_)];
  }

  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    const auto r = static_cast<std::size_t>(replica);
    const std::int64_t uncached = std::max<std::int64_t>(0, request.num_prefill_tokens - overlap_[r]);
    const auto id = static_cast<std::size_t>(request.id);
    if (id >= prefills_.size()) prefills_.resize(id + 1);
    prefills_[id] = {replica, uncached};
    prefill_tokens_[r] += uncached;
    active_.add(request.id, replica, prompt_.named(), prompt_.unnamed_with_partial());
    if (index_ == Index::approximate) {
      sent_prompts_.insert(replica, prompt_.named(), prompt_.unnamed_full(), scene_->cluster().now());
    }
  }
  void ask(Subscription& asked) const override { asked.first_tokens = true; }
  void first_token(const FirstToken& token) override { begun(token.id); }
  void completed(const CompletedRequest& request) override {
    begun(request.id);
    active_.remove(request.id);
  }

  double prefill_load_scale_ = 1.0;
  double overlap_credit_ = 1.0;
  double credit_decay_ = 0.0;
  double active_request_weight_ = 0.0;
  double router_temperature_ = 0.0;
  double queue_threshold_ = 0.0;
  double ttl_s_ = 120.0;
  Index index_ = Index::events;
  Cost cost_ = Cost::sum;

 private:
  static constexpr std::int64_t kMostBlocks = 1 << 20;  // of the approximate index
  static constexpr double kPrunedTo = 0.8;

  struct Prefill {
    std::int32_t replica = -1;  // -1: its answer has begun
    std::int64_t tokens = 0;
  };

  // The answer has begun: its prompt is computed.
  void begun(RequestId id) {
    Prefill& prefill = prefills_[static_cast<std::size_t>(id)];
    if (prefill.replica < 0) return;
    prefill_tokens_[static_cast<std::size_t>(prefill.replica)] -= prefill.tokens;
    prefill.replica = -1;
  }

  void look(const QueuedRequest& request, std::span<const std::int32_t> candidates) {
    const ClusterView& cluster = scene_->cluster();
    block_size_ = cluster.limits(candidates.front()).block_size;
    prompt_.read(cluster, request, block_size_);
    if (index_ == Index::events) {
      for (const PrefixHolder& holder : holders_) overlap_[static_cast<std::size_t>(holder.replica)] = 0;
      cluster.prefix_holders(request.id, holders_);
      for (const PrefixHolder& holder : holders_) {
        overlap_[static_cast<std::size_t>(holder.replica)] = holder.num_tokens;
      }
    } else {
      for (const std::int32_t replica : matches_.holders()) overlap_[static_cast<std::size_t>(replica)] = 0;
      sent_prompts_.match(prompt_.named(), cluster.now(), matches_);
      for (const std::int32_t replica : matches_.holders()) {
        overlap_[static_cast<std::size_t>(replica)] = matches_.blocks(replica) * block_size_;
      }
    }
    active_.match(prompt_.named());
    least_prefill_ = INT64_MAX;
    for (const std::int32_t replica : candidates) least_prefill_ = std::min(least_prefill_, prefill_of(replica));
  }
  std::int64_t prefill_of(std::int32_t replica) const { return prefill_tokens_[static_cast<std::size_t>(replica)]; }

  // While all have more prompt tokens to compute than so many batches hold.
  bool held(std::span<const std::int32_t> candidates) const {
    if (queue_threshold_ <= 0) return false;
    return std::all_of(candidates.begin(), candidates.end(), [&](std::int32_t replica) {
      return static_cast<double>(prefill_of(replica)) >
             queue_threshold_ * scene_->cluster().limits(replica).batch_tokens;
    });
  }

  double cost(const QueuedRequest& request, std::int32_t replica) const {
    const double size = block_size_;
    const double excess = static_cast<double>(prefill_of(replica) - least_prefill_) / size;
    const double decay = 1 / (1 + credit_decay_ * excess / (request.num_prefill_tokens / size));
    const double credit = overlap_credit_ * decay * overlap_[static_cast<std::size_t>(replica)] / size;
    const double prefill =
        std::max(static_cast<double>(prefill_of(replica) + request.num_prefill_tokens) / size - credit, 0.0);
    const auto blocks = static_cast<double>(active_.blocks(replica) + prompt_.with_partial() - active_.shared(replica));
    if (cost_ == Cost::lmetric) return prefill * (blocks + 1);
    return prefill_load_scale_ * prefill + blocks + active_request_weight_ * scene_->cluster().outstanding(replica);
  }

  SoftmaxDraw draw_;
  TieBreaker ties_{Ties::reservoir};
  TtlIndex sent_prompts_;
  ActiveBlocks active_;
  std::vector<std::int64_t> prefill_tokens_;  // uncached, of requests sent and not begun to be answered
  std::vector<Prefill> prefills_;             // by request

  // Of the request that is being placed.
  PromptBlocks prompt_;
  PrefixMatches matches_;
  std::vector<PrefixHolder> holders_;
  std::int32_t block_size_ = 16;
  std::vector<std::int32_t> overlap_;  // tokens, per replica
  std::int64_t least_prefill_ = 0;
  std::vector<Score> costs_;
};

PolicyInfo dynamo_router(std::string name, std::string summary, double credit) {
  using P = DynamoRouter;
  return greedy<P>(std::move(name), std::move(summary),
                   "ai-dynamo/dynamo, lib/kv-router: selector/default.rs 07a6c9ce, config.rs, approx.rs; docs "
                   "router-configuration.md, router-concepts.md")
      .real(&P::prefill_load_scale_, "prefill_load_scale", 1.0, 0.0, 16.0, ParamScale::linear,
            "decode blocks that a prefill block counts as")
      .only_if("cost", {"sum"})
      .real(&P::overlap_credit_, "overlap_credit", credit, 0.0, 1.0, ParamScale::linear,
            "prefill blocks that a cached block of the prompt is worth")
      .real(&P::credit_decay_, "credit_decay", 0.0, 0.0, 16.0, ParamScale::linear,
            "the credit is divided by 1 + this * prefill blocks there above the least of all / the prompt's blocks")
      .real(&P::active_request_weight_, "active_request_weight", 0.0, 0.0, 64.0, ParamScale::linear,
            "blocks that a request in flight counts as")
      .only_if("cost", {"sum"})
      .real(&P::router_temperature_, "router_temperature", 0.0, 0.0, 4.0, ParamScale::linear,
            "0: the least cost, ties at random; the higher, the more random")
      .real(&P::queue_threshold_, "queue_threshold", 0.0, 0.0, 64.0, ParamScale::linear,
            "requests wait while all have more prompt tokens to compute than so many batches hold; 0: never")
      .choice(&P::index_, "index", {"events", "approximate"}, P::Index::events,
              "who holds a prefix: by KV events, or by the router's own record of what it sent")
      .real(&P::ttl_s_, "ttl", 120.0, 0.1, 10000.0, ParamScale::log, "s that the router's own record keeps a block")
      .only_if("index", {"approximate"})
      .choice(&P::cost_, "cost", {"sum", "lmetric"}, P::Cost::sum,
              "prefill + decode blocks, or prefill * (decode blocks + 1)")
      .reads({Signal::outstanding, Signal::first_tokens, Signal::cache})
      .done();
}

}  // namespace

std::vector<PolicyInfo> dynamo_policies() {
  const std::string left_out =
      " Left out: blocks on host and disk, busy filters, the session pin, predicted prefill times, replica "
      "synchronisation, separate prefill and decode pools.";
  return {
      dynamo_router(
          "dynamo",
          "NVIDIA Dynamo's KV router: least prefill_load_scale * (prompt tokens of its own requests there that "
          "were not answered yet, and this prompt, less what is cached, in blocks) + blocks of the prompts in "
          "flight there, this one's included and shared ones once; ties at random." +
              left_out,
          1.0),
      dynamo_router("dynamo_cost",
                    "NVIDIA Dynamo's KV router with its preset load-aware: cached blocks give no credit in the prefill "
                    "term." +
                        left_out,
                    0.0)};
}

}  // namespace switchyard
