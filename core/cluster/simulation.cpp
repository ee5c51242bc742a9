#include "core/cluster/simulation.hpp"

#include <algorithm>

#include "core/cluster/loop.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

std::uint64_t policy_seed(std::uint64_t workload_seed) {
  return WorkloadRandom(workload_seed, WorkloadRandom::Purpose::policy).next();
}

struct Simulation::Impl {
  Kernel kernel;
  std::unique_ptr<Loop> leap = make_leap_loop();
  std::unique_ptr<Loop> step = make_step_loop();
  std::unique_ptr<Loop> vllm_v1_leap = make_vllm_v1_leap_loop();
  std::unique_ptr<Loop> vllm_v1_step = make_vllm_v1_step_loop();
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
  const bool v1 = runs_vllm_v1(config);
  // Leaps do not tell of single blocks.
  const bool steps = impl_->kernel == Kernel::step || observer || policy.subscription().kv_events;
  Loop& loop = v1 ? (steps ? *impl_->vllm_v1_step : *impl_->vllm_v1_leap) : (steps ? *impl_->step : *impl_->leap);
  loop.run(config, workload, policy, seed, observer, sampler, impl_->replay);
  return impl_->replay;
}

}  // namespace switchyard
