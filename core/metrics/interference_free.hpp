// What no policy can beat: every request alone on an idle replica.
#pragma once

#include <vector>

#include "core/cluster/simulation.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

// End-to-end time of each request, by id, in ticks, were it the only one on an idle replica: its prefill (in chunks
// under sarathi and vllm_v1) and its decodes follow each other with nothing between. With prefix caching the replica's
// cache is infinite, and holds all that requests before this one have computed. A bound for every policy, clairvoyant
// ones included, as long as a batch never gets shorter by another member; it needs the hidden lengths, so it is for
// reports. The workload must fit (check_fits). The same as a replay of each request by itself; a test holds it to that.
std::vector<Time> interference_free_times(const ClusterConfig& config, const Workload& workload);

}  // namespace switchyard
