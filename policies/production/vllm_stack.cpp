// vLLM production-stack: its router looks at where requests were sent, hardly at what engines have to do.
#include <algorithm>
#include <limits>

#include "policies/picking/hash_ring.hpp"
#include "policies/prefix/holder_table.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// Requests per second that were sent to each replica in the last 60 s: what the router falls back to.
class RequestRates {
 public:
  void start(std::int32_t num_replicas) {
    sent_.resize(static_cast<std::size_t>(num_replicas));
    for (Sent& sent : sent_) {
      sent.times.clear();
      sent.first = 0;
    }
  }
  void sent(std::int32_t replica, Time now) { sent_[static_cast<std::size_t>(replica)].times.push_back(now); }

  // The first candidate that was never sent any; else the one that was sent the fewest, ties to the first.
  std::int32_t least(std::span<const std::int32_t> candidates, Time now) {
    std::int32_t best = candidates.front();
    std::size_t fewest = SIZE_MAX;
    for (const std::int32_t replica : candidates) {
      Sent& sent = sent_[static_cast<std::size_t>(replica)];
      if (sent.times.empty()) return replica;
      while (sent.first < sent.times.size() && sent.times[sent.first] <= now - kWindow) ++sent.first;
      const std::size_t in_window = sent.times.size() - sent.first;
      if (in_window >= fewest) continue;
      best = replica;
      fewest = in_window;
    }
    return best;
  }

 private:
  static constexpr Time kWindow = 60 * kTicksPerSecond;
  struct Sent {
    std::vector<Time> times;  // all of them
    std::size_t first = 0;    // in the window
  };
  std::vector<Sent> sent_;
};

class WithRates : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    rates_.start(scene.cluster().num_replicas());
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void assigned(const QueuedRequest&, std::int32_t replica) override { rates_.sent(replica, scene_->cluster().now()); }

 protected:
  std::int32_t least_rate(std::span<const std::int32_t> candidates) {
    return rates_.least(candidates, scene_->cluster().now());
  }

 private:
  RequestRates rates_;
};

class StackQps final : public WithRates {
 public:
  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    return least_rate(candidates);
  }
};

// The names of a prompt in chunks, the rest of it as a last, shorter chunk: that one is found again by the same prompt
// only. They end where nothing more is known of the prompt.
void prompt_chunks(const ClusterView& view, const QueuedRequest& request, std::int32_t tokens,
                   std::vector<BlockName>& out) {
  const auto full = view.prompt_blocks(request.id, tokens);
  out.assign(full.begin(), full.end());
  if (request.num_prefill_tokens % tokens == 0) return;
  if (static_cast<std::int32_t>(out.size()) < request.num_prefill_tokens / tokens) return;
  const auto whole = view.prompt_blocks(request.id, request.num_prefill_tokens);
  out.insert(out.end(), whole.begin(), whole.end());
}

// A session goes to its place on the ring; a request without one by the rate.
class StackSession final : public WithRates {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    WithRates::start(scene, seed);
    ring_.reset(scene.cluster().num_replicas(), virtual_nodes_);
  }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    if (request.session < 0) return least_rate(candidates);
    return ring_.first(session_or_prompt_key(scene_->cluster(), request, 1));
  }
  std::int32_t virtual_nodes_ = 160;

 private:
  HashRing ring_;
};

// What goes by the trie of 128-character chunks, which never forgets.
class WithTrie : public WithRates {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    WithRates::start(scene, seed);
    trie_.clear();
    matches_.reset(scene.cluster().num_replicas());
  }
  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    WithRates::assigned(request, replica);
    for (const BlockName& chunk : chunks_) {
      const std::uint32_t number = trie_.number(chunk);
      if (trie_.find(number, replica) == nullptr) trie_.add(number, replica, 0);
    }
  }
  std::int32_t chunk_characters_ = 128;

 protected:
  void match(const QueuedRequest& request) {
    prompt_chunks(scene_->cluster(), request, chunk_tokens(), chunks_);
    trie_.match(chunks_, MatchRule::consecutive, matches_);
  }
  std::int32_t chunk_tokens() const { return std::max(1, chunk_characters_ / kCharactersPerToken); }
  PrefixMatches matches_;  // chunks of the request that is being placed, by replica

 private:
  HolderTable trie_;
  std::vector<BlockName> chunks_;
};

// The longest match, whatever the load; a prompt that matches nothing matches all alike.
class StackPrefixAware final : public WithTrie {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    WithTrie::start(scene, seed);
    stream_ = RandomStream(seed, "vllm_stack_prefix");
  }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    match(request);
    std::int32_t longest = 0;
    for (const std::int32_t replica : matches_.holders()) longest = std::max(longest, matches_.blocks(replica));
    if (std::int64_t{longest} * chunk_characters_ < prefix_min_match_length_) return least_rate(candidates);
    best_.clear();
    for (const std::int32_t replica : longest > 0 ? matches_.holders() : candidates) {
      if (matches_.blocks(replica) == longest) best_.push_back(replica);
    }
    return best_[static_cast<std::size_t>(stream_.below(static_cast<std::int32_t>(best_.size())))];
  }
  std::int32_t prefix_min_match_length_ = 0;

 private:
  RandomStream stream_;
  std::vector<std::int32_t> best_;
};

// The share of the prompt that matches, less how far the requests in flight are above the mean.
class StackLoadAware final : public WithTrie {
 public:
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    match(request);
    const ClusterView& cluster = scene_->cluster();
    const double num_chunks = (request.num_prefill_tokens + chunk_tokens() - 1) / chunk_tokens();
    double mean = 0;
    for (const std::int32_t replica : candidates) mean += cluster.outstanding(replica);
    mean /= static_cast<double>(candidates.size());
    std::int32_t best = candidates.front();
    double highest = -std::numeric_limits<double>::infinity();
    for (const std::int32_t replica : candidates) {
      const double score =
          matches_.blocks(replica) / num_chunks - beta_ * (cluster.outstanding(replica) - mean) / std::max(1.0, mean);
      if (score <= highest) continue;
      best = replica;
      highest = score;
    }
    return best;
  }
  double beta_ = 1.0;
};

// LMCache's controller names the instance that holds most of the prompt; unless there is one that holds nearly all, the
// request rate decides. A short prompt may lack all of it, but some instance has to hold a block.
class StackKvAware final : public WithRates {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    WithRates::start(scene, seed);
    ring_.reset(scene.cluster().num_replicas(), 160);
  }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    scene_->cluster().prefix_holders(request.id, holders_);
    std::int32_t best = -1, most = 0;
    for (const PrefixHolder& holder : holders_) {
      if (holder.num_tokens <= most) continue;
      best = holder.replica;
      most = holder.num_tokens;
    }
    if (best >= 0 && most >= request.num_prefill_tokens - threshold_) return best;
    return request.session >= 0 ? ring_.first(session_or_prompt_key(scene_->cluster(), request, 1))
                                : least_rate(candidates);
  }
  std::int32_t threshold_ = 2000;

 private:
  HashRing ring_;
  std::vector<PrefixHolder> holders_;
};

}  // namespace

std::vector<PolicyInfo> vllm_stack_policies() {
  const std::string source = "vllm-project/production-stack, src/vllm_router/routers/routing_logic.py";
  return {
      greedy<StackQps>(
          "vllm_stack_qps",
          "vLLM production-stack, what its routers fall back to: an engine that was sent nothing yet, else the "
          "fewest requests sent in the last 60 s. Knows nothing of requests in flight.",
          source)
          .reads({Signal::outstanding})
          .done(),
      greedy<StackSession>("vllm_stack_session",
                           "vLLM production-stack, session: a hash ring on the session; requests without one as "
                           "vllm_stack_qps. The number of places on the ring is ours.",
                           source)
          .integer(&StackSession::virtual_nodes_, "virtual_nodes", 160, 1, 4096, ParamScale::log,
                   "places of an engine on the ring")
          .reads({Signal::outstanding})
          .done(),
      greedy<StackPrefixAware>(
          "vllm_stack_prefix",
          "vLLM production-stack, prefixaware: the longest match in a trie of 128-character chunks that "
          "never forgets, at random among all that hold it; a prompt that matches nothing goes to any "
          "engine. Load is never looked at.",
          source)
          .integer(&StackPrefixAware::chunk_characters_, "chunk_characters", 128, 4, 65536, ParamScale::log,
                   "characters of a chunk, 4 to a token")
          .integer(&StackPrefixAware::prefix_min_match_length_, "prefix_min_match_length", 0, 0, 1000000,
                   ParamScale::linear, "characters; what matches less goes by the request rate")
          .reads({Signal::outstanding})
          .done(),
      greedy<StackLoadAware>(
          "vllm_stack_loadaware",
          "vLLM production-stack, loadaware: highest share of the prompt matched in its trie - beta * "
          "(requests in flight - mean) / max(1, mean), the first of equals. Known from the text of its pull "
          "request only.",
          "vllm-project/production-stack, pull request 1035")
          .integer(&StackLoadAware::chunk_characters_, "chunk_characters", 128, 4, 65536, ParamScale::log,
                   "characters of a chunk, 4 to a token")
          .real(&StackLoadAware::beta_, "beta", 1.0, 0.0, 10.0, ParamScale::linear, "weight of the load")
          .reads({Signal::outstanding})
          .done(),
      greedy<StackKvAware>(
          "vllm_stack_kvaware",
          "vLLM production-stack, kvaware: the engine that holds most of the prompt, by what engines publish, "
          "if it lacks at most threshold tokens; else, and where nobody holds any of it, a ring on the session, or the "
          "request rate. Left out: what LMCache keeps outside the GPU.",
          source)
          .integer(&StackKvAware::threshold_, "threshold", 2000, 0, 1000000, ParamScale::linear,
                   "tokens that the best engine may lack")
          .reads({Signal::outstanding, Signal::cache})
          .done(),
  };
}

}  // namespace switchyard
