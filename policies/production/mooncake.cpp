#include "policies/prefix/held_tokens.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// Algorithm 1 of the paper, without transfers: the least time to first token that a profile predicts.
class Conductor final : public Scoring {
 public:
  void ask(Subscription& asked) const override { asked.requests = true; }
  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    held_.reset(scene.cluster().num_replicas());
  }
  void look(const QueuedRequest& request, std::span<const std::int32_t>) override {
    held_.read(scene_->cluster(), request.id);
  }
  Score score(const QueuedRequest& request, std::int32_t replica) override {
    const ClusterView& cluster = scene_->cluster();
    const BatchTimes times = cluster.batch_times(replica);
    Time queue = 0;
    for (const ResidentRequest& waiting : cluster.waiting(replica)) queue += times.prefill(waiting.num_prefill_tokens);
    queue += times.prefill(scene_->state(replica).remaining_prefill_tokens);
    const Time own = times.prefill(request.num_prefill_tokens) - times.prefill(held_.of(replica));
    return {static_cast<double>(queue + own), 0};
  }
  double shown(const Score& score) const override { return score.value / static_cast<double>(kTicksPerSecond); }  // s

 private:
  HeldTokens held_;
};

}  // namespace

std::vector<PolicyInfo> mooncake_policies() {
  return {
      greedy<Conductor>("mooncake_conductor",
                        "Mooncake's conductor as its paper has it: least prefill time of what waits and runs there + "
                        "own prefill after what is cached there. Reads prompts, caches, a profile of batch times. Left "
                        "out: transfers from the best holder (there is no cache between replicas here), refusing what "
                        "would miss its objective; its code selects nothing.",
                        "Qin et al., Mooncake, arXiv 2407.00079, algorithm 1")
          .reads({Signal::state, Signal::requests, Signal::cache})
          .done()};
}

}  // namespace switchyard
