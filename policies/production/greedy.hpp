// A router that places each request as it arrives on the replica with the least score.
#pragma once

#include "policies/compose/composed.hpp"
#include "policies/compose/least.hpp"

namespace switchyard {

// Declares Scoring T (or Placement T) as a policy of its own, and binds its parameters.
template <class T>
class GreedyDeclaration : public ParamBindings<T, GreedyDeclaration<T>> {
 public:
  GreedyDeclaration(std::string name, std::string summary, std::string source) {
    info_.name = std::move(name);
    info_.summary = std::move(summary);
    info_.source = std::move(source);
  }

  PolicyInfo done() {
    info_.params = std::move(this->params_);
    info_.make = [setters = std::move(this->setters_)](const ParamValues& values) -> std::unique_ptr<Policy> {
      auto made = std::make_unique<T>();
      GreedyDeclaration::apply(setters, *made, values);
      std::unique_ptr<Placement> placement;
      if constexpr (std::is_base_of_v<Scoring, T>) {
        placement = std::make_unique<Least>(std::move(made));
      } else {
        placement = std::move(made);
      }
      return std::make_unique<Composed>(nullptr, std::vector<std::unique_ptr<Admission>>{}, std::move(placement));
    };
    return std::move(info_);
  }

 private:
  PolicyInfo info_;
};

template <class T>
GreedyDeclaration<T> greedy(std::string name, std::string summary, std::string source) {
  return {std::move(name), std::move(summary), std::move(source)};
}

// Helpers that several routers read their signals with.

// KV blocks that the replica's waiting prompts will take.
inline std::int64_t waiting_blocks(Scene& scene, std::int32_t replica) {
  if (scene.cluster().num_waiting(replica) == 0) return 0;
  const std::int32_t block_size = scene.cluster().limits(replica).block_size;
  std::int64_t blocks = 0;
  for (const ResidentRequest& request : scene.cluster().waiting(replica)) {
    blocks += (request.num_prefill_tokens + block_size - 1) / block_size;
  }
  return blocks;
}

inline double kv_use(const ReplicaState& state) {
  return static_cast<double>(state.blocks_used) / static_cast<double>(state.num_blocks);
}

}  // namespace switchyard
