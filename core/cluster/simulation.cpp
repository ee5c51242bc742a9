#include "core/cluster/simulation.hpp"

#include <algorithm>

#include "core/cluster/cluster.hpp"
#include "core/cluster/engines/vllm_v1_leap_replica.hpp"
#include "core/cluster/engines/vllm_v1_step_replica.hpp"
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
  Cluster<VllmV1LeapReplica> vllm_v1_leap;
  Cluster<VllmV1StepReplica> vllm_v1_step;
  Replay replay;
};

Simulation::Simulation(Kernel kernel) : impl_(std::make_unique<Impl>()) { impl_->kernel = kernel; }
Simulation::~Simulation() = default;
Simulation::Simulation(Simulation&&) noexcept = default;
Simulation& Simulation::operator=(Simulation&&) noexcept = default;

namespace {

// Whether the replicas run vllm_v1.
bool runs_vllm_v1(const ClusterConfig& config) {
  const auto is_v1 = [](const ReplicaKind& kind) { return kind.engine() == EngineKind::vllm_v1; };
  if (std::none_of(config.kinds.begin(), config.kinds.end(), is_v1)) return false;
  if (std::all_of(config.kinds.begin(), config.kinds.end(), is_v1)) return true;
  throw std::invalid_argument("replicas with vllm_v1 and with another engine cannot be simulated together");
}

}  // namespace

const Replay& Simulation::run(const ClusterConfig& config, const Workload& workload, Policy& policy, std::uint64_t seed,
                              Observer* observer, StateSampler* sampler) {
  const auto run = [&](auto& step, auto& leap) {
    if (impl_->kernel == Kernel::step || observer) {
      step.run(config, workload, policy, seed, observer, sampler, impl_->replay);
    } else {
      leap.run(config, workload, policy, seed, nullptr, sampler, impl_->replay);
    }
  };
  if (runs_vllm_v1(config)) {
    run(impl_->vllm_v1_step, impl_->vllm_v1_leap);
  } else {
    run(impl_->step, impl_->leap);
  }
  return impl_->replay;
}

}  // namespace switchyard
