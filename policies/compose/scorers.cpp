// The scorers of production routers, each 0 ... 1 and the more the better; their weighted sum decides. Named routers
// are settings of their weights, so that a search can mix them.
#include "policies/compose/scorers.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "policies/compose/block_cost.hpp"
#include "policies/prefix/held_tokens.hpp"
#include "policies/prefix/lru_index.hpp"
#include "policies/production/session_table.hpp"

namespace switchyard {

namespace {

class Scorers final : public Scoring {
 public:
  // How a count becomes a score.
  enum class Counts { minmax, ratio_to_max, harmonic, cap };
  enum class PrefixScale { share, minmax };

  enum class Index { cache, sent };

  void ask(Subscription& asked) const override { asked.first_tokens |= w_token_load_ > 0 || w_cost_ > 0; }
  unsigned reads() const override {
    unsigned bits = signal_bits({Signal::outstanding, Signal::state});
    const bool finds = w_prefix_ > 0 || w_no_hit_lru_ > 0 || w_token_load_ > 0;
    if (finds && index_ == Index::cache) bits |= signal_bits({Signal::cache});
    if (w_token_load_ > 0) bits |= signal_bits({Signal::first_tokens});
    if (w_cost_ > 0) bits |= cost_.reads();
    return bits;
  }
  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    const auto n = static_cast<std::size_t>(scene.cluster().num_replicas());
    cold_.assign(n, 0);
    num_cold_ = 0;
    held_.reset(scene.cluster().num_replicas());
    matches_.reset(scene.cluster().num_replicas());
    if (index_ == Index::sent) sent_.reset(std::vector<std::int64_t>(n, index_blocks_));
    loads_.assign(n, 0);
    loading_.clear();
    sessions_.start(ticks_from_seconds(session_ttl_s_));
    if (w_cost_ > 0) cost_.start(scene, seed);
  }
  void watch(std::vector<Part*>& watchers) override {
    watchers.push_back(this);
    if (w_cost_ > 0) cost_.watch(watchers);
  }
  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    if (is_cold_) cold_[static_cast<std::size_t>(replica)] = ++num_cold_;
    if (w_token_load_ > 0) {
      const std::int64_t uncached = request.num_prefill_tokens - matched(replica);
      loads_[static_cast<std::size_t>(replica)] += uncached;
      if (static_cast<std::size_t>(request.id) >= loading_.size()) loading_.resize(std::size_t(request.id) + 1);
      loading_[static_cast<std::size_t>(request.id)] = uncached;
    }
    if (w_session_ > 0) sessions_.bind(request.session, replica, scene_->cluster().now());
    if (index_ == Index::sent) sent_.insert(replica, blocks_, num_blocks_ - static_cast<std::int64_t>(blocks_.size()));
  }
  void first_token(const FirstToken& token) override { unload(token.id, token.replica); }
  void completed(const CompletedRequest& request) override { unload(request.id, request.replica); }

  void look(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    is_cold_ = false;
    if (w_prefix_ > 0 || w_no_hit_lru_ > 0 || w_token_load_ > 0) find(request);
    bound_ = w_session_ > 0 ? sessions_.find(request.session, scene_->cluster().now()) : -1;
    if (w_cost_ > 0) cost_.look(request, candidates);
    ranges_.fill({});
    for (const std::int32_t replica : candidates) {
      const CountsOf counts = counts_of(replica);
      for (std::size_t i = 0; i < kCounts; ++i) ranges_[i].add(counts[i]);
      ranges_[kPrefix].add(matched(replica));
      if (w_cost_ > 0) ranges_[kCost].add(cost_.score(request, replica).value);
    }
    if (w_no_hit_lru_ > 0) rank(candidates);
  }

  Score score(const QueuedRequest& request, std::int32_t replica) override {
    const auto r = static_cast<std::size_t>(replica);
    const ReplicaState& state = scene_->state(replica);
    const CountsOf counts = counts_of(replica);
    double sum = w_queue_ * scaled(kQueue, counts) + w_running_ * scaled(kRunning, counts) +
                 w_active_ * scaled(kActive, counts) + w_requests_ * scaled(kRequests, counts) +
                 w_dp_ * scaled(kDataParallel, counts);
    if (w_kv_ > 0) sum += w_kv_ * (1 - static_cast<double>(state.blocks_used) / state.num_blocks);
    if (w_load_aware_ > 0) sum += w_load_aware_ * 0.5 * (1 - std::min(state.num_waiting, 128) / 128.0);
    if (w_prefix_ > 0) sum += w_prefix_ * prefix_score(request, replica);
    if (w_token_load_ > 0) {
      const double tokens = static_cast<double>(loads_[r] + request.num_prefill_tokens - matched(replica));
      sum += w_token_load_ * (1 - std::min(tokens, token_cap_) / token_cap_);
    }
    if (w_session_ > 0 && replica == bound_) sum += w_session_;
    if (w_cost_ > 0) {
      const Range& range = ranges_[kCost];
      const double cost = cost_.score(request, replica).value;
      sum += w_cost_ * (range.high > range.low ? (range.high - cost) / (range.high - range.low) : 1.0);
    }
    if (w_no_hit_lru_ > 0) sum += w_no_hit_lru_ * (is_cold_ ? turn_[r] : 0.5);
    return {-sum, 0};
  }

  Counts counts_ = Counts::minmax;
  double count_cap_ = 128.0;
  double w_queue_ = 2.0, w_running_ = 0.0, w_active_ = 0.0, w_requests_ = 0.0, w_dp_ = 0.0;
  double w_kv_ = 2.0, w_load_aware_ = 0.0;
  double w_prefix_ = 3.0;
  PrefixScale prefix_scale_ = PrefixScale::share;
  Index index_ = Index::cache;
  std::int32_t index_block_ = 64;
  std::int32_t index_blocks_ = 31250;
  double w_no_hit_lru_ = 0.0;
  double w_token_load_ = 0.0;
  double token_cap_ = 4194304.0;
  double w_session_ = 0.0;
  double session_ttl_s_ = 300.0;
  double w_cost_ = 0.0;

 private:
  enum : std::size_t {
    kQueue,
    kRunning,
    kActive,
    kRequests,
    kDataParallel,
    kCounts,
    kPrefix = kCounts,
    kCost,
    kRanges
  };
  using CountsOf = std::array<double, kCounts>;
  struct Range {
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();
    void add(double x) {
      low = std::min(low, x);
      high = std::max(high, x);
    }
  };

  CountsOf counts_of(std::int32_t replica) const {
    const ReplicaState& state = scene_->state(replica);
    const double waiting = state.num_waiting, running = state.num_running;
    const double own = scene_->cluster().outstanding(replica);
    return {waiting, running, own, waiting + running + own, 4 * waiting + running};
  }
  double scaled(std::size_t i, const CountsOf& counts) const {
    const double x = counts[i];
    const Range& range = ranges_[i];
    switch (counts_) {
      case Counts::minmax:
        return range.high > range.low ? (range.high - x) / (range.high - range.low) : 1.0;
      case Counts::ratio_to_max:
        return range.high > 0 ? (range.high - x) / range.high : 1.0;
      case Counts::harmonic:
        return 1 / (1 + x);
      case Counts::cap:
        break;
    }
    return 1 - std::min(x, count_cap_) / count_cap_;
  }
  double prefix_score(const QueuedRequest& request, std::int32_t replica) const {
    const double tokens = matched(replica);
    if (prefix_scale_ == PrefixScale::share) return tokens / request.num_prefill_tokens;
    const Range& range = ranges_[kPrefix];
    return range.high > range.low ? (tokens - range.low) / (range.high - range.low) : 1.0;
  }

  // Who holds what of the prompt: by what replicas have published, or by what was sent there.
  void find(const QueuedRequest& request) {
    if (index_ == Index::cache) {
      held_.read(scene_->cluster(), request.id);
      is_cold_ = w_no_hit_lru_ > 0 && held_.holders().empty();
      return;
    }
    const auto named = scene_->cluster().prompt_blocks(request.id, index_block_);
    blocks_.assign(named.begin(), named.end());
    num_blocks_ = (request.num_prefill_tokens + index_block_ - 1) / index_block_;
    sent_.match(blocks_, MatchRule::bridged, matches_);
    is_cold_ = w_no_hit_lru_ > 0 && matches_.holders().empty();
  }
  std::int32_t matched(std::int32_t replica) const {
    return index_ == Index::cache ? held_.of(replica) : matches_.blocks(replica) * index_block_;
  }

  void unload(RequestId id, std::int32_t replica) {
    if (static_cast<std::size_t>(id) >= loading_.size()) return;
    loads_[static_cast<std::size_t>(replica)] -= loading_[static_cast<std::size_t>(id)];
    loading_[static_cast<std::size_t>(id)] = 0;
  }
  // The longer ago a replica was given a request that nobody had cached, the higher: 1 ... 0.
  void rank(std::span<const std::int32_t> candidates) {
    order_.assign(candidates.begin(), candidates.end());
    std::stable_sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) {
      return cold_[static_cast<std::size_t>(a)] < cold_[static_cast<std::size_t>(b)];
    });
    turn_.assign(cold_.size(), 0.0);
    const double last = std::max<double>(1, double(order_.size()) - 1);
    for (std::size_t i = 0; i < order_.size(); ++i) {
      turn_[static_cast<std::size_t>(order_[i])] = 1 - double(i) / last;
    }
  }

  std::array<Range, kRanges> ranges_{};
  SessionTable sessions_;
  std::int32_t bound_ = -1;  // the replica of the request's session
  BlockCost cost_;
  HeldTokens held_;
  LruIndex sent_;
  PrefixMatches matches_;
  std::vector<BlockName> blocks_;  // of the request that is being placed
  std::int64_t num_blocks_ = 0;
  std::vector<std::int64_t> loads_;    // by replica: uncached tokens sent there whose answers have not begun
  std::vector<std::int64_t> loading_;  // by request: its own among them
  bool is_cold_ = false;               // nobody holds any of it
  std::vector<std::int64_t> cold_;     // by replica: the number of the last cold request that it was given; 0: none
  std::int64_t num_cold_ = 0;
  std::vector<std::int32_t> order_;
  std::vector<double> turn_;  // by replica
};

}  // namespace

PartInfo<Scoring> scorers_part() {
  using P = Scorers;
  const auto linear = ParamScale::linear;
  return part<Scoring, P>("scorers", "highest weighted sum of the scorers of production routers, each 0 ... 1")
      .real(&P::w_queue_, "w_queue", 2.0, 0.0, 10.0, linear, "waiting requests")
      .real(&P::w_running_, "w_running", 0.0, 0.0, 10.0, linear, "running requests")
      .real(&P::w_active_, "w_active", 0.0, 0.0, 10.0, linear, "own requests in flight")
      .real(&P::w_requests_, "w_requests", 0.0, 0.0, 10.0, linear, "waiting + running + own in flight")
      .real(&P::w_dp_, "w_dp", 0.0, 0.0, 10.0, linear, "4 * waiting + running")
      .choice(&P::counts_, "w_scale", {"minmax", "ratio_to_max", "harmonic", "cap"}, P::Counts::minmax,
              "how these counts x become scores: (max - x) / (max - min), (max - x) / max, 1 / (1 + x), or 1 - min(x, "
              "w_cap) / w_cap")
      .real(&P::count_cap_, "w_cap", 128.0, 1.0, 100000.0, ParamScale::log, "requests")
      .only_if("w_scale", {"cap"})
      .real(&P::w_kv_, "w_kv", 2.0, 0.0, 10.0, linear, "1 - share of KV blocks in use")
      .real(&P::w_load_aware_, "w_load_aware", 0.0, 0.0, 10.0, linear, "0.5 - min(waiting, 128) / 256")
      .real(&P::w_prefix_, "w_prefix", 3.0, 0.0, 10.0, linear, "share of the prompt that it has cached")
      .choice(&P::prefix_scale_, "w_prefix_scale", {"share", "minmax"}, P::PrefixScale::share,
              "the share as it is, or scaled over the candidates to 0 ... 1 (1 if all are equal)")
      .choice(&P::index_, "w_prefix_index", {"cache", "sent"}, P::Index::cache,
              "by what replicas have published of their caches, or by a record of what was sent to each")
      .integer(&P::index_block_, "w_index_block", 64, 1, 4096, ParamScale::log, "tokens of a block of the record")
      .only_if("w_prefix_index", {"sent"})
      .integer(&P::index_blocks_, "w_index_blocks", 31250, 1, 100000000, ParamScale::log,
               "blocks that are remembered of a replica, the last used ones")
      .only_if("w_prefix_index", {"sent"})
      .real(&P::w_no_hit_lru_, "w_no_hit_lru", 0.0, 0.0, 10.0, linear,
            "of a prompt that none has cached: how long it was given no other such one")
      .real(&P::w_token_load_, "w_token_load", 0.0, 0.0, 10.0, linear,
            "1 - uncached prompt tokens sent there, until their answers begin, and of this request / w_token_cap")
      .real(&P::token_cap_, "w_token_cap", 4194304.0, 1.0, 1e9, ParamScale::log, "tokens")
      .real(&P::w_session_, "w_session", 0.0, 0.0, 10.0, linear, "1 for the replica that its session was last sent to")
      .real(&P::session_ttl_s_, "w_session_ttl", 300.0, 1.0, 100000.0, ParamScale::log,
            "s of idleness after which a session is forgotten")
      .real(&P::w_cost_, "w_cost", 0.0, 0.0, 10.0, linear,
            "(max - x) / (max - min) of the cost in blocks of place=cost, Dynamo's");
}

}  // namespace switchyard
