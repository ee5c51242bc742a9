#include "policies/compose/setting.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// The control: what a router should not do.
class AlwaysBusiest final : public Scoring {
 public:
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    return {-double(state.num_waiting + state.num_running + scene_->cluster().outstanding(replica)), 0};
  }
};

}  // namespace

std::vector<PolicyInfo> blis_policies() {
  const std::string source = "inference-sim/inference-sim, sim/routing*.go";
  return {
      setting("blis_weighted",
              "BLIS, weighted: highest weighted sum of scorers, ties at random. By default what engines hold of the "
              "prompt 2, scaled over them, waiting requests 1, KV use 1. Its other scorers are among compose's.",
              source)
          .fix("place", "pick")
          .fix("by", "scorers")
          .fix("ties", "random")
          .fix("w_prefix_scale", "minmax")
          .expose({.name = "w_prefix", .as = "precise_prefix_cache", .default_value = "2"})
          .expose({.name = "w_queue", .as = "queue_depth", .default_value = "1"})
          .expose({.name = "w_kv", .as = "kv_utilization", .default_value = "1"})
          .expose({.name = "w_no_hit_lru", .as = "no_hit_lru"})
          .expose({.name = "w_active", .as = "active_requests"})
          .expose({.name = "w_running", .as = "running_requests"})
          .expose({.name = "w_load_aware", .as = "load_aware"})
          .expose({.name = "w_dp", .as = "vllm_dp"})
          .reads({Signal::outstanding, Signal::state, Signal::cache})
          .done(),
      setting("blis_least_loaded", "BLIS, least-loaded: fewest waiting + running + own requests in flight.", source)
          .fix("place", "scorers")
          .fix("w_requests", "1")
          .fix("w_queue", "0")
          .fix("w_kv", "0")
          .fix("w_prefix", "0")
          .reads({Signal::outstanding, Signal::state})
          .done(),
      greedy<AlwaysBusiest>("blis_always_busiest",
                            "BLIS's control: most waiting + running + own requests in flight, what a router should not "
                            "do.",
                            source)
          .reads({Signal::outstanding, Signal::state})
          .done(),
  };
}

}  // namespace switchyard
