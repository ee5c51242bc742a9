// The event loop over one kind of replica, behind an interface. Each is compiled in a file of its own: side by side in
// one they are so much code that GCC inlines less of each, and replays take a tenth longer.
#pragma once

#include <memory>

#include "core/cluster/router.hpp"
#include "core/cluster/simulation.hpp"

namespace switchyard {

class Loop {
 public:
  virtual ~Loop() = default;
  virtual void run(const ClusterConfig& config, const Workload& workload, const RouterPolicies& policies,
                   std::uint64_t seed, Observer* observer, StateSampler* sampler, Replay& replay) = 0;
};

std::unique_ptr<Loop> make_step_loop();
std::unique_ptr<Loop> make_leap_loop();
std::unique_ptr<Loop> make_plain_leap_loop();  // of the commonest replays: see is_plain
std::unique_ptr<Loop> make_vllm_v1_step_loop();
std::unique_ptr<Loop> make_vllm_v1_leap_loop();

// For the files that make them: they include core/cluster/cluster.hpp before.
template <class Cluster>
class LoopOver final : public Loop {
 public:
  void run(const ClusterConfig& config, const Workload& workload, const RouterPolicies& policies, std::uint64_t seed,
           Observer* observer, StateSampler* sampler, Replay& replay) override {
    cluster_.run(config, workload, policies, seed, observer, sampler, replay);
  }

 private:
  Cluster cluster_;
};

}  // namespace switchyard
