// The routers of serving systems. A file a router, or a system; each says which signals it reads and what of the system
// it leaves out.
#pragma once

#include <vector>

#include "core/api/policy.hpp"

namespace switchyard {

std::vector<PolicyInfo> vllm_policies();
std::vector<PolicyInfo> cache_aware_policies();
std::vector<PolicyInfo> vllm_stack_policies();
std::vector<PolicyInfo> vllm_router_policies();
std::vector<PolicyInfo> vllm_router_program_policies();
std::vector<PolicyInfo> sglang_policies();
std::vector<PolicyInfo> sgl_router_policies();
std::vector<PolicyInfo> smg_session_policies();
std::vector<PolicyInfo> llmd_policies();
std::vector<PolicyInfo> llmd_latency_policies();
std::vector<PolicyInfo> aibrix_policies();
std::vector<PolicyInfo> aibrix_prefix_cache_policies();
std::vector<PolicyInfo> aibrix_preble_policies();
std::vector<PolicyInfo> aibrix_session_policies();
std::vector<PolicyInfo> aibrix_multi_policies();
std::vector<PolicyInfo> aibrix_slo_policies();
std::vector<PolicyInfo> dynamo_policies();
std::vector<PolicyInfo> llumnix_policies();
std::vector<PolicyInfo> preble_policies();
std::vector<PolicyInfo> ray_policies();
std::vector<PolicyInfo> glia_policies();
std::vector<PolicyInfo> kubeai_policies();
std::vector<PolicyInfo> trtllm_policies();
std::vector<PolicyInfo> blis_policies();
std::vector<PolicyInfo> mooncake_policies();
std::vector<PolicyInfo> apart_policies();  // prefill and decode

}  // namespace switchyard
