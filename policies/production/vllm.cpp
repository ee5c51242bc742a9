#include <algorithm>

#include "policies/production/greedy.hpp"
#include "policies/production/own_dispatches.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// vLLM's balancer over data-parallel engines, whose rule changed in July 2026. Counts are those that each engine has
// published, the router's own requests those that it has not seen return.
class DataParallel final : public Placement {
 public:
  enum class Version { v2026_07, before_2026_07 };

  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    const bool newest = version_ == Version::v2026_07;
    ties_.start(newest ? Ties::rotate : Ties::first, RandomStream(seed, "vllm_dp"));
    own_.start(scene.cluster().num_replicas());
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void assigned(const QueuedRequest&, std::int32_t replica) override {
    own_.add(scene_->state(replica), replica, api_servers_);
  }

  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    scores_.clear();
    // Before July 2026 each client's scan starts at an engine of its own, always the same one.
    const std::size_t n = candidates.size();
    const std::size_t first = version_ == Version::before_2026_07 ? first_of_client(n) : 0;
    for (std::size_t i = 0; i < n; ++i) scores_.push_back({score(candidates[(first + i) % n]), 0});
    return candidates[(first + ties_.least(scores_)) % n];
  }

  void scores(const QueuedRequest&, std::span<const std::int32_t> candidates,
              std::vector<double>& scores) const override {
    for (const std::int32_t replica : candidates) scores.push_back(score(replica));
  }

  Version version_ = Version::v2026_07;
  double waiting_weight_ = 4.0;
  std::int32_t api_servers_ = 1;

 private:
  double score(std::int32_t replica) const {
    const ReplicaState& state = scene_->state(replica);
    // Until the next snapshot each request that was sent counts as waiting, once for each API server.
    const std::int64_t waiting = state.num_waiting + own_.since(state, replica, scene_->cluster().now());
    if (version_ == Version::before_2026_07) return waiting_weight_ * double(waiting) + state.num_running;
    // Each of the API servers sends about as many as this one does: that bounds what the counts leave out.
    const double own = double(api_servers_) * scene_->cluster().outstanding(replica);
    const double load = std::max(own, double(waiting + state.num_running));
    return waiting > 0 ? load + double(waiting) * 6.0 * std::max(0.0, kv_use(state) - 0.5) : load;
  }

  std::size_t first_of_client(std::size_t num_engines) const {
    const ClusterView& cluster = scene_->cluster();
    return num_engines * static_cast<std::size_t>(cluster.router()) / static_cast<std::size_t>(cluster.num_routers());
  }

  TieBreaker ties_;
  OwnDispatches own_;
  std::vector<Score> scores_;
};

}  // namespace

std::vector<PolicyInfo> vllm_policies() {
  using P = DataParallel;
  return {
      greedy<P>(
          "vllm_dp",
          "vLLM's data-parallel balancer: least max(api_servers * own requests in flight, waiting + running), and "
          "where requests wait, waiting * 6 * max(0, KV use - 0.5) more; ties rotate. Before July 2026: least "
          "waiting_weight * waiting + running, the first of equals from an engine on that is each client's own. Left "
          "out: dense models published no counts "
          "then, so that only the client's own increments decided, in effect round robin.",
          "vllm-project/vllm, vllm/v1/engine/core_client.py")
          .choice(&P::version_, "version", {"v2026_07", "before_2026_07"}, P::Version::v2026_07,
                  "the rule since July 2026 (#49204, #47420), or the one before")
          .real(&P::waiting_weight_, "waiting_weight", 4.0, 0.0, 64.0, ParamScale::linear,
                "running requests that a waiting one counts as")
          .only_if("version", {"before_2026_07"})
          .integer(&P::api_servers_, "api_servers", 1, 1, 64, ParamScale::log, "API server processes, C in the source")
          .reads({Signal::outstanding, Signal::state}, 0.1)
          .done()};
}

}  // namespace switchyard
