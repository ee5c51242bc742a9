// SGLang's gateway for requests with a key, here their session.
#include <algorithm>

#include "policies/fifo.hpp"
#include "policies/picking/hash_ring.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"
#include "policies/production/session_table.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

namespace {

std::int32_t any_of(RandomStream& stream, std::span<const std::int32_t> candidates) {
  return candidates[static_cast<std::size_t>(stream.below(static_cast<std::int32_t>(candidates.size())))];
}

// The worker at the place of the session on a ring; without a session a random one.
class SmgConsistentHashing final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    ring_.reset(scene.cluster().num_replicas(), kVirtualNodes);
    stream_ = RandomStream(seed, "smg_consistent_hashing");
  }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    if (request.session < 0) return any_of(stream_, candidates);
    return ring_.walk(session_key(request.session), [&](std::int32_t replica) {
      return std::binary_search(candidates.begin(), candidates.end(), replica);
    });
  }

 private:
  static constexpr std::int32_t kVirtualNodes = 150;
  HashRing ring_;
  RandomStream stream_;
};

// Sessions stay with the worker that they were first given to.
class SmgManual final : public Placement {
 public:
  enum class Assignment { random, min_load, min_group };

  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    stream_ = RandomStream(seed, "smg_manual");
    bound_.clear();
    live_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), 0);
    by_use_.clear();
    swept_at_ = 0;
  }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const Time now = scene_->cluster().now();
    sweep(now);
    if (request.session < 0) return any_of(stream_, candidates);
    const auto session = static_cast<std::size_t>(request.session);
    if (session >= bound_.size()) bound_.resize(session + 1);
    std::int32_t replica = bound_[session].replica;
    if (!std::binary_search(candidates.begin(), candidates.end(), replica)) {
      if (replica >= 0) --live_[static_cast<std::size_t>(replica)];
      replica = assign(candidates);
      ++live_[static_cast<std::size_t>(replica)];
    }
    bound_[session] = {replica, now};
    by_use_.push_back({request.session, now});
    return replica;
  }
  Assignment assignment_ = Assignment::random;
  double idle_s_ = 14400.0;

 private:
  static constexpr Time kSweep = 60 * kTicksPerSecond;
  struct Bound {
    std::int32_t replica = -1;  // -1: new
    Time used_at = 0;
  };
  struct Use {
    std::int32_t session;
    Time at;
  };
  // A new session, ties at random.
  std::int32_t assign(std::span<const std::int32_t> candidates) {
    if (assignment_ == Assignment::random) return any_of(stream_, candidates);
    best_.clear();
    std::int64_t least = INT64_MAX;
    for (const std::int32_t replica : candidates) {
      const std::int64_t load = assignment_ == Assignment::min_load ? scene_->cluster().outstanding(replica)
                                                                    : live_[static_cast<std::size_t>(replica)];
      if (load < least) best_.clear();
      least = std::min(least, load);
      if (load == least) best_.push_back(replica);
    }
    return best_.size() == 1 ? best_.front() : any_of(stream_, best_);
  }
  // Sessions that were idle for too long are forgotten, once a minute.
  void sweep(Time now) {
    if (now - swept_at_ < kSweep) return;
    swept_at_ = now - now % kSweep;
    const Time idle = ticks_from_seconds(idle_s_);
    while (!by_use_.empty() && swept_at_ - by_use_.front().at > idle) {
      Bound& bound = bound_[static_cast<std::size_t>(by_use_.front().session)];
      if (bound.replica >= 0 && bound.used_at == by_use_.front().at) {
        --live_[static_cast<std::size_t>(bound.replica)];
        bound.replica = -1;
      }
      by_use_.pop_front();
    }
  }

  RandomStream stream_;
  std::vector<Bound> bound_;  // by session
  Fifo<Use> by_use_;
  std::vector<std::int64_t> live_;  // sessions, per worker
  std::vector<std::int32_t> best_;
  Time swept_at_ = 0;
};

}  // namespace

std::vector<PolicyInfo> smg_session_policies() {
  const std::string folder = "lightseekorg/smg, model_gateway/src/policies/";
  return {
      greedy<SmgConsistentHashing>(
          "smg_consistent_hashing",
          "SGLang gateway: the worker at the hash of the session on a ring of 150 places a worker; a request without a "
          "session goes to a random one. The session stands for the routing key; other keys (target worker, client "
          "address, cookies) are not in workloads.",
          folder + "consistent_hashing.rs")
          .reads({})
          .done(),
      greedy<SmgManual>(
          "smg_manual",
          "SGLang gateway: sessions stay with their worker, whatever its load, until they are idle; a request "
          "without a session goes to a random one. Left out: the second worker for when the first fails.",
          folder + "manual.rs")
          .choice(&SmgManual::assignment_, "assignment", {"random", "min_load", "min_group"},
                  SmgManual::Assignment::random,
                  "where a new session goes: any, fewest requests in flight, fewest live sessions; ties at random")
          .real(&SmgManual::idle_s_, "idle", 14400.0, 1.0, 1e6, ParamScale::log,
                "s without a request after which a session is forgotten")
          .reads({Signal::outstanding})
          .done(),
  };
}

}  // namespace switchyard
