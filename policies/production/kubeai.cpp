#include "policies/compose/setting.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

std::vector<PolicyInfo> kubeai_policies() {
  return {
      setting("kubeai_least_load", "KubeAI's default: fewest requests in flight. Reads its own requests.",
              "kubeai-project/kubeai, api/k8s/v1/model_types.go")
          .fix("place", "outstanding")
          .reads({Signal::outstanding})
          .done(),
      setting(
          "kubeai_prefix_hash",
          "KubeAI's PrefixHash: a hash of the prompt's first 100 characters (25 tokens) on a ring, and along the ring "
          "to the first pod whose requests in flight, this one included, are at most 1.25 times its share. Reads its "
          "own requests and prompts.",
          "kubeai-project/kubeai, internal/loadbalancer/balance_chwbl.go")
          .fix("place", "ring")
          .reads({Signal::outstanding})
          .expose({.name = "ring_tokens", .as = "prefix_tokens"})
          .expose({.name = "ring_nodes", .as = "replication", .doc = "places of a pod on the ring"})
          .expose({.name = "ring_bound", .as = "mean_load", .doc = "most requests of a pod, as a multiple of the mean"})
          .done(),
  };
}

}  // namespace switchyard
