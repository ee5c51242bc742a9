#include <algorithm>

#include "policies/picking/ties.hpp"
#include "policies/prefix/shared_lru_index.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"
#include "policies/production/prompt_blocks.hpp"

namespace switchyard {

namespace {

// Several of AIBrix's strategies at once: each scores the pods from 0 to 1, and their weighted sum decides.
class AibrixMulti final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    ties_.start(RandomStream(seed, "aibrix_multi"));
    index_.reset(kTableTokens / kBlockTokens, 1200 * kTicksPerSecond, kTicksPerSecond);
    matches_.reset(scene.cluster().num_replicas());
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const double all = request_weight_ + kv_weight_ + prefix_weight_;
    totals_.assign(candidates.size(), Score{});
    if (all > 0) {
      if (request_weight_ > 0) {
        add(candidates, -request_weight_ / all, [&](std::int32_t r) { return scene_->cluster().outstanding(r); });
      }
      if (kv_weight_ > 0) {
        add(candidates, -kv_weight_ / all, [&](std::int32_t r) { return kv_use(scene_->state(r)); });
      }
    }
    if (prefix_weight_ > 0) {
      prompt_.read(scene_->cluster(), request, kBlockTokens);
      index_.match(prompt_.named(), scene_->cluster().now(), matches_);
      add(candidates, prefix_weight_ / all, [&](std::int32_t r) { return matches_.blocks(r); });
    }
    return candidates[ties_.least(totals_)];
  }
  void assigned(const QueuedRequest&, std::int32_t replica) override {
    if (prefix_weight_ <= 0) return;
    index_.insert(replica, prompt_.named(), prompt_.unnamed_full(), scene_->cluster().now());
  }

  double request_weight_ = 1.0, kv_weight_ = 1.0, prefix_weight_ = 0.0;

 private:
  static constexpr std::int32_t kTableTokens = 200'000, kBlockTokens = 16;  // as aibrix_prefix_cache

  // Scaled over the pods to 0 ... 1; the least gets 1 if the weight is negative. Nothing where all are equal.
  template <class Value>
  void add(std::span<const std::int32_t> candidates, double weight, Value value_of) {
    double least = static_cast<double>(value_of(candidates.front())), most = least;
    for (const std::int32_t replica : candidates) {
      least = std::min(least, static_cast<double>(value_of(replica)));
      most = std::max(most, static_cast<double>(value_of(replica)));
    }
    if (least == most) return;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const double scaled = (static_cast<double>(value_of(candidates[i])) - least) / (most - least);
      totals_[i].value -= weight < 0 ? -weight * (1 - scaled) : weight * scaled;
    }
  }

  TieBreaker ties_{Ties::random};
  SharedLruIndex index_;
  PrefixMatches matches_;
  PromptBlocks prompt_;  // of the request that is being placed
  std::vector<Score> totals_;
};

}  // namespace

std::vector<PolicyInfo> aibrix_multi_policies() {
  using P = AibrixMulti;
  return {
      greedy<P>("aibrix_multi",
                "AIBrix with several strategies (\"least-request:1,least-kv-cache:1\"): each scaled over the pods to 0 "
                "... 1, the highest sum by weight wins, ties at random. Here of least-request, least-kv-cache and the "
                "share of the prompt in prefix-cache's table.",
                "vllm-project/aibrix e3e10f9e, pkg/plugins/gateway/algorithms/")
          .real(&P::request_weight_, "request_weight", 1.0, 0.0, 16.0, ParamScale::linear,
                "of fewest requests in flight")
          .real(&P::kv_weight_, "kv_weight", 1.0, 0.0, 16.0, ParamScale::linear, "of least KV cache in use")
          .real(&P::prefix_weight_, "prefix_weight", 0.0, 0.0, 16.0, ParamScale::linear,
                "of most of the prompt sent there")
          .reads({Signal::outstanding, Signal::state}, 0.05)
          .done()};
}

}  // namespace switchyard
