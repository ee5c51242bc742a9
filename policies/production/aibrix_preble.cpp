// AIBrix's port of Preble: a radix tree of prompts, and what was computed for each of its nodes of late.
#include <algorithm>

#include "policies/fifo.hpp"
#include "policies/picking/ties.hpp"
#include "policies/prefix/radix_tree.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"
#include "policies/production/prompt_blocks.hpp"

namespace switchyard {

namespace {

constexpr std::int32_t kTreeBlock = 16;  // tokens that are compared at once

// Most of the prompt in the tree: the pod of the deepest node with the fewest requests of late. Else the least cost of
// what its nodes had computed of late, and of the outputs under way.
class AibrixPreble final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    const auto n = static_cast<std::size_t>(scene.cluster().num_replicas());
    ties_.start(RandomStream(seed, "aibrix_prefix_cache_preble"));
    tree_.clear();
    window_.clear();
    pods_.assign(n, Pod{});
    order_.clear();
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const Time now = scene_->cluster().now();
    forget(now);
    prompt_.read(scene_->cluster(), request, kTreeBlock);
    std::int32_t most = 0, fewest = INT32_MAX;
    for (const std::int32_t replica : candidates) {
      most = std::max(most, in_flight(replica));
      fewest = std::min(fewest, in_flight(replica));
    }
    eligible_.assign(candidates.begin(), candidates.end());
    if (most - fewest > imbalance_) {
      std::erase_if(eligible_, [&](std::int32_t replica) { return in_flight(replica) > fewest; });
    }
    Tree::NodeId deepest = Tree::kRoot;
    const std::int32_t matched = tree_.match(prompt_.named(), [&](Tree::NodeId id, std::int32_t) {
      deepest = id;
      return true;
    });
    matched_ = matched;
    scores_.clear();
    if (matched > match_share_ * static_cast<double>(std::max<std::int64_t>(prompt_.full(), 1))) {
      holders_.clear();
      for (const Sent& sent : tree_[deepest].data.pods) {
        if (!std::binary_search(eligible_.begin(), eligible_.end(), sent.replica)) continue;
        holders_.push_back(sent.replica);
        scores_.push_back({static_cast<double>(pods_[static_cast<std::size_t>(sent.replica)].requests), 0});
      }
      if (!holders_.empty()) return holders_[ties_.least(scores_)];
    }
    for (const std::int32_t replica : eligible_) {
      const Pod& pod = pods_[static_cast<std::size_t>(replica)];
      scores_.push_back({seconds_from_ticks(static_cast<Time>(pod.prefill)) + kOutputs * tpot(pod), 0});
    }
    return eligible_[ties_.least(scores_)];
  }

  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    const Time now = scene_->cluster().now();
    const auto split = [&](Tree::NodeId, Tree::NodeId) {};
    const auto visit = [&](Tree::NodeId id, Tree::NodeId) {
      Node& node = tree_[id].data;
      node.used_at = now;
      for (Sent& sent : node.pods) {
        if (sent.replica == replica) return;
      }
      node.pods.push_back({replica});
    };
    const Tree::NodeId leaf = tree_.insert(prompt_.named(), split, visit);
    if (leaf != Tree::kRoot) order_.push_back({now, leaf});
    // What of it was new is what it took; nodes that several pods have share it.
    const std::int64_t missed = request.num_prefill_tokens - std::int64_t{matched_} * kTreeBlock;
    const double pods = leaf == Tree::kRoot ? 1.0 : static_cast<double>(tree_[leaf].data.pods.size());
    const double prefill =
        static_cast<double>(scene_->cluster().batch_times(replica).prefill(std::max<std::int64_t>(missed, 1))) / pods;
    window_.push_back({now, replica, prefill});
    Pod& pod = pods_[static_cast<std::size_t>(replica)];
    pod.prefill += prefill;
    ++pod.requests;
  }
  void completed(const CompletedRequest& request) override {
    if (request.num_decode_tokens < 2) return;
    Pod& pod = pods_[static_cast<std::size_t>(request.replica)];
    const double decode = seconds_from_ticks(request.completed_at - request.first_token_at);
    pod.tpots.push_back(decode / (request.num_decode_tokens - 1));
    if (pod.tpots.size() > kTpots) pod.tpots.pop_front();
  }

  std::int32_t imbalance_ = 8;
  double match_share_ = 0.5;
  double window_s_ = 180.0;
  double ttl_s_ = 300.0;

 private:
  static constexpr double kOutputs = 45.0;  // of a request
  static constexpr std::size_t kTpots = 200;

  struct Sent {
    std::int32_t replica;
  };
  struct Node {
    std::vector<Sent> pods;
    Time used_at = 0;
  };
  using Tree = RadixTree<Node>;
  struct Pod {
    double prefill = 0;  // ticks, of the window
    std::int64_t requests = 0;
    Fifo<double> tpots;
  };
  struct Work {
    Time at;
    std::int32_t replica;
    double prefill;
  };
  struct Used {
    Time at;
    Tree::NodeId node;
  };

  // The median time of an output token.
  double tpot(const Pod& pod) {
    if (pod.tpots.empty()) return 0.15;
    sorted_.assign(pod.tpots.begin(), pod.tpots.end());
    const auto middle = sorted_.begin() + static_cast<std::ptrdiff_t>(sorted_.size() / 2);
    std::nth_element(sorted_.begin(), middle, sorted_.end());
    return *middle;
  }
  std::int32_t in_flight(std::int32_t replica) const { return scene_->cluster().outstanding(replica); }

  void forget(Time now) {
    while (!window_.empty() && now - window_.front().at > ticks_from_seconds(window_s_)) {
      Pod& pod = pods_[static_cast<std::size_t>(window_.front().replica)];
      --pod.requests;
      pod.prefill = pod.requests == 0 ? 0 : pod.prefill - window_.front().prefill;
      window_.pop_front();
    }
    // Leaves that were not used for the TTL go, and what is above them if it is a leaf then.
    const Time ttl = ticks_from_seconds(ttl_s_);
    while (!order_.empty() && now - order_.front().at > ttl) {
      Tree::NodeId id = order_.front().node;
      order_.pop_front();
      while (id != Tree::kRoot && !tree_[id].blocks.empty() && tree_[id].num_children == 0 &&
             now - tree_[id].data.used_at > ttl) {
        const Tree::NodeId parent = tree_[id].parent;
        tree_.remove(id);
        id = parent;
      }
    }
  }

  TieBreaker ties_{Ties::random};
  Tree tree_;
  Fifo<Work> window_;
  Fifo<Used> order_;  // leaves, by when prompts that end there were sent
  std::vector<Pod> pods_;
  PromptBlocks prompt_;  // of the request that is being placed
  std::int32_t matched_ = 0;
  std::vector<std::int32_t> eligible_, holders_;
  std::vector<Score> scores_;
  std::vector<double> sorted_;
};

}  // namespace

std::vector<PolicyInfo> aibrix_preble_policies() {
  using P = AibrixPreble;
  return {
      greedy<P>("aibrix_prefix_cache_preble",
                "AIBrix's port of Preble: if more than match_share of the prompt is in a tree of what was sent in the "
                "last ttl, the pod of the deepest node with fewest requests in the window; else least cost, prefills "
                "of the window that were not in the tree, shared among the pods of a node, and 45 outputs of the "
                "median time per token, 0.15 s until known. The imbalance gate of aibrix_prefix_cache. Blocks of 16 "
                "tokens in place of bytes, prefill times of this fleet in place of a V100's.",
                "vllm-project/aibrix e3e10f9e, pkg/plugins/gateway/algorithms/prefix_cache_preble.go")
          .integer(&P::imbalance_, "imbalance", 8, 0, 1024, ParamScale::linear,
                   "numbers in flight may differ by so much")
          .real(&P::match_share_, "match_share", 0.5, 0.0, 1.0, ParamScale::linear,
                "of the prompt, above which it stays")
          .real(&P::window_s_, "window", 180.0, 1.0, 3600.0, ParamScale::log, "s of work that counts")
          .real(&P::ttl_s_, "ttl", 300.0, 1.0, 1e5, ParamScale::log, "s that a prompt stays in the tree")
          .reads({Signal::outstanding})
          .done()};
}

}  // namespace switchyard
