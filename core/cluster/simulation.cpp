#include "core/cluster/simulation.hpp"

#include "core/cluster/cluster.hpp"
#include "core/cluster/leap_replica.hpp"
#include "core/cluster/step_replica.hpp"

namespace switchyard {

struct Simulation::Impl {
  Kernel kernel;
  Cluster<LeapReplica> leap;
  Cluster<StepReplica> step;
  Replay replay;
};

Simulation::Simulation(Kernel kernel) : impl_(std::make_unique<Impl>()) { impl_->kernel = kernel; }
Simulation::~Simulation() = default;
Simulation::Simulation(Simulation&&) noexcept = default;
Simulation& Simulation::operator=(Simulation&&) noexcept = default;

const Replay& Simulation::run(const ClusterConfig& config, const Workload& workload, Policy& policy, std::uint64_t seed,
                              Observer* observer, StateSampler* sampler) {
  if (impl_->kernel == Kernel::step || observer) {
    impl_->step.run(config, workload, policy, seed, observer, sampler, impl_->replay);
  } else {
    impl_->leap.run(config, workload, policy, seed, nullptr, sampler, impl_->replay);
  }
  return impl_->replay;
}

}  // namespace switchyard
