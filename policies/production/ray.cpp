#include "policies/compose/setting.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

std::vector<PolicyInfo> ray_policies() {
  return {setting("ray_power_of_two",
                  "Ray Serve: the shorter queue of two different random replicas. Reads ongoing requests. Left out: "
                  "max_ongoing_requests, locality, stale queue lengths.",
                  "ray-project/ray, Ray Serve's power of two choices router")
              .fix("place", "power_of_d")
              .done()};
}

}  // namespace switchyard
