#include "core/cluster/cluster.hpp"
#include "core/cluster/engines/vllm_v1_step_replica.hpp"
#include "core/cluster/loop.hpp"

namespace switchyard {

std::unique_ptr<Loop> make_vllm_v1_step_loop() { return std::make_unique<LoopOver<Cluster<VllmV1StepReplica>>>(); }

}  // namespace switchyard
