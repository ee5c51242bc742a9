#include <algorithm>
#include <cmath>

#include "policies/picking/ties.hpp"
#include "policies/prefix/shared_lru_index.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"
#include "policies/production/prompt_blocks.hpp"

namespace switchyard {

namespace {

// AIBrix's default for shared prefixes: most of the prompt in the gateway's own table, among pods that are not loaded
// more than the others.
class AibrixPrefixCache final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    ties_.start(RandomStream(seed, "aibrix_prefix_cache"));
    // The table is as large as so many blocks of the real size, a token each.
    index_.reset(std::max(1, table_blocks_ / block_tokens_), ticks_from_seconds(ttl_s_), kTicksPerSecond);
    matches_.reset(scene.cluster().num_replicas());
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    prompt_.read(scene_->cluster(), request, block_tokens_);
    std::int32_t most = 0, fewest = INT32_MAX;
    double sum = 0, squares = 0;
    for (const std::int32_t replica : candidates) {
      const std::int32_t count = in_flight(replica);
      most = std::max(most, count);
      fewest = std::min(fewest, count);
      sum += count;
      squares += double(count) * count;
    }
    const auto n = static_cast<double>(candidates.size());
    const double mean = sum / n;
    const double bound = mean + sigmas_ * std::sqrt(std::max(0.0, squares / n - mean * mean));
    const bool imbalanced = most - fewest > imbalance_;

    index_.match(prompt_.named(), scene_->cluster().now(), matches_);
    matched_.clear();
    scores_.clear();
    for (const std::int32_t replica : candidates) {
      const std::int32_t blocks = matches_.blocks(replica);
      const std::int32_t count = in_flight(replica);
      if (blocks == 0 || count > bound || (imbalanced && count > fewest)) continue;
      const std::int64_t percent = 100 * std::int64_t{blocks} / prompt_.full();
      matched_.push_back(replica);
      scores_.push_back({-static_cast<double>(percent), static_cast<double>(count)});
    }
    if (!matched_.empty()) return matched_[ties_.least(scores_)];
    for (const std::int32_t replica : candidates) scores_.push_back({static_cast<double>(in_flight(replica)), 0});
    return candidates[ties_.least(scores_)];
  }
  void assigned(const QueuedRequest&, std::int32_t replica) override {
    index_.insert(replica, prompt_.named(), prompt_.unnamed_full(), scene_->cluster().now());
  }

  std::int32_t imbalance_ = 8;
  double sigmas_ = 1.0;
  std::int32_t table_blocks_ = 200'000;
  std::int32_t block_tokens_ = 16;
  double ttl_s_ = 1200.0;

 private:
  std::int32_t in_flight(std::int32_t replica) const { return scene_->cluster().outstanding(replica); }

  TieBreaker ties_{Ties::random};
  SharedLruIndex index_;
  PrefixMatches matches_;
  PromptBlocks prompt_;  // of the request that is being placed
  std::vector<std::int32_t> matched_;
  std::vector<Score> scores_;
};

}  // namespace

std::vector<PolicyInfo> aibrix_prefix_cache_policies() {
  using P = AibrixPrefixCache;
  return {
      greedy<P>(
          "aibrix_prefix_cache",
          "AIBrix: of the pods that the gateway's own table says hold any of the prompt, the one that holds most, "
          "in whole percent, then the one with fewest in flight, if that is at most mean + sigmas * sigma; "
          "while the numbers in flight differ by more than imbalance, only the least loaded pods; else fewest "
          "in flight. Ties at random. One table of blocks for all pods, least recently sent first out. The real "
          "blocks are four bytes, a token; here block_tokens, in a table that remembers as many tokens.",
          "vllm-project/aibrix e3e10f9e, pkg/plugins/gateway/algorithms/prefix_cache.go, "
          "pkg/utils/prefixcacheindexer")
          .integer(&P::imbalance_, "imbalance", 8, 0, 1024, ParamScale::linear,
                   "numbers in flight may differ by so much")
          .real(&P::sigmas_, "sigmas", 1.0, 0.0, 10.0, ParamScale::linear,
                "standard deviations above the mean that a pod with the prefix may have in flight")
          .integer(&P::table_blocks_, "table_blocks", 200'000, 1, 1 << 26, ParamScale::log,
                   "blocks of four bytes that the table keeps")
          .integer(&P::block_tokens_, "block_tokens", 16, 1, 1024, ParamScale::log, "tokens that are compared at once")
          .real(&P::ttl_s_, "ttl", 1200.0, 1.0, 100000.0, ParamScale::log, "s that a block is kept after it was sent")
          .reads({Signal::outstanding})
          .done()};
}

}  // namespace switchyard
