// llm-d's endpoint picker: scorers between 0 and 1, their weighted sum, and a picker.
#include <algorithm>
#include <cmath>

#include "policies/picking/ties.hpp"
#include "policies/picking/weighted_draw.hpp"
#include "policies/prefix/lru_index.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"
#include "policies/production/prompt_blocks.hpp"
#include "policies/production/session_table.hpp"

namespace switchyard {

namespace {

class LlmdPicker final : public Placement {
 public:
  enum class Index { approximate, precise };
  enum class Norm { ratio, minmax };
  enum class Picker { max_score, weighted_random, random };
  enum class Affinity { off, on };
  enum class Flow { off, utilization, concurrency };
  enum class Session { off, hard };

  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    const ClusterView& cluster = scene.cluster();
    const auto n = static_cast<std::size_t>(cluster.num_replicas());
    stream_ = RandomStream(seed, "llmd");
    ties_.start(RandomStream(seed, "llmd ties"));
    capacities_.clear();
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) {
      capacities_.push_back(lru_capacity_ > 0 ? lru_capacity_ : cluster.limits(r).num_blocks);
    }
    index_record_.reset(capacities_);
    matches_.reset(cluster.num_replicas());
    tokens_in_flight_.assign(n, 0);
    sent_.clear();
    sessions_.start(kSessionIdle);
    cold_at_.assign(n, 0);
    num_cold_ = 0;
    matched_.assign(n, 0);
    holders_.clear();
    scores_.assign(n, 0.0);
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    if (saturation(candidates) >= 1) return -1;  // it waits, and with it all behind it
    look(request, candidates);
    if (picker_ == Picker::random) return drawn(candidates_);
    if (picker_ == Picker::weighted_random) {
      drawn_.clear();
      for (const std::int32_t replica : candidates_) drawn_.push_back(total(replica));
      return candidates_[weighted_draw(stream_, drawn_)];
    }
    totals_.clear();
    for (const std::int32_t replica : candidates_) totals_.push_back({-total(replica), 0});
    return candidates_[ties_.least(totals_)];
  }

  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    const auto r = static_cast<std::size_t>(replica);
    if (uses_prefix() && index_ == Index::approximate) {
      index_record_.insert(replica, prompt_.named(), prompt_.unnamed_with_partial());
    }
    if (uses_tokens()) {
      const std::int64_t uncached = request.num_prefill_tokens - matched_[r];
      const auto id = static_cast<std::size_t>(request.id);
      if (id >= sent_.size()) sent_.resize(id + 1);
      sent_[id] = {replica, uncached};
      tokens_in_flight_[r] += uncached;
    }
    sessions_.bind(request.session, replica, scene_->cluster().now());
    if (cold_) cold_at_[r] = ++num_cold_;
  }
  void ask(Subscription& asked) const override {
    asked.first_tokens = uses_tokens();
    asked.polls = flow_ == Flow::utilization;
  }
  // An answer that is streamed releases its prompt's tokens as it begins.
  void first_token(const FirstToken& token) override { release(token.id); }
  void completed(const CompletedRequest& request) override { release(request.id); }

  double queue_weight_ = 2.0, kv_weight_ = 2.0, prefix_weight_ = 3.0, running_weight_ = 0.0, load_weight_ = 0.0;
  double active_weight_ = 0.0, token_weight_ = 0.0, no_hit_weight_ = 0.0, latency_weight_ = 0.0, session_weight_ = 0.0;
  Index index_ = Index::approximate;
  Norm prefix_norm_ = Norm::ratio;
  double match_length_weight_ = 0.0;
  std::int32_t block_tokens_ = 64;
  std::int32_t lru_capacity_ = 0;
  std::int32_t idle_requests_ = 0;
  double busy_score_ = 1.0;
  Affinity affinity_ = Affinity::off;
  double sticky_match_ = 0.8;
  double sticky_penalty_ms_ = 18000.0;
  Picker picker_ = Picker::max_score;
  Flow flow_ = Flow::off;
  double stale_ms_ = 200.0;
  Session session_filter_ = Session::off;

 private:
  static constexpr double kQueueSaturates = 5.0, kKvSaturates = 0.8, kInFlightSaturates = 100.0;
  static constexpr Time kSessionIdle = 300 * kTicksPerSecond;
  static constexpr std::int32_t kMostHashed = 131072;         // tokens of a prompt
  static constexpr double kTokenCapacity = 4194304.0;         // of the token scorer
  static constexpr double kLongMatch = 8192.0;                // tokens
  static constexpr double kQueueCap = 128.0;                  // of the load-aware scorer
  static constexpr double kPrefillTokensPerSecond = 15928.0;  // that the affinity filter reckons with

  struct Sent {
    std::int32_t replica = -1;  // -1: not sent, or its answer has begun
    std::int64_t uncached = 0;
  };

  bool uses_tokens() const { return token_weight_ > 0 || affinity_ == Affinity::on; }
  bool uses_prefix() const { return prefix_weight_ > 0 || no_hit_weight_ > 0 || latency_weight_ > 0 || uses_tokens(); }

  // Of the fleet, as flow control sees it: 1 is full.
  double saturation(std::span<const std::int32_t> candidates) {
    if (flow_ == Flow::off) return 0;
    double sum = 0;
    for (const std::int32_t replica : candidates) {
      if (flow_ == Flow::concurrency) {
        sum += scene_->cluster().outstanding(replica) / kInFlightSaturates;
        continue;
      }
      const ReplicaState& state = scene_->state(replica);
      const bool stale = seconds_from_ticks(scene_->cluster().now() - state.taken_at) * 1000 > stale_ms_;
      sum += stale ? 1.0 : std::max(state.num_waiting / kQueueSaturates, kv_use(state) / kKvSaturates);
    }
    return sum / static_cast<double>(candidates.size());
  }

  void release(RequestId id) {
    const auto i = static_cast<std::size_t>(id);
    if (i >= sent_.size() || sent_[i].replica < 0) return;
    tokens_in_flight_[static_cast<std::size_t>(sent_[i].replica)] -= sent_[i].uncached;
    sent_[i].replica = -1;
  }

  // What the scorers need of the request and of all candidates.
  void look(const QueuedRequest& request, std::span<const std::int32_t> candidates) {
    request_tokens_ = request.num_prefill_tokens;
    if (uses_prefix()) match(request, candidates);
    cold_ = no_hit_weight_ > 0 && !hit_;
    candidates_.assign(candidates.begin(), candidates.end());
    bound_ = sessions_.find(request.session, scene_->cluster().now());
    if (affinity_ == Affinity::on) keep_sticky();
    if (session_filter_ == Session::hard && std::binary_search(candidates_.begin(), candidates_.end(), bound_)) {
      candidates_.assign(1, bound_);
    }
    waiting_ = running_ = {};
    most_active_ = 0;
    least_matched_ = INT32_MAX;
    most_matched_ = 0;
    for (const std::int32_t replica : candidates_) {
      const ReplicaState& state = scene_->state(replica);
      waiting_.add(state.num_waiting);
      running_.add(state.num_running);
      most_active_ = std::max(most_active_, scene_->cluster().outstanding(replica));
      least_matched_ = std::min(least_matched_, matched(replica));
      most_matched_ = std::max(most_matched_, matched(replica));
    }
    if (cold_) rank_cold();
  }

  // Sets matched_, in tokens, and total_tokens_, of which they are a share.
  void match(const QueuedRequest& request, std::span<const std::int32_t> candidates) {
    const ClusterView& cluster = scene_->cluster();
    hit_ = false;
    if (index_ == Index::precise) {
      const std::int32_t size = cluster.limits(candidates.front()).block_size;
      total_tokens_ = request.num_prefill_tokens / size * size;
      for (const PrefixHolder& holder : holders_) matched_[static_cast<std::size_t>(holder.replica)] = 0;
      cluster.prefix_holders(request.id, holders_);
      for (const PrefixHolder& holder : holders_) {
        matched_[static_cast<std::size_t>(holder.replica)] = holder.num_tokens;
      }
      hit_ = !holders_.empty();
      return;
    }
    prompt_.read(cluster, request, block_tokens_, kMostHashed);
    for (const std::int32_t replica : matches_.holders()) matched_[static_cast<std::size_t>(replica)] = 0;
    index_record_.match(prompt_.named(), MatchRule::bridged, matches_);
    for (const std::int32_t replica : matches_.holders()) {
      matched_[static_cast<std::size_t>(replica)] = matches_.blocks(replica) * block_tokens_;
      hit_ = true;
    }
    total_tokens_ = static_cast<std::int32_t>(prompt_.with_partial()) * block_tokens_;
  }
  std::int32_t matched(std::int32_t replica) const { return matched_[static_cast<std::size_t>(replica)]; }
  double ratio(std::int32_t replica) const {
    return total_tokens_ > 0 ? static_cast<double>(matched(replica)) / total_tokens_ : 0.0;
  }

  // Those that hold most of the prompt, if there are any and they would not answer so much later than the others.
  void keep_sticky() {
    double best_sticky = INFINITY, best_other = INFINITY;
    for (const std::int32_t replica : candidates_) {
      const auto tokens = static_cast<double>(tokens_in_flight_[static_cast<std::size_t>(replica)]);
      double& best = ratio(replica) >= sticky_match_ ? best_sticky : best_other;
      best = std::min(best, 1000.0 * tokens / kPrefillTokensPerSecond);
    }
    if (std::isinf(best_sticky) || best_sticky - best_other > sticky_penalty_ms_) return;
    std::erase_if(candidates_, [&](std::int32_t replica) { return ratio(replica) < sticky_match_; });
  }

  // Of a cold request: replicas that never had one first, then those that had theirs longest ago.
  void rank_cold() {
    ranked_ = candidates_;
    std::stable_sort(ranked_.begin(), ranked_.end(), [&](std::int32_t a, std::int32_t b) {
      return cold_at_[static_cast<std::size_t>(a)] < cold_at_[static_cast<std::size_t>(b)];
    });
    const auto n = static_cast<double>(ranked_.size());
    for (std::size_t rank = 0; rank < ranked_.size(); ++rank) {
      scores_[static_cast<std::size_t>(ranked_[rank])] = n > 1 ? 1 - static_cast<double>(rank) / (n - 1) : 1.0;
    }
  }

  double total(std::int32_t replica) const {
    const ReplicaState& state = scene_->state(replica);
    const double queue = waiting_.inverted(state.num_waiting), kv = 1 - kv_use(state);
    double sum = queue_weight_ * queue + kv_weight_ * kv;
    if (prefix_weight_ > 0) sum += prefix_weight_ * prefix_score(replica);
    if (running_weight_ > 0) sum += running_weight_ * running_.inverted(state.num_running);
    if (load_weight_ > 0) sum += load_weight_ * 0.5 * (1 - std::min<double>(state.num_waiting, kQueueCap) / kQueueCap);
    if (active_weight_ > 0) sum += active_weight_ * active_score(scene_->cluster().outstanding(replica));
    if (token_weight_ > 0) sum += token_weight_ * token_score(replica);
    if (no_hit_weight_ > 0) sum += no_hit_weight_ * (cold_ ? scores_[static_cast<std::size_t>(replica)] : 0.5);
    if (session_weight_ > 0 && replica == bound_) sum += session_weight_;
    if (latency_weight_ > 0) {
      const double free_queue = waiting_.high > 0 ? double(waiting_.high - state.num_waiting) / waiting_.high : 1.0;
      sum += latency_weight_ * (kv + free_queue + ratio(replica)) / 3;
    }
    return sum;
  }
  double prefix_score(std::int32_t replica) const {
    if (prefix_norm_ == Norm::minmax) {
      return most_matched_ > least_matched_
                 ? double(matched(replica) - least_matched_) / (most_matched_ - least_matched_)
                 : 1.0;
    }
    const double length = std::min(1.0, matched(replica) / kLongMatch);
    return (1 - match_length_weight_) * ratio(replica) + match_length_weight_ * length * length;
  }
  double active_score(std::int32_t in_flight) const {
    return in_flight <= idle_requests_ ? 1.0 : double(most_active_ - in_flight) / most_active_ * busy_score_;
  }
  double token_score(std::int32_t replica) const {
    const auto r = static_cast<std::size_t>(replica);
    const auto tokens = static_cast<double>(tokens_in_flight_[r] + request_tokens_ - matched_[r]);
    return 1 - std::min(tokens, kTokenCapacity) / kTokenCapacity;
  }

  std::int32_t drawn(std::span<const std::int32_t> from) {
    return from[static_cast<std::size_t>(stream_.below(static_cast<std::int32_t>(from.size())))];
  }
  struct Range {
    std::int32_t low = INT32_MAX, high = INT32_MIN;
    void add(std::int32_t x) {
      low = std::min(low, x);
      high = std::max(high, x);
    }
    double inverted(std::int32_t x) const { return high > low ? double(high - x) / (high - low) : 1.0; }
  };

  RandomStream stream_;
  TieBreaker ties_{Ties::random};
  LruIndex index_record_;
  PrefixMatches matches_;
  std::vector<std::int64_t> tokens_in_flight_;  // uncached prompt tokens sent and not begun to be answered
  std::vector<Sent> sent_;                      // by request
  std::vector<std::int64_t> cold_at_;           // per replica: the number of its last cold request; 0: none
  std::int64_t num_cold_ = 0;
  std::vector<std::int64_t> capacities_;
  SessionTable sessions_;

  // Of the request that is being placed.
  PromptBlocks prompt_;
  std::vector<PrefixHolder> holders_;
  std::int32_t request_tokens_ = 0, total_tokens_ = 0;
  std::vector<std::int32_t> matched_;  // tokens, per replica
  bool hit_ = false, cold_ = false;
  std::int32_t bound_ = -1;  // where its session is
  std::vector<std::int32_t> candidates_, ranked_;
  std::vector<double> scores_;  // of rank_cold, per replica
  std::vector<Score> totals_;
  std::vector<double> drawn_;  // the same for a draw
  Range waiting_, running_;
  std::int32_t most_active_ = 0, least_matched_ = 0, most_matched_ = 0;
};

struct LlmdProfile {
  double queue = 2, kv = 2, prefix = 3;
  LlmdPicker::Index index = LlmdPicker::Index::approximate;
};

PolicyInfo llmd_profile(std::string name, std::string summary, std::string source, LlmdProfile weights) {
  using P = LlmdPicker;
  auto weight = [declared = greedy<P>(std::move(name), std::move(summary), std::move(source))](
      double P::*member, const char* param, double value, const char* doc) mutable -> auto& {
    return declared.real(member, param, value, 0.0, 4.0, ParamScale::linear, doc);
  };
  weight(&P::queue_weight_, "queue_weight", weights.queue,
         "of the queue scorer: (max - x) / (max - min) of those that wait");
  weight(&P::kv_weight_, "kv_weight", weights.kv, "of the KV scorer: 1 - share of KV in use");
  weight(&P::prefix_weight_, "prefix_weight", weights.prefix, "of the prefix scorer: share of the prompt that is held");
  weight(&P::running_weight_, "running_weight", 0.0, "of the running scorer: as queue, of those that run");
  weight(&P::load_weight_, "load_weight", 0.0, "of the load-aware scorer: 0.5 (1 - waiting / 128)");
  weight(&P::active_weight_, "active_weight", 0.0,
         "of the active-request scorer: (max - x) / max of its own in flight");
  weight(&P::token_weight_, "token_weight", 0.0,
         "of the token scorer: 1 - tokens / 4 Mi, uncached prompt tokens in flight and this request's");
  weight(&P::no_hit_weight_, "no_hit_weight", 0.0,
         "of no-hit-lru: prompts that nobody holds go where the last such one went longest ago");
  weight(&P::session_weight_, "session_weight", 0.0, "of session affinity: 1 where the session was in the last 5 min");
  return weight(&P::latency_weight_, "latency_weight", 0.0,
                "of the latency scorer without its predictor: the mean of KV, queue (max - x) / max and prefix")
      .choice(&P::index_, "index", {"approximate", "precise"}, weights.index,
              "who holds a prefix: by the picker's own record, or by KV events")
      .choice(&P::prefix_norm_, "prefix_norm", {"ratio", "minmax"}, P::Norm::ratio,
              "matches as a share of the prompt, or scaled over the candidates, as the precise scorer once did")
      .real(&P::match_length_weight_, "match_length_weight", 0.0, 0.0, 1.0, ParamScale::linear,
            "share of min(1, matched tokens / 8192)^2 in the prefix score")
      .only_if("prefix_norm", {"ratio"})
      .integer(&P::block_tokens_, "block_tokens", 64, 1, 4096, ParamScale::log, "tokens of a block of the record")
      .only_if("index", {"approximate"})
      .integer(&P::lru_capacity_, "lru_capacity", 0, 0, 1 << 24, ParamScale::linear,
               "blocks that the record keeps for each replica; 0: as many as it has KV blocks")
      .only_if("index", {"approximate"})
      .integer(&P::idle_requests_, "idle_requests", 0, 0, 1024, ParamScale::linear,
               "active-request: up to so many in flight count as idle")
      .real(&P::busy_score_, "busy_score", 1.0, 0.0, 1.0, ParamScale::linear,
            "active-request: the most that others get")
      .choice(&P::affinity_, "affinity", {"off", "on"}, P::Affinity::off,
              "the filter prefix-cache-affinity: only replicas that hold most of the prompt, if there are any")
      .real(&P::sticky_match_, "sticky_match", 0.8, 0.0, 1.0, ParamScale::linear,
            "share of the prompt that is most of it")
      .only_if("affinity", {"on"})
      .real(
          &P::sticky_penalty_ms_, "sticky_penalty_ms", 18000.0, 0.0, 1e6, ParamScale::linear,
          "unless they would begin to answer so much later than the best other, ms, at 15928 tokens in flight a second")
      .only_if("affinity", {"on"})
      .choice(&P::picker_, "picker", {"max_score", "weighted_random", "random"}, P::Picker::max_score,
              "the greatest sum, ties at random; the greatest u^(1/sum); any")
      .choice(
          &P::flow_, "flow_control", {"off", "utilization", "concurrency"}, P::Flow::off,
          "requests wait, first come first served, while the fleet is full: the mean of max(waiting / 5, KV / 0.8), or "
          "of requests in flight / 100, is 1 or more")
      .real(&P::stale_ms_, "stale_ms", 200.0, 0.0, 1e6, ParamScale::linear,
            "a replica whose state is older than this counts as full, ms")
      .only_if("flow_control", {"utilization"})
      .choice(&P::session_filter_, "session_filter", {"off", "hard"}, P::Session::off,
              "a session stays where it was in the last 5 min, whatever the scores")
      .reads({Signal::waiting, Signal::state, Signal::cache, Signal::outstanding, Signal::first_tokens}, 0.05)
      .done();
}

}  // namespace

std::vector<PolicyInfo> llmd_policies() {
  const std::string source = "llm-d/llm-d-router ebab6879, pkg/epp/framework/plugins";
  const std::string left_out =
      " Left out: scorers by label, adapter and topology, joint placement of bursts, separate prefill and decode pods "
      "(llmd_pd), predicted latencies (llmd_latency); the last, partial block of a prompt matches nothing here.";
  return {
      llmd_profile(
          "llmd",
          "llm-d's endpoint picker with its default profile: highest 2 queue + 2 KV + 3 prefix, ties at random. The "
          "prefix scorer goes by what was sent where: an LRU of blocks of 64 tokens for each replica, in which "
          "another replica's block bridges a hole." +
              left_out,
          source, {}),
      llmd_profile(
          "llmd_precise",
          "llm-d's endpoint picker with precise prefixes: highest queue + KV + 2 prefix, by the engines' KV events." +
              left_out,
          source, {.queue = 1, .kv = 1, .prefix = 2, .index = LlmdPicker::Index::precise}),
      llmd_profile("llmd_weighted",
                   "llm-d's endpoint picker by load alone: highest 2 queue + 2 KV, ties at random." + left_out, source,
                   {.prefix = 0}),
  };
}

}  // namespace switchyard
