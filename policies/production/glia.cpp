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
              .reads({Signal::outstanding, Signal::waiting, Signal::state, Signal::requests})
              .done(),
          setting("glia_hra_port",
                  "Glia's HRA as its public port to a router for vLLM places: admission as hra, then to the shortest "
                  "queue, not to the least KV.",
                  "after arXiv 2510.27176 (a public copy of the generated router)")
              .fix("order", "prompt")
              .fix("admit", "growth")
              .fix("idle", "as_others")
              .fix("place", "outstanding")
              .fix("horizon", "0")
              .expose({.name = "decode_ratio", .default_value = "0.6", .doc = "expected output / prompt"})
              .expose({.name = "safety"})
              .reads({Signal::outstanding, Signal::waiting, Signal::state, Signal::requests})
              .done()};
}

}  // namespace switchyard
