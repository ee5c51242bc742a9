// vLLM's own router, a fork of SGLang's gateway.
#include "policies/compose/setting.hpp"
#include "policies/production/cache_aware.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

std::vector<PolicyInfo> vllm_router_policies() {
  const std::string source = "vllm-project/router, src/policies";
  return {
      cache_aware_policy(
          "vllm_router",
          "vLLM's router's default: a session goes where it was; else a prompt of which more than cache_threshold is "
          "in a "
          "radix tree goes to the owner of that prefix; else, and for all while the loads are imbalanced, fewest in "
          "flight. Works on pages of 16 tokens where the real one compares characters. Left out: program scheduling.",
          source + "/cache_aware.rs",
          {.cache_threshold = 0.5,
           .balance_abs = 32,
           .balance_rel = 1.1,
           .eviction_interval_s = 30,
           .max_tree_size = 10000,
           .session_ttl_s = 3600}),
      setting("vllm_router_consistent_hash",
              "vLLM's router: consistent hashing of the session, or of the whole prompt where the client tells none. "
              "Load is never looked at.",
              source)
          .fix("place", "ring")
          .fix("ring_key", "session")
          .fix("ring_tokens", "100000")
          .fix("ring_bound", "100")
          .expose({.name = "ring_nodes", .as = "virtual_nodes", .default_value = "160"})
          .reads({Signal::outstanding})
          .done(),
      setting("vllm_router_rendezvous",
              "vLLM's router: rendezvous hashing of the session, or of the whole prompt where the client tells none.",
              source)
          .fix("place", "rendezvous")
          .fix("hashed", "session")
          .fix("hashed_tokens", "100000")
          .reads({Signal::outstanding})
          .done(),
  };
}

}  // namespace switchyard
