#include "core/cluster/cluster.hpp"
#include "core/cluster/loop.hpp"
#include "core/cluster/step_replica.hpp"

namespace switchyard {

std::unique_ptr<Loop> make_step_loop() { return std::make_unique<LoopOver<Cluster<StepReplica>>>(); }

}  // namespace switchyard
