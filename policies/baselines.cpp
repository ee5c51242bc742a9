// Textbook routers, and the best published one. All are settings of compose.
#include "policies/compose/composed.hpp"
#include "policies/compose/setting.hpp"
#include "policies/declarations.hpp"

namespace switchyard {

namespace {

// Where prefill and decode are apart, it places prompts in one pool and what follows in the other.
PolicyInfo in_both_pools(PolicyInfo info) {
  info.knows_roles = true;
  info.make = [make = std::move(info.make)](const ParamValues& values) {
    std::unique_ptr<Policy> made = make(values);
    dynamic_cast<Composed&>(*made).serves_both_pools = true;
    return made;
  };
  return info;
}

}  // namespace

std::vector<PolicyInfo> baseline_policies() {
  std::vector<PolicyInfo> policies = {
      setting("random", "A uniformly random replica.").fix("place", "random").done(),
      setting("round_robin", "The k-th request goes to replica k modulo the number of replicas.")
          .fix("place", "round_robin")
          .done(),
      setting("lor", "Vidur's least outstanding requests: fewest waiting requests; running ones do not count.",
              "microsoft/vidur")
          .fix("place", "waiting")
          .reads({Signal::waiting})
          .done(),
      setting("llq", "Least-loaded queue: fewest waiting and running requests.", "arXiv 2510.27176 (as its baseline)")
          .fix("place", "outstanding")
          .reads({Signal::outstanding})
          .done(),
      setting("power_of_two", "The less loaded (waiting and running) of two different random replicas.",
              "Mitzenmacher 2001, The Power of Two Choices in Randomized Load Balancing")
          .fix("place", "power_of_d")
          .reads({Signal::outstanding})
          .done(),
      setting("prefix_cost",
              "Fewest prompt tokens to compute: prompt - cached tokens + weight * outstanding requests, ties to the "
              "lowest id. The plainest router that goes by both prefix caches and load.")
          .fix("place", "uncached")
          .expose({.name = "request_tokens", .as = "weight"})
          .reads({Signal::outstanding, Signal::cache})
          .done(),
      setting("hra",
              "Head-Room Admission: shortest prompt first, to the replica with the least KV, once it has room for the "
              "prompt and an output in proportion to it.",
              "arXiv 2510.27176")
          .fix("order", "prompt")
          .fix("admit", "growth")
          .fix("idle", "as_others")
          .fix("place", "committed")
          .fix("horizon", "0")
          .expose({.name = "decode_ratio", .default_value = "0.6", .doc = "expected output / prompt"})
          .expose({.name = "safety"})
          .reads({Signal::outstanding, Signal::waiting, Signal::state, Signal::requests})
          .done(),
  };
  for (PolicyInfo& info : policies) {
    if (info.name != "hra") info = in_both_pools(std::move(info));
  }
  return policies;
}

}  // namespace switchyard
