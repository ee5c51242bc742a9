// The cache_aware policy of SGLang's gateway, and of the routers that were forked from it.
#pragma once

#include <string>

#include "core/api/policy.hpp"

namespace switchyard {

// What the versions differ in.
struct CacheAwareVersion {
  double cache_threshold = 0.3;
  std::int32_t balance_abs = 64;
  double balance_rel = 1.5;
  double eviction_interval_s = 60;
  std::int32_t max_tree_size = 1 << 26;  // tokens
  bool kv_gates = false;                 // has the thresholds of KV use
  bool events = false;                   // can go by KV events
  bool smallest_tree = false;            // its miss can be made the old one
  double session_ttl_s = 0;              // idle sessions are kept for so long, and go where they were; 0: not looked at
};

PolicyInfo cache_aware_policy(std::string name, std::string summary, std::string source, CacheAwareVersion version);

}  // namespace switchyard
