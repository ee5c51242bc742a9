#include "core/cluster/cluster.hpp"
#include "core/cluster/leap_replica.hpp"
#include "core/cluster/loop.hpp"

namespace switchyard {

std::unique_ptr<Loop> make_plain_leap_loop() { return std::make_unique<LoopOver<Cluster<LeapReplica, true>>>(); }

}  // namespace switchyard
