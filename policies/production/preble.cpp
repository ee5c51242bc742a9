// Preble's E2: a request of which most is cached goes where it is (exploit); any other where the work of the last
// minutes and of what runs is least (explore).
#include <algorithm>
#include <deque>

#include "policies/prefix/radix_tree.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

class E2 final : public Placement {
 public:
  enum class Rebalance { off, on };

  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    tree_.clear();
    works_.clear();
    free_works_.clear();
    sent_.clear();
    clock_ = 0;
    gpus_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), Gpu{});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    forget_old();
    find_leaf(request);
    const bool exploits = leaf_.tokens < leaf_.context;
    if (exploits) {
      holders_of(leaf_.parent, choices_);
      if (!choices_.empty()) candidates = choices_;
    }
    return *std::min_element(candidates.begin(), candidates.end(),
                             [this](std::int32_t a, std::int32_t b) { return cost(a) < cost(b); });
  }

  void assigned(const QueuedRequest& request, std::int32_t gpu) override {
    ++clock_;
    for (Node at = leaf_.named; at != Tree::kRoot; at = tree_[at].parent) {
      NodeData& data = tree_[at].data;
      if (data.placed_at > 0) data.tail = 0;
      data.placed_at = clock_;
      add_gpu(data.gpus, gpu);
      if (data.work >= 0) charge(works_[static_cast<std::size_t>(data.work)]);
    }
    ++gpus_[std::size_t(gpu)].live;
    book(request, gpu);
    if (rebalance_ == Rebalance::on && leaf_.below_important < 3) balance();
  }

  void completed(const CompletedRequest& request) override {
    Gpu& gpu = gpus_[static_cast<std::size_t>(request.replica)];
    --gpu.live;
    if (request.num_decode_tokens < 2) return;
    const Time decoding = request.completed_at - request.first_token_at;
    gpu.tpots.push_back(decoding / (request.num_decode_tokens - 1));
    if (gpu.tpots.size() > 200) gpu.tpots.pop_front();
    std::vector<Time> sorted(gpu.tpots.begin(), gpu.tpots.end());
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    gpu.tpot = *middle;
  }

  void scores(const QueuedRequest&, std::span<const std::int32_t> candidates,
              std::vector<double>& scores) const override {
    for (const std::int32_t gpu : candidates) scores.push_back(seconds_from_ticks(cost(gpu)));
  }

  double window_s_ = 180.0;
  std::int32_t output_tokens_ = 45;
  Rebalance rebalance_ = Rebalance::on;
  double rebalance_factor_ = 1.5;

 private:
  static constexpr std::int32_t kPage = 16;  // tokens
  struct NodeData {
    std::vector<std::int32_t> gpus;  // that it was sent to, in order
    std::int64_t placed_at = 0;      // count of placements
    std::int64_t moved_at = 0;
    std::int64_t tail = 0;  // tokens after its blocks that no other prompt has
    std::int32_t work = -1;
  };
  using Tree = RadixTree<NodeData>;
  using Node = Tree::NodeId;

  // What was sent within the window and is booked on a node: one of the tree, or the end of a prompt that no other has.
  struct Work {
    Node node = Tree::kRoot;  // the root: such an end
    std::int64_t tokens = 0, context = 0;
    std::int64_t count = 0;
    std::int64_t hit = 0, prompt = 0;     // tokens of the requests
    std::vector<std::int32_t> gpus = {};  // that it is charged to
    std::vector<Time> charges = {};       // to each
  };
  struct Sent {
    Time at;
    std::int32_t work;
    std::int64_t hit, prompt;
  };
  struct Gpu {
    Time work = 0;
    std::int32_t live = 0;
    Time tpot = 150'000'000'000;  // 0.15 s until one is known
    std::deque<Time> tpots;
  };
  // Of the request that is being placed: its last node, its own tokens there and those before it.
  struct Leaf {
    Node named = Tree::kRoot;   // the last node of the tree on its path
    Node parent = Tree::kRoot;  // of the leaf
    bool is_own = false;        // the leaf is an end that no other prompt has, below `named`
    std::int64_t tokens = 0, context = 0;
    std::int32_t below_important = 0;
  };

  Time cost(std::int32_t gpu) const {
    const Gpu& g = gpus_[static_cast<std::size_t>(gpu)];
    return g.work + g.live * output_tokens_ * g.tpot;
  }

  void find_leaf(const QueuedRequest& request) {
    const auto named = scene_->cluster().prompt_blocks(request.id, kPage);
    leaf_ = {};
    cut_.clear();
    leaf_.named = tree_.insert(
        named,
        [this](Node upper, Node lower) {
          tree_[upper].data.work = -1;  // it stays with the lower part
          tree_[upper].data.tail = 0;
          if (tree_[lower].data.work >= 0) cut_.push_back(tree_[lower].data.work);
        },
        [](Node, Node) {});
    for (const std::int32_t work : cut_) charge(works_[static_cast<std::size_t>(work)]);
    const std::int64_t in_tree = static_cast<std::int64_t>(named.size()) * kPage;
    const std::int64_t rest = request.num_prefill_tokens - in_tree;
    const bool is_new = leaf_.named != Tree::kRoot && tree_[leaf_.named].data.placed_at == 0;
    if (is_new) tree_[leaf_.named].data.tail = rest;  // part of the node, until another prompt shares it
    leaf_.is_own = rest > 0 && !is_new;
    if (leaf_.is_own) {
      leaf_.parent = leaf_.named;
      leaf_.context = in_tree;
      leaf_.tokens = rest;
    } else {
      leaf_.parent = tree_[leaf_.named].parent;
      leaf_.context = context_of(leaf_.named);
      leaf_.tokens = tokens_of(leaf_.named);
    }
  }
  std::int64_t context_of(Node node) const { return std::int64_t{tree_[node].begin} * kPage; }
  std::int64_t tokens_of(Node node) const {
    return std::int64_t{tree_[node].num_blocks()} * kPage + tree_[node].data.tail;
  }

  // A node moved to another GPU takes along what is below it, until that is placed anew.
  void holders_of(Node node, std::vector<std::int32_t>& out) const {
    Node from = node;
    for (Node at = node; at != Tree::kRoot; at = tree_[at].parent) {
      if (tree_[at].data.moved_at > tree_[from].data.placed_at) from = at;
    }
    out = tree_[from].data.gpus;
  }

  static void add_gpu(std::vector<std::int32_t>& gpus, std::int32_t gpu) {
    const auto at = std::lower_bound(gpus.begin(), gpus.end(), gpu);
    if (at == gpus.end() || *at != gpu) gpus.insert(at, gpu);
  }

  // On the deepest node at or above the leaf that has more tokens of its own than before it.
  void book(const QueuedRequest& request, std::int32_t gpu) {
    std::int32_t index = -1;
    leaf_.below_important = 0;
    if (leaf_.is_own && leaf_.tokens > leaf_.context) {
      index = new_work();
      works_[std::size_t(index)].tokens = leaf_.tokens;
      works_[std::size_t(index)].context = leaf_.context;
      works_[std::size_t(index)].gpus = {gpu};
    } else {
      Node at = leaf_.named;
      leaf_.below_important = leaf_.is_own ? 1 : 0;
      while (tokens_of(at) <= context_of(at)) {
        at = tree_[at].parent;
        ++leaf_.below_important;
      }
      index = tree_[at].data.work;
      if (index < 0) {
        index = tree_[at].data.work = new_work();
        works_[std::size_t(index)].node = at;
      }
    }
    Work& work = works_[static_cast<std::size_t>(index)];
    ++work.count;
    work.hit += leaf_.context;
    work.prompt += request.num_prefill_tokens;
    sent_.push_back({scene_->cluster().now(), index, leaf_.context, request.num_prefill_tokens});
    charge(work);
  }

  std::int32_t new_work() {
    if (free_works_.empty()) {
      works_.emplace_back();
      return static_cast<std::int32_t>(works_.size()) - 1;
    }
    const std::int32_t index = free_works_.back();
    free_works_.pop_back();
    works_[static_cast<std::size_t>(index)] = {};
    return index;
  }

  void discharge(Work& work) {
    for (std::size_t i = 0; i < work.charges.size(); ++i) {
      gpus_[static_cast<std::size_t>(work.gpus[i])].work -= work.charges[i];
    }
    work.charges.clear();
  }
  // Prefills of its tokens that were missed, shared by the GPUs that it was sent to.
  void charge(Work& work) {
    discharge(work);
    if (work.node != Tree::kRoot) {
      work.gpus = tree_[work.node].data.gpus;
      work.context = context_of(work.node);
      work.tokens = tokens_of(work.node);
    }
    if (work.count == 0) return;
    const double missed = 1 - static_cast<double>(work.hit) / static_cast<double>(work.prompt);
    for (const std::int32_t gpu : work.gpus) {
      const BatchTimes times = scene_->cluster().batch_times(gpu);
      const Time prefill = times.prefill(work.context + work.tokens) - times.prefill(work.context);
      const double share = missed * static_cast<double>(work.count * prefill) / static_cast<double>(work.gpus.size());
      work.charges.push_back(static_cast<Time>(share));
      gpus_[static_cast<std::size_t>(gpu)].work += work.charges.back();
    }
  }

  void forget_old() {
    const Time since = scene_->cluster().now() - ticks_from_seconds(window_s_);
    for (; !sent_.empty() && sent_.front().at < since; sent_.pop_front()) {
      const Sent& sent = sent_.front();
      Work& work = works_[static_cast<std::size_t>(sent.work)];
      --work.count;
      work.hit -= sent.hit;
      work.prompt -= sent.prompt;
      charge(work);
      if (work.count > 0) continue;
      if (work.node != Tree::kRoot) tree_[work.node].data.work = -1;
      free_works_.push_back(sent.work);
    }
  }

  // While the most loaded GPU has rebalance_factor times the work of the least loaded: the nodes that it alone computes
  // move there, the largest first; if it has but one, both get it.
  void balance() {
    if (static_cast<std::int64_t>(sent_.size()) < kEnoughRequests * std::int64_t(gpus_.size())) return;
    std::int32_t most = 0, least = 0;
    for (std::int32_t gpu = 1; gpu < static_cast<std::int32_t>(gpus_.size()); ++gpu) {
      if (cost(gpu) > cost(most)) most = gpu;
      if (cost(gpu) < cost(least)) least = gpu;
    }
    if (!is_unbalanced(most, least)) return;
    movable_.clear();
    for (std::size_t i = 0; i < works_.size(); ++i) {
      const Work& work = works_[i];
      if (work.count == 0 || work.node == Tree::kRoot) continue;
      if (std::binary_search(work.gpus.begin(), work.gpus.end(), most)) movable_.push_back(i);
    }
    if (movable_.size() == 1) {
      add_gpu(tree_[works_[movable_.front()].node].data.gpus, least);
      tree_[works_[movable_.front()].node].data.moved_at = ++clock_;
      charge(works_[movable_.front()]);
      return;
    }
    const auto charged = [&](std::size_t i) {
      const Work& work = works_[i];
      const auto at = std::find(work.gpus.begin(), work.gpus.end(), most);
      return work.charges[static_cast<std::size_t>(at - work.gpus.begin())];
    };
    std::stable_sort(movable_.begin(), movable_.end(),
                     [&](std::size_t a, std::size_t b) { return charged(a) > charged(b); });
    for (const std::size_t i : movable_) {
      if (!is_unbalanced(most, least)) return;
      if (cost(most) - charged(i) < cost(least) + charged(i)) continue;  // the other would have more
      std::vector<std::int32_t>& gpus = tree_[works_[i].node].data.gpus;
      gpus.erase(std::find(gpus.begin(), gpus.end(), most));
      add_gpu(gpus, least);
      tree_[works_[i].node].data.moved_at = ++clock_;
      charge(works_[i]);
    }
  }
  bool is_unbalanced(std::int32_t most, std::int32_t least) const {
    return static_cast<double>(cost(most)) >= rebalance_factor_ * static_cast<double>(cost(least));
  }
  static constexpr std::int64_t kEnoughRequests = 10;  // a GPU, within the window

  Tree tree_;
  std::vector<Work> works_;
  std::vector<std::int32_t> free_works_;
  std::deque<Sent> sent_;   // within the window
  std::int64_t clock_ = 0;  // placements and moves
  std::vector<Gpu> gpus_;
  Leaf leaf_;
  std::vector<std::int32_t> choices_;
  std::vector<std::size_t> movable_;
  std::vector<std::int32_t> cut_;  // works
};

}  // namespace

std::vector<PolicyInfo> preble_policies() {
  using P = E2;
  return {
      greedy<P>("preble_e2",
                "Preble's E2 over a radix tree of prompts: if more of the prompt is known than new, the cheapest of "
                "the GPUs that were sent what comes before its last node, else the cheapest of all. Cost: prefills "
                "missed within the window, by node and shared by the node's GPUs, + requests in flight * "
                "output_tokens * median time per output token. Nodes move from a GPU with rebalance_factor times the "
                "cost of another. Left out: what engines evict, eviction cost (off by default), overload by TTFT; "
                "how many requests are enough to rebalance is ours.",
                "WukLab/preble, preble/global_scheduler_with_time.py; Srivatsa et al., arXiv 2407.00023")
          .real(&P::window_s_, "window_s", 180.0, 1.0, 3600.0, ParamScale::log, "length of the window, s")
          .integer(&P::output_tokens_, "output_tokens", 45, 1, 100000, ParamScale::log,
                   "outputs that a request in flight counts as")
          .choice(&P::rebalance_, "rebalance", {"off", "on"}, P::Rebalance::on, "whether nodes move")
          .real(&P::rebalance_factor_, "rebalance_factor", 1.5, 1.0, 100.0, ParamScale::log, "most / least cost")
          .only_if("rebalance", {"on"})
          .reads({Signal::outstanding})
          .done()};
}

}  // namespace switchyard
