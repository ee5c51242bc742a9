// SGLang's slim rewrite of its router (2026): loads that engines push, prefixes by KV events.
#include <algorithm>
#include <cmath>
#include <tuple>

#include "policies/picking/ties.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/own_dispatches.hpp"
#include "policies/production/production.hpp"
#include "policies/production/session_table.hpp"

namespace switchyard {

namespace {

// What its policies have in common: how loaded a worker is, by its own report if all reports are fresh.
class SglRouter : public Placement {
 public:
  explicit SglRouter(const char* name) : name_(name) {}
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    stream_ = RandomStream(seed, name_);
    dispatched_.start(scene.cluster().num_replicas());
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void ask(Subscription& asked) const override { asked.waiting_uncached = true; }
  void assigned(const QueuedRequest&, std::int32_t replica) override {
    dispatched_.add(scene_->state(replica), replica, 1);
  }

 protected:
  using Pressure = std::tuple<std::int64_t, std::int32_t, std::int32_t, std::int32_t>;
  static constexpr std::int64_t kSlack = 1024;  // tokens
  static constexpr Time kFresh = 5 * kTicksPerSecond;

  std::int32_t in_flight(std::int32_t replica) const { return scene_->cluster().outstanding(replica); }
  bool fresh(std::span<const std::int32_t> candidates) {
    return std::all_of(candidates.begin(), candidates.end(), [&](std::int32_t replica) {
      return scene_->cluster().now() - scene_->state(replica).taken_at <= kFresh;
    });
  }
  std::int64_t waiting_tokens(std::int32_t replica) { return waiting_uncached_tokens(scene_->state(replica)); }
  // Uncached prompt tokens that wait, requests that wait, that run, and its own in flight.
  Pressure pressure(std::int32_t replica, bool is_fresh) {
    if (!is_fresh) return {0, 0, 0, in_flight(replica)};
    const ReplicaState& state = scene_->state(replica);
    return {waiting_uncached_tokens(state), state.num_waiting, state.num_running, in_flight(replica)};
  }
  // One that has so much more to compute than the other that it loses to it.
  bool guarded(std::int32_t replica, std::int32_t other) {
    const std::int64_t a = waiting_tokens(replica), b = waiting_tokens(other);
    return a - b > kSlack && static_cast<double>(a) > 1.5 * static_cast<double>(b);
  }
  std::int32_t power_of_two(std::span<const std::int32_t> candidates) {
    const auto [first, second] = stream_.two_below(static_cast<std::int32_t>(candidates.size()));
    const std::int32_t a = candidates[static_cast<std::size_t>(first)];
    const std::int32_t b = candidates[static_cast<std::size_t>(second)];
    const bool is_fresh = fresh(candidates);
    return pressure(b, is_fresh) < pressure(a, is_fresh) ? b : a;
  }

  const char* name_;
  RandomStream stream_;
  OwnDispatches dispatched_;  // requests
};

class SglPowerOfTwo final : public SglRouter {
 public:
  SglPowerOfTwo() : SglRouter("sgl_router_power_of_two") {}
  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    return power_of_two(candidates);
  }
};

// Least waiting + running + sent since, ties at random.
class SglLoadBased final : public SglRouter {
 public:
  SglLoadBased() : SglRouter("sgl_router_load_based") {}
  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    const bool is_fresh = fresh(candidates);
    scores_.clear();
    for (const std::int32_t replica : candidates) {
      const ReplicaState& state = scene_->state(replica);
      const std::int64_t since = dispatched_.since(state, replica, scene_->cluster().now());
      scores_.push_back(
          {is_fresh ? double(state.num_waiting + state.num_running + since) : double(in_flight(replica)), 0});
    }
    return candidates[ties_.least(scores_)];
  }
  void start(Scene& scene, std::uint64_t seed) override {
    SglRouter::start(scene, seed);
    ties_.start(RandomStream(seed, "sgl_router_load_based ties"));
  }

 private:
  TieBreaker ties_{Ties::random};
  std::vector<Score> scores_;
};

// The worker that has least of the prompt left to compute, among those that hold a good part of it.
class SglCacheAware final : public SglRouter {
 public:
  SglCacheAware() : SglRouter("sgl_router_cache_aware") {}
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const bool is_fresh = fresh(candidates);
    owners_.clear();
    scene_->cluster().prefix_holders(request.id, holders_);
    for (const PrefixHolder& holder : holders_) {
      if (holder.num_tokens < min_match_tokens_) continue;
      if (!std::binary_search(candidates.begin(), candidates.end(), holder.replica)) continue;
      owners_.push_back(
          {request.num_prefill_tokens - holder.num_tokens, pressure(holder.replica, is_fresh), holder.replica});
    }
    const auto n = static_cast<double>(candidates.size());
    const auto most = static_cast<std::size_t>(std::min({n, 32.0, std::max(8.0, std::ceil(0.05 * n))}));
    std::sort(owners_.begin(), owners_.end());
    if (owners_.size() > most) owners_.resize(most);
    std::erase_if(owners_, [&](const Owner& owner) { return !has_room(request, owner.replica); });
    if (owners_.empty()) return power_of_two(candidates);
    const std::int32_t least = owners_.front().uncached;
    std::erase_if(owners_, [&](const Owner& owner) { return owner.uncached > least + kSlack; });
    for (const Owner& owner : owners_) {
      const bool loses = is_fresh && std::any_of(owners_.begin(), owners_.end(), [&](const Owner& other) {
                           return guarded(owner.replica, other.replica);
                         });
      if (!loses) return owner.replica;
    }
    return owners_.front().replica;
  }
  std::int32_t min_match_tokens_ = 1024;

 private:
  struct Owner {
    std::int32_t uncached;
    Pressure pressure;
    std::int32_t replica;
    friend auto operator<=>(const Owner&, const Owner&) = default;
  };
  bool has_room(const QueuedRequest& request, std::int32_t replica) {
    const ReplicaState& state = scene_->state(replica);
    const ReplicaLimits& limits = scene_->cluster().limits(replica);
    const std::int64_t tokens = std::int64_t{state.blocks_used} * limits.block_size + request.num_prefill_tokens;
    return state.num_running + 1 <= limits.batch_size_cap &&
           tokens <= std::int64_t{limits.num_blocks} * limits.block_size;
  }
  std::vector<PrefixHolder> holders_;
  std::vector<Owner> owners_;
};

// Sessions stay where they are, unless the load there has grown too far above that of a random pair's better.
class SglSessionAware final : public SglRouter {
 public:
  SglSessionAware() : SglRouter("sgl_router_session_aware") {}
  void start(Scene& scene, std::uint64_t seed) override {
    SglRouter::start(scene, seed);
    sessions_.start(ticks_from_seconds(idle_s_));
  }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const Time now = scene_->cluster().now();
    std::int32_t bound = sessions_.find(request.session, now);
    const bool there = std::binary_search(candidates.begin(), candidates.end(), bound);
    std::int32_t chosen = bound;
    if (!there) {
      chosen = power_of_two(candidates);
    } else if (fresh(candidates)) {
      const auto least = std::min_element(candidates.begin(), candidates.end(), [&](std::int32_t a, std::int32_t b) {
        return pressure(a, true) < pressure(b, true);
      });
      if (guarded(bound, *least)) chosen = power_of_two(candidates);
    }
    sessions_.bind(request.session, chosen, now);
    return chosen;
  }
  double idle_s_ = 600.0;

 private:
  SessionTable sessions_;
};

// Sessions stay where they are; new ones in turn.
class SglSticky final : public SglRouter {
 public:
  SglSticky() : SglRouter("sgl_router_sticky") {}
  void start(Scene& scene, std::uint64_t seed) override {
    SglRouter::start(scene, seed);
    sessions_.start(ticks_from_seconds(idle_s_));
    turn_ = 0;
  }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const Time now = scene_->cluster().now();
    std::int32_t chosen = sessions_.find(request.session, now);
    if (!std::binary_search(candidates.begin(), candidates.end(), chosen)) {
      chosen = candidates[turn_++ % candidates.size()];
    }
    sessions_.bind(request.session, chosen, now);
    return chosen;
  }
  double idle_s_ = 600.0;

 private:
  SessionTable sessions_;
  std::size_t turn_ = 0;
};

}  // namespace

std::vector<PolicyInfo> sgl_router_policies() {
  const std::string source = "sgl-project/sglang, experimental/sgl-router (2026)";
  const std::string pressure =
      "Pressure is, in this order: uncached prompt tokens that wait, requests that wait, that run, its own in flight; "
      "the "
      "last alone while any report is older than 5 s. Left out: the estimate of the time in the queue.";
  return {
      greedy<SglCacheAware>(
          "sgl_router_cache_aware",
          "SGLang's new router: of the workers that hold at least min_match_tokens of the prompt, by KV "
          "events, and have room for it, the one that has least left to compute; one within 1024 tokens of "
          "that loses to another if its waiting tokens are more by 1024 and by half. Without such workers, "
          "the lower pressure of two random ones. " +
              pressure,
          source)
          .integer(&SglCacheAware::min_match_tokens_, "min_match_tokens", 1024, 1, 1 << 20, ParamScale::log,
                   "tokens of the prompt that a worker must hold to count")
          .reads({Signal::state, Signal::waiting, Signal::cache, Signal::outstanding})
          .done(),
      greedy<SglPowerOfTwo>("sgl_router_power_of_two",
                            "SGLang's new router: the lower pressure of two different random workers. " + pressure,
                            source)
          .reads({Signal::state, Signal::waiting, Signal::outstanding})
          .done(),
      greedy<SglLoadBased>(
          "sgl_router_load_based",
          "SGLang's new router: fewest requests that wait or run by the last report or were sent since, ties at "
          "random; fewest in flight while any report is older than 5 s.",
          source)
          .reads({Signal::state, Signal::waiting, Signal::outstanding})
          .done(),
      greedy<SglSessionAware>("sgl_router_session_aware",
                              "SGLang's new router: sessions stay with their worker until its waiting tokens are more "
                              "than the least loaded one's by 1024 and by half; then, and if they are new, the lower "
                              "pressure of two random workers. " +
                                  pressure,
                              source)
          .real(&SglSessionAware::idle_s_, "idle", 600.0, 1.0, 1e5, ParamScale::log,
                "s without a request after which a session is new")
          .reads({Signal::state, Signal::waiting, Signal::outstanding})
          .done(),
      greedy<SglSticky>("sgl_router_sticky",
                        "SGLang's new router: sessions stay with their worker; new ones go round robin.", source)
          .real(&SglSticky::idle_s_, "idle", 600.0, 1.0, 1e5, ParamScale::log,
                "s without a request after which a session is new")
          .reads({})
          .done(),
  };
}

}  // namespace switchyard
