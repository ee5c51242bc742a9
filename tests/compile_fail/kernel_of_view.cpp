// Refused: kernel_.* is (a )?private
// A view does not hand out the kernel behind it.
#include "core/api/policy.hpp"

const switchyard::ReplicaLimits& limits(switchyard::ClusterView& cluster) {
#ifdef REFUSED
  return cluster.kernel_->limits_of(0);
#else
  return cluster.limits(0);
#endif
}
