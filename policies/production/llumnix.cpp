#include <limits>

#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

class Freeness final : public Scoring {
 public:
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    if (state.outstanding() == 0) return {-std::numeric_limits<double>::infinity(), 0};
    const auto free = static_cast<double>(state.blocks_free() - waiting_blocks(*scene_, replica));
    return {-free / state.outstanding(), 0};
  }
};

class BlocksRatio final : public Scoring {
 public:
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    return {static_cast<double>(state.blocks_used + waiting_blocks(*scene_, replica)) / state.num_blocks, 0};
  }
};

}  // namespace

std::vector<PolicyInfo> llumnix_policies() {
  const std::string source = "Sun et al., Llumnix, OSDI 2024; llumnix-project/llumnix-ray, llumnix/load_computation.py";
  return {
      greedy<Freeness>(
          "llumnix_freeness",
          "Llumnix: most decode steps that its memory lasts for, (free blocks - waiting blocks) / (running "
          "+ waiting). Left out: migration, priorities, virtual usage of de-fragmentation.",
          source)
          .done(),
      greedy<BlocksRatio>("llumnix_load",
                          "Llumnix: least share of KV blocks wanted, (used + waiting) / total. Left out: migration.",
                          source)
          .done(),
  };
}

}  // namespace switchyard
