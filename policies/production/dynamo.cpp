#include "policies/compose/softmax.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// Cost in KV blocks: prompts to be computed, this one included, and blocks that decode.
class KvRouter final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    draw_ = SoftmaxDraw(RandomStream(seed, "dynamo_cost"));
  }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    costs_.clear();
    for (const std::int32_t replica : candidates) costs_.push_back({cost(request, replica), 0});
    return candidates[draw_.choose(costs_, router_temperature_)];
  }
  double prefill_load_scale_ = 1.0;
  double router_temperature_ = 0.0;

 private:
  double cost(const QueuedRequest& request, std::int32_t replica) {
    const ReplicaState& state = scene_->state(replica);
    const double block_size = scene_->cluster().limits(replica).block_size;
    const auto prefill =
        static_cast<double>(state.waiting_prefill_tokens + state.remaining_prefill_tokens + request.num_prefill_tokens);
    const auto decode = static_cast<double>(state.blocks_used + waiting_blocks(*scene_, replica));
    return prefill_load_scale_ * prefill / block_size + decode;
  }
  SoftmaxDraw draw_;
  std::vector<Score> costs_;
};

}  // namespace

std::vector<PolicyInfo> dynamo_policies() {
  using P = KvRouter;
  return {greedy<P>("dynamo_cost",
                    "NVIDIA Dynamo's KV router: cost = prefill_load_scale * (prompt tokens to be computed, this one's "
                    "included, in blocks) + blocks that decode; least cost, or softmax of the cost scaled over the "
                    "workers. Left out: prefix overlap.",
                    "ai-dynamo/dynamo, KV router: cost function, router temperature")
              .real(&P::prefill_load_scale_, "prefill_load_scale", 1.0, 0.0, 16.0, ParamScale::linear,
                    "decode blocks that a prefill block counts as")
              .real(&P::router_temperature_, "router_temperature", 0.0, 0.0, 4.0, ParamScale::linear,
                    "0: the least cost; the higher, the more random")
              .done()};
}

}  // namespace switchyard
