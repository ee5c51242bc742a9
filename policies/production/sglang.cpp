#include <algorithm>

#include "policies/picking/hash_ring.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/own_dispatches.hpp"
#include "policies/production/production.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

namespace {

// Whether engines are asked for load reports.
enum class SmgReports { polled, none };

// Two different workers by chance; the emptier KV cache if engines report, else fewer in flight; ties to the first
// drawn.
class SmgPowerOfTwo final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    stream_ = RandomStream(seed, "power_of_two");
  }
  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    const auto [first, second] = stream_.two_below(static_cast<std::int32_t>(candidates.size()));
    const std::int32_t a = candidates[static_cast<std::size_t>(first)];
    const std::int32_t b = candidates[static_cast<std::size_t>(second)];
    if (reports_ == SmgReports::polled) return kv_use(scene_->state(b)) < kv_use(scene_->state(a)) ? b : a;
    return scene_->cluster().outstanding(b) < scene_->cluster().outstanding(a) ? b : a;
  }
  SmgReports reports_ = SmgReports::polled;

 private:
  RandomStream stream_;
};

// Time to work off what waits, at the rate at which the worker generates, and a penalty for a full KV cache.
class SmgLeastLoad final : public Scoring {
 public:
  enum class Dispatched { prompt, flat };

  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    dispatched_.start(scene.cluster().num_replicas());
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void ask(Subscription& asked) const override {
    asked.waiting_uncached = asked.throughput = reports_ == SmgReports::polled;
  }
  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    if (reports_ == SmgReports::none) return;
    dispatched_.add(scene_->state(replica), replica, tokens_ == Dispatched::flat ? 1024 : request.num_prefill_tokens);
  }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    if (reports_ == SmgReports::none) return {static_cast<double>(scene_->cluster().outstanding(replica)), 0};
    const ReplicaState& state = scene_->state(replica);
    const auto tokens = static_cast<double>(waiting_uncached_tokens(state) +
                                            dispatched_.since(state, replica, scene_->cluster().now()));
    const double rate = state.generation_throughput > 0 ? state.generation_throughput : 2000.0;
    const double use = std::min(kv_use(state), 0.999);
    return {tokens / rate + kv_weight_ * use / (1 - use), 0};
  }
  double kv_weight_ = 0.15;
  Dispatched tokens_ = Dispatched::prompt;
  SmgReports reports_ = SmgReports::polled;

 private:
  OwnDispatches dispatched_;  // tokens
};

// The worker at the place of the prompt's beginning on a ring, unless it has more than its share of the load.
class SmgPrefixHash final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    ring_.reset(scene.cluster().num_replicas(), virtual_nodes_);
  }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const ClusterView& cluster = scene_->cluster();
    std::int64_t total = 0;
    for (const std::int32_t replica : candidates) total += cluster.outstanding(replica);
    const double bound = static_cast<double>(total + 1) / static_cast<double>(candidates.size()) * load_factor_;
    const std::int32_t home = ring_.walk(prompt_key(cluster, request, prefix_tokens_), [&](std::int32_t replica) {
      return std::binary_search(candidates.begin(), candidates.end(), replica);
    });
    if (cluster.outstanding(home) <= bound) return home;
    std::int32_t best = -1;
    for (const std::int32_t replica : candidates) {
      if (cluster.outstanding(replica) > bound) continue;
      if (best < 0 || cluster.outstanding(replica) < cluster.outstanding(best)) best = replica;
    }
    return best < 0 ? home : best;
  }
  std::int32_t prefix_tokens_ = 256;
  std::int32_t virtual_nodes_ = 150;
  double load_factor_ = 1.25;

 private:
  HashRing ring_;
};

// Prompts by length: bucket i is worker i's. Boundaries follow the lengths of the last window.
class SmgBucket final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    const auto n = static_cast<std::size_t>(scene.cluster().num_replicas());
    bounds_.clear();
    for (std::size_t i = 1; i < n; ++i) bounds_.push_back(max_length_ * static_cast<std::int64_t>(i) / std::int64_t(n));
    characters_.assign(n, 0);
    lengths_.clear();
    window_end_ = ticks_from_seconds(window_s_);
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    if (scene_->cluster().now() >= window_end_) next_window();
    std::int64_t most = 0, fewest = INT64_MAX;
    std::int32_t lightest = candidates.front();
    for (const std::int32_t replica : candidates) {
      const std::int64_t sent = characters_[static_cast<std::size_t>(replica)];
      most = std::max(most, sent);
      if (sent < fewest) lightest = replica;
      fewest = std::min(fewest, sent);
    }
    if (most - fewest > balance_abs_ && static_cast<double>(most) > balance_rel_ * static_cast<double>(fewest)) {
      return lightest;
    }
    const auto bucket = std::upper_bound(bounds_.begin(), bounds_.end(), length_of(request)) - bounds_.begin();
    const auto own = static_cast<std::int32_t>(bucket);
    return std::binary_search(candidates.begin(), candidates.end(), own) ? own : lightest;
  }
  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    characters_[static_cast<std::size_t>(replica)] += length_of(request);
    lengths_.push_back(length_of(request));
  }
  std::int32_t max_length_ = 4096;
  std::int32_t balance_abs_ = 32;
  double balance_rel_ = 1.0001;
  double window_s_ = 5.0;

 private:
  static std::int64_t length_of(const QueuedRequest& request) {
    return std::int64_t{kCharactersPerToken} * request.num_prefill_tokens;
  }
  // Where the mean length of one bucket is more than twice that of another, boundaries move so that each bucket had
  // the same characters in the window that ends.
  void next_window() {
    const Time window = ticks_from_seconds(window_s_);
    window_end_ = scene_->cluster().now() / window * window + window;
    std::sort(lengths_.begin(), lengths_.end());
    if (uneven()) {
      std::int64_t total = 0;
      for (const std::int64_t length : lengths_) total += length;
      std::int64_t sum = 0;
      std::size_t at = 0;
      const auto n = static_cast<std::int64_t>(bounds_.size()) + 1;
      for (std::size_t i = 0; i < bounds_.size(); ++i) {
        while (at < lengths_.size() && sum * n < total * static_cast<std::int64_t>(i + 1)) sum += lengths_[at++];
        bounds_[i] = lengths_[at - 1] + 1;
      }
    }
    lengths_.clear();
    std::fill(characters_.begin(), characters_.end(), 0);
  }
  bool uneven() const {
    double least = 0, most = 0;
    bool any = false;
    std::size_t at = 0;
    for (std::size_t bucket = 0; bucket <= bounds_.size(); ++bucket) {
      std::int64_t sum = 0, count = 0;
      for (; at < lengths_.size() && (bucket == bounds_.size() || lengths_[at] < bounds_[bucket]); ++at, ++count) {
        sum += lengths_[at];
      }
      if (count == 0) continue;
      const double mean = static_cast<double>(sum) / static_cast<double>(count);
      least = any ? std::min(least, mean) : mean;
      most = any ? std::max(most, mean) : mean;
      any = true;
    }
    return any && most > 2 * least;
  }

  std::vector<std::int64_t> bounds_;      // a bucket ends before this length, characters; the last has no end
  std::vector<std::int64_t> characters_;  // sent to each worker in this window
  std::vector<std::int64_t> lengths_;     // of the prompts of this window
  Time window_end_ = 0;
};

}  // namespace

std::vector<PolicyInfo> sglang_policies() {
  const std::string folder = "lightseekorg/smg, model_gateway/src/policies/";
  return {
      greedy<SmgPowerOfTwo>(
          "sglang_power_of_two",
          "SGLang gateway: of two different random workers, the one with the lower share of KV in use as "
          "last reported; without reports the one with fewer requests in flight.",
          folder + "power_of_two.rs")
          .choice(&SmgPowerOfTwo::reports_, "reports", {"polled", "none"}, SmgReports::polled,
                  "whether engines are asked for load reports")
          .reads({Signal::state, Signal::outstanding}, 10)
          .done(),
      greedy<SmgLeastLoad>(
          "sglang_least_load",
          "SGLang gateway: least (uncached prompt tokens that wait, as last reported, + prompt tokens sent since) / "
          "reported tokens generated per second + kv_weight * k / (1 - k), k the share of KV in use. Running prefills "
          "and "
          "decodes do not count; without reports, fewest in flight.",
          folder + "least_load.rs")
          .real(&SmgLeastLoad::kv_weight_, "kv_weight", 0.15, 0.0, 4.0, ParamScale::linear, "weight of KV use, s")
          .only_if("reports", {"polled"})
          .choice(&SmgLeastLoad::tokens_, "tokens", {"prompt", "flat"}, SmgLeastLoad::Dispatched::prompt,
                  "what a request sent since counts as: its prompt (gRPC), or 1024 (HTTP)")
          .only_if("reports", {"polled"})
          .choice(&SmgLeastLoad::reports_, "reports", {"polled", "none"}, SmgReports::polled,
                  "whether engines are asked for load reports")
          .reads({Signal::state, Signal::outstanding}, 10)
          .done(),
      greedy<SmgPrefixHash>(
          "smg_prefix_hash",
          "SGLang gateway: the worker at the hash of the prompt's first tokens on a ring, unless it has "
          "more than load_factor * (all in flight + 1) / workers in flight: then the fewest in flight.",
          folder + "prefix_hash.rs")
          .integer(&SmgPrefixHash::prefix_tokens_, "prefix_tokens", 256, 1, 65536, ParamScale::log,
                   "tokens that are hashed")
          .integer(&SmgPrefixHash::virtual_nodes_, "virtual_nodes", 150, 1, 1024, ParamScale::log,
                   "places of each worker on the ring")
          .real(&SmgPrefixHash::load_factor_, "load_factor", 1.25, 1.0, 10.0, ParamScale::linear,
                "requests in flight that a worker may have, in multiples of the mean")
          .reads({Signal::outstanding})
          .done(),
      greedy<SmgBucket>(
          "smg_bucket",
          "SGLang gateway, for prefill workers: prompts by length, a bucket a worker, with boundaries that "
          "follow the last window; fewest characters in the window while they differ. Four characters a token.",
          folder + "bucket.rs")
          .integer(&SmgBucket::max_length_, "max_length", 4096, 16, 1 << 24, ParamScale::log,
                   "characters that the first boundaries split evenly")
          .integer(&SmgBucket::balance_abs_, "balance_abs", 32, 0, 1 << 24, ParamScale::linear,
                   "imbalanced if the characters sent in the window differ by more than this")
          .real(&SmgBucket::balance_rel_, "balance_rel", 1.0001, 1.0, 10.0, ParamScale::linear,
                "and the most are more than this times the fewest")
          .real(&SmgBucket::window_s_, "window", 5.0, 0.1, 1000.0, ParamScale::log, "length of the window, s")
          .done(),
  };
}

}  // namespace switchyard
