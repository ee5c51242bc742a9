// Refused: (discards qualifiers|not marked const)
// Only a policy call may assign: the view given to start() is const.
#include "core/api/policy.hpp"

void start(const switchyard::ClusterView& cluster, switchyard::ClusterView& in_a_call) {
#ifdef REFUSED
  cluster.assign(0, 0);
#else
  in_a_call.assign(cluster.first_queued(), 0);
#endif
}
