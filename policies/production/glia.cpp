#include "policies/compose/setting.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

// Glia's other router, hra, is in baselines.cpp.
std::vector<PolicyInfo> glia_policies() {
  return {setting("glia_expert",
                  "Glia's expert: a replica takes requests while the blocks it is committed to, in use or for waiting "
                  "prompts, stay below a threshold; shortest prompt first. The paper does not print the threshold: "
                  "the default is ours.",
                  "arXiv 2510.27176 (its expert baseline)")
              .fix("order", "prompt")
              .fix("admit", "growth")
              .fix("place", "committed")
              .fix("horizon", "0")
              .fix("decode_ratio", "0")
              .expose({.name = "safety",
                       .default_value = "0.1",
                       .doc = "1 - threshold: share of the KV blocks that is not committed"})
              .done()};
}

}  // namespace switchyard
