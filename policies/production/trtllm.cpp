// The router of TensorRT-LLM's serve command.
#include <algorithm>
#include <list>
#include <unordered_map>
#include <unordered_set>

#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// Own requests or tokens in flight, by replica.
class TrtInFlight {
 public:
  void start(std::int32_t num_replicas) {
    tokens_.assign(static_cast<std::size_t>(num_replicas), 0);
    sent_.clear();
  }
  void sent(RequestId id, std::int32_t replica, std::int64_t tokens) {
    tokens_[static_cast<std::size_t>(replica)] += tokens;
    if (static_cast<std::size_t>(id) >= sent_.size()) sent_.resize(static_cast<std::size_t>(id) + 1);
    sent_[static_cast<std::size_t>(id)] = tokens;
  }
  void returned(const CompletedRequest& request) {
    tokens_[static_cast<std::size_t>(request.replica)] -= sent_[static_cast<std::size_t>(request.id)];
  }
  std::int64_t tokens(std::int32_t replica) const { return tokens_[static_cast<std::size_t>(replica)]; }

 private:
  std::vector<std::int64_t> tokens_;
  std::vector<std::int64_t> sent_;  // by request
};

class TrtLoadBalancing final : public Scoring {
 public:
  enum class Count { requests, tokens };

  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    in_flight_.start(scene.cluster().num_replicas());
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    in_flight_.sent(request.id, replica, request.num_prefill_tokens);
  }
  void completed(const CompletedRequest& request) override { in_flight_.returned(request); }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const bool by_tokens = count_ == Count::tokens;
    return {double(by_tokens ? in_flight_.tokens(replica) : scene_->cluster().outstanding(replica)), 0};
  }
  Count count_ = Count::requests;

 private:
  TrtInFlight in_flight_;
};

// What it knows of a server's cache is what the server had to tell when a request last ended there.
class TrtKvCacheAware final : public Placement {
 public:
  void ask(Subscription& asked) const override { asked.kv_events = true; }
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    ties_.start(RandomStream(seed, "trtllm_kv_cache_aware"));
    servers_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), {});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  void kv_event(std::int32_t replica, KvEvent event, std::span<const BlockName> blocks) override {
    std::vector<Change>& untold = servers_[static_cast<std::size_t>(replica)].untold;
    for (const BlockName& block : blocks) untold.push_back({event == KvEvent::stored, block});
  }
  void completed(const CompletedRequest& request) override {
    Server& server = servers_[static_cast<std::size_t>(request.replica)];
    for (const Change& change : server.untold) {
      if (change.stored) {
        server.blocks.insert(change.block);
      } else {
        server.blocks.erase(change.block);
      }
    }
    server.untold.clear();
  }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    scores_.clear();
    for (const std::int32_t replica : candidates) scores_.push_back({-score(request, replica), 0});
    return candidates[ties_.least(scores_)];
  }
  void scores(const QueuedRequest& request, std::span<const std::int32_t> candidates,
              std::vector<double>& scores) const override {
    for (const std::int32_t replica : candidates) scores.push_back(-score(request, replica));
  }

  std::int32_t max_batch_size_ = 64;

 private:
  struct Change {
    bool stored;
    BlockName block;
  };
  struct Server {
    std::unordered_set<BlockName> blocks;  // looked up, never gone through
    std::vector<Change> untold;            // since a request last ended there
  };

  double score(const QueuedRequest& request, std::int32_t replica) const {
    const std::int32_t block_size = scene_->cluster().limits(replica).block_size;
    const std::int32_t hashed = request.num_prefill_tokens - 1;  // the last token is always computed
    const std::int32_t padded = (hashed + block_size - 1) / block_size * block_size;
    const Server& server = servers_[static_cast<std::size_t>(replica)];
    std::int32_t matched = 0;
    for (const BlockName& block : scene_->cluster().prompt_blocks(request.id, block_size)) {
      if (matched + block_size > hashed || !server.blocks.contains(block)) break;
      matched += block_size;
    }
    const double share = padded > 0 ? double(matched) / padded : 0.0;
    return share - double(scene_->cluster().outstanding(replica)) / max_batch_size_;
  }

  std::vector<Server> servers_;
  TieBreaker ties_{Ties::round_robin};
  std::vector<Score> scores_;
};

// Conversations are known by the blocks of their last prompt: a prompt of which a conversation has most blocks goes
// where that one is, whatever the load there; else to the fewest tokens in flight.
class TrtConversation final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    in_flight_.start(scene.cluster().num_replicas());
    ties_.start(RandomStream(seed, "trtllm_conversation"));
    conversations_.clear();
    holders_.clear();
    by_session_.clear();
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const auto named = scene_->cluster().prompt_blocks(request.id, tokens_per_block_);
    blocks_.assign(named.begin(), named.end());
    const auto skipped = static_cast<std::size_t>(hash_skip_count_ / tokens_per_block_);
    if (skipped > 0)
      blocks_.erase(blocks_.begin(), blocks_.begin() + std::ptrdiff_t(std::min(skipped, blocks_.size())));
    // The rest of the prompt is a last block of its own.
    const std::int32_t hashed = std::max(0, request.num_prefill_tokens - hash_skip_count_);
    num_blocks_ = (hashed + tokens_per_block_ - 1) / tokens_per_block_;
    matched_ = conversations_.end();
    if (request.session >= 0) {
      // An explicit conversation: its server, or the least loaded one for a new one. Prompts are not compared.
      if (const auto known = by_session_.find(request.session); known != by_session_.end()) {
        matched_ = known->second;
        if (is_among(candidates, matched_->replica)) return matched_->replica;
      }
      return least_loaded(candidates);
    }
    std::size_t depth = 0;
    for (const BlockName& block : blocks_) {
      const auto found = holders_.find(block);
      if (found == holders_.end()) break;
      matched_ = found->second.back();
      ++depth;
    }
    if (matched_ != conversations_.end() && double(depth) >= match_threshold_ * num_blocks_ &&
        is_among(candidates, matched_->replica)) {
      return matched_->replica;
    }
    matched_ = conversations_.end();
    return least_loaded(candidates);
  }

  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    in_flight_.sent(request.id, replica, std::int64_t{num_blocks_} * tokens_per_block_);
    if (matched_ != conversations_.end()) {
      forget(matched_);
      conversations_.erase(matched_);
    }
    conversations_.push_back({replica, request.session, blocks_});
    const auto added = std::prev(conversations_.end());
    if (request.session >= 0) by_session_[request.session] = added;
    for (const BlockName& block : blocks_) holders_[block].push_back(added);
    if (conversations_.size() > static_cast<std::size_t>(max_sessions_)) {
      forget(conversations_.begin());
      conversations_.pop_front();
    }
  }
  void completed(const CompletedRequest& request) override { in_flight_.returned(request); }

  double match_threshold_ = 0.75;
  std::int32_t tokens_per_block_ = 128;
  std::int32_t hash_skip_count_ = 0;
  std::int32_t max_sessions_ = 100000;

 private:
  struct Known {
    std::int32_t replica;
    std::int32_t session;           // -1: known by its blocks alone
    std::vector<BlockName> blocks;  // of its last prompt
  };
  using Conversations = std::list<Known>;  // the one that was used longest ago first

  static bool is_among(std::span<const std::int32_t> candidates, std::int32_t replica) {
    return std::binary_search(candidates.begin(), candidates.end(), replica);
  }
  std::int32_t least_loaded(std::span<const std::int32_t> candidates) {
    scores_.clear();
    for (const std::int32_t replica : candidates) scores_.push_back({double(in_flight_.tokens(replica)), 0});
    return candidates[ties_.least(scores_)];
  }

  void forget(Conversations::iterator known) {
    if (known->session >= 0) by_session_.erase(known->session);
    for (const BlockName& block : known->blocks) {
      const auto found = holders_.find(block);
      std::vector<Conversations::iterator>& holders = found->second;
      holders.erase(std::find(holders.begin(), holders.end(), known));
      if (holders.empty()) holders_.erase(found);
    }
  }

  TrtInFlight in_flight_;
  TieBreaker ties_{Ties::round_robin};
  Conversations conversations_;
  std::unordered_map<BlockName, std::vector<Conversations::iterator>> holders_;  // looked up, never gone through
  std::unordered_map<std::int32_t, Conversations::iterator> by_session_;         // looked up, never gone through
  // Of the request that is being placed:
  std::vector<BlockName> blocks_;
  std::int32_t num_blocks_ = 0;
  Conversations::iterator matched_;
  std::vector<Score> scores_;
};

}  // namespace

std::vector<PolicyInfo> trtllm_policies() {
  const std::string source = "NVIDIA/TensorRT-LLM, tensorrt_llm/serve/router.py";
  return {
      greedy<TrtLoadBalancing>("trtllm_load_balancing",
                               "TensorRT-LLM: fewest requests, or prompt tokens, in flight; ties in turn.", source)
          .choice(&TrtLoadBalancing::count_, "count", {"requests", "tokens"}, TrtLoadBalancing::Count::requests,
                  "what is counted")
          .ties(Ties::round_robin)
          .reads({Signal::outstanding})
          .done(),
      greedy<TrtKvCacheAware>(
          "trtllm_kv_cache_aware",
          "TensorRT-LLM: share of the prompt that the server is known to hold - requests in flight / "
          "max_batch_size, the most, ties in turn. What it knows of a cache are the events that the "
          "server had when a request last ended there. Blocks are the engine's, not of 32 tokens.",
          source)
          .integer(&TrtKvCacheAware::max_batch_size_, "max_batch_size", 64, 1, 65536, ParamScale::log,
                   "requests in flight that outweigh a whole prompt")
          .reads({Signal::outstanding, Signal::kv_events})
          .done(),
      greedy<TrtConversation>(
          "trtllm_conversation",
          "TensorRT-LLM's conversation router: an explicit session goes to its server, whatever the load; without one, "
          "a prompt of which a known "
          "conversation has at least match_threshold of the blocks goes where that one is, whatever the "
          "load; else fewest tokens in flight, ties in turn.",
          source)
          .real(&TrtConversation::match_threshold_, "match_threshold", 0.75, 0.0, 1.0, ParamScale::linear,
                "share of the prompt's blocks")
          .integer(&TrtConversation::tokens_per_block_, "tokens_per_block", 128, 1, 4096, ParamScale::log,
                   "tokens of a block")
          .integer(&TrtConversation::hash_skip_count_, "hash_skip_count", 0, 0, 1000000, ParamScale::linear,
                   "leading tokens that are left out, such as a common system prompt, in full blocks")
          .integer(&TrtConversation::max_sessions_, "max_sessions", 100000, 1, 10000000, ParamScale::log,
                   "conversations that are known, the last used ones")
          .reads({Signal::outstanding})
          .done(),
  };
}

}  // namespace switchyard
