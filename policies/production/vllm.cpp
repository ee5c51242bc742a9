#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

class DataParallel final : public Scoring {
 public:
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const ClusterView& cluster = scene_->cluster();
    const std::int32_t waiting = cluster.num_waiting(replica);
    return {waiting_weight_ * waiting + (cluster.outstanding(replica) - waiting), 0};
  }
  double waiting_weight_ = 4.0;
};

}  // namespace

std::vector<PolicyInfo> vllm_policies() {
  using P = DataParallel;
  return {greedy<P>("vllm_dp",
                    "vLLM's data-parallel balancer: least waiting_weight * waiting + running. Reads both counts. Left "
                    "out: its counts are up to 100 ms old.",
                    "vllm-project/vllm, vllm/v1/engine/core_client.py")
              .real(&P::waiting_weight_, "waiting_weight", 4.0, 0.0, 64.0, ParamScale::linear,
                    "running requests that a waiting one counts as")
              .done()};
}

}  // namespace switchyard
