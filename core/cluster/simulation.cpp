#include "core/cluster/simulation.hpp"

#include "core/cluster/cluster.hpp"
#include "core/cluster/leap_replica.hpp"
#include "core/cluster/step_replica.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

std::uint64_t policy_seed(std::uint64_t workload_seed) {
  return WorkloadRandom(workload_seed, WorkloadRandom::Purpose::policy).next();
}

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

namespace {

void check_engines(const ClusterConfig& config) {
  for (const ReplicaKind& kind : config.kinds) {
    if (kind.engine() == EngineKind::vllm_v1) throw std::invalid_argument("vllm_v1 cannot be simulated yet");
  }
}

}  // namespace

const Replay& Simulation::run(const ClusterConfig& config, const Workload& workload, Policy& policy, std::uint64_t seed,
                              Observer* observer, StateSampler* sampler) {
  check_engines(config);
  if (impl_->kernel == Kernel::step || observer) {
    impl_->step.run(config, workload, policy, seed, observer, sampler, impl_->replay);
  } else {
    impl_->leap.run(config, workload, policy, seed, nullptr, sampler, impl_->replay);
  }
  return impl_->replay;
}

}  // namespace switchyard
