#include "core/cluster/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/cluster/loop.hpp"
#include "core/cluster/policy_error.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

const char* change_name(ReplicaChange change) {
  constexpr const char* kNames[] = {"fails", "drains", "leaves", "starts", "serves"};
  return kNames[static_cast<std::size_t>(change)];
}

std::uint64_t policy_seed(std::uint64_t workload_seed, std::int32_t router) {
  WorkloadRandom random(workload_seed, WorkloadRandom::Purpose::policy);
  std::uint64_t seed = random.next();
  for (; router > 0; --router) seed = random.next();
  return seed;
}

struct Simulation::Impl {
  Kernel kernel;
  std::unique_ptr<Loop> leap = make_leap_loop();
  std::unique_ptr<Loop> plain_leap = make_plain_leap_loop();
  std::unique_ptr<Loop> step = make_step_loop();
  std::unique_ptr<Loop> vllm_v1_leap = make_vllm_v1_leap_loop();
  std::unique_ptr<Loop> vllm_v1_step = make_vllm_v1_step_loop();
  Replay replay;
  std::vector<std::unique_ptr<Policy>> made;  // of this run
  std::vector<Policy*> policies;
  ClusterConfig config;

  const ClusterConfig& with_interval(const ClusterConfig& given, Time of_policy);
  const Replay& run(const ClusterConfig& its_config, const Workload& workload, const RouterPolicies& its_policies,
                    std::uint64_t seed, Observer* observer, StateSampler* sampler);
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

namespace {

void check(const ClusterConfig& config, std::size_t num_policies) {
  const auto refuse = [](const char* what, std::int64_t found, const char* wanted) {
    throw std::invalid_argument(fmt::format("{}: {} is not allowed; {} is wanted", what, found, wanted));
  };
  const RouterOptions& routers = config.routers;
  if (routers.count < 1 || routers.count > kMostRouters) refuse("routers", routers.count, "a number from 1 to 64");
  if (static_cast<std::size_t>(routers.count) != num_policies) {
    refuse("policies", static_cast<std::int64_t>(num_policies), "one for each router");
  }
  for (const Time time : {routers.dispatch, routers.response, routers.decision, config.signals.interval,
                          config.signals.delay, config.signals.kv_delay}) {
    if (time < 0) refuse("a time of signals or routers, in ticks", time, "0 or more");
  }
}

}  // namespace

namespace {

// Prefill and decode can be apart on vllm_v1 alone, and something has to decode.
void check_roles(const ClusterConfig& config, bool v1) {
  if (!config.is_split()) return;
  if (!v1)
    throw std::invalid_argument("a replica has the role prefill; that takes vllm_v1, and they run another engine");
  for (std::int32_t i = 0; i < config.num_replicas(); ++i) {
    if (config.kind(i).role() != Role::prefill) return;
  }
  throw std::invalid_argument("all replicas have the role prefill; at least one has to decode (decode, both)");
}

// Whether nothing happens but arrivals that are known before, batches and policy calls: one router, to which the
// network takes no time, whose signals are live, and whose policy asks for nothing else. Old snapshots are all that
// `polls` and `requests` speak of, so they ask for nothing here. What is new in one of these structures has to be
// looked at here, or this does not compile.
bool is_plain(const ClusterConfig& config, const Workload& workload, const Policy& policy) {
  const auto& [interval, delay, phase, kv_delay] = config.signals;
  const auto& [count, split, dispatch, response, decision] = config.routers;
  const auto [first_tokens, polls, kv_events, every, waiting_uncached, throughput, requests] = policy.subscription();
  return !config.is_split() && workload.loop.empty() && config.kinds.size() == 1 && config.operations.are_none() &&
         interval == 0 && delay == 0 && kv_delay == 0 && count == 1 && dispatch == 0 && response == 0 &&
         decision == 0 && !first_tokens && !kv_events && every == 0 && !waiting_uncached && !throughput;
}

}  // namespace

const Replay& Simulation::run(const ClusterConfig& config, const Workload& workload, const RoutedBy& policy,
                              std::uint64_t seed, Observer* observer, StateSampler* sampler) {
  if (config.is_split() && !policy.knows_roles) {
    throw PolicyError(
        "it ignores roles, and prefill and decode are apart on this cluster; llq, compose_split, llmd_pd and others do "
        "not (switchyard policies)");
  }
  impl_->made.clear();
  impl_->policies.clear();
  for (std::int32_t router = 0; router < config.routers.count; ++router) {
    impl_->made.push_back(policy.make());
    impl_->policies.push_back(impl_->made.back().get());
  }
  return impl_->run(impl_->with_interval(config, policy.signal_interval), workload,
                    {impl_->policies, policy.reads_snapshots}, seed, observer, sampler);
}

const Replay& Simulation::run(const ClusterConfig& config, const Workload& workload, Policy& policy, std::uint64_t seed,
                              Observer* observer, StateSampler* sampler) {
  Policy* const policies[] = {&policy};
  return impl_->run(impl_->with_interval(config, 0), workload, {policies}, seed, observer, sampler);
}

const ClusterConfig& Simulation::Impl::with_interval(const ClusterConfig& given, Time of_policy) {
  if (given.signals.interval != SignalOptions::kByPolicy) return given;
  config = given;
  config.signals.interval = of_policy;
  return config;
}

const Replay& Simulation::Impl::run(const ClusterConfig& its_config, const Workload& workload,
                                    const RouterPolicies& its_policies, std::uint64_t seed, Observer* observer,
                                    StateSampler* sampler) {
  check(its_config, its_policies.policies.size());
  const bool v1 = runs_vllm_v1(its_config);
  check_roles(its_config, v1);
  // Leaps do not tell of single blocks, nor of each moment of the past. (A request that is tried again may find blocks
  // where its prompt was computed before that no other request has.)
  const bool each_step =
      its_policies.policies.front()->subscription().kv_events ||
      (its_config.signals.interval == 0 && its_config.signals.delay > 0) ||
      (its_config.signals.kv_delay > 0 && its_config.is_split() && its_config.operations.has_failures());
  const bool steps = kernel == Kernel::step || observer || each_step;
  Loop& leaping = is_plain(its_config, workload, *its_policies.policies.front()) ? *plain_leap : *leap;
  Loop& loop = v1 ? (steps ? *vllm_v1_step : *vllm_v1_leap) : (steps ? *step : leaping);
  loop.run(its_config, workload, its_policies, seed, observer, sampler, replay);
  return replay;
}

}  // namespace switchyard
