// Loads of an engine, and what a client that benchmarks it would save.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "core/cost/source.hpp"
#include "tests/support/bench_client.hpp"

namespace switchyard {

// Poisson arrivals, or all at once; prompts of a wide lognormal distribution.
inline std::vector<RawRequest> light_requests(double qps, double seconds, std::uint64_t seed, bool at_once = false) {
  WorkloadRandom random(seed, WorkloadRandom::Purpose::model);
  std::vector<RawRequest> rows;
  for (double at = 0; (at += -std::log(1 - random.uniform()) / qps) < seconds;) {
    const double prompt = std::exp(6.2 + 1.0 * random.normal());
    rows.push_back({.arrived_at_s = at_once ? 0.0 : at,
                    .num_prefill_tokens = static_cast<std::int32_t>(std::clamp(prompt, 32.0, 4000.0)),
                    .num_decode_tokens = 50 + static_cast<std::int32_t>(random.below(300))});
  }
  return rows;
}

inline VllmV1Options roomy_engine() {
  VllmV1Options engine;
  engine.num_gpu_blocks = 60000;
  engine.max_num_batched_tokens = 8192;
  engine.max_model_len = 8192;
  return engine;
}

inline std::shared_ptr<const StepTimes> steps_of(const CostSource& source) {
  return {source.model, source.model->steps()};
}

constexpr FrontEnd kFrontEnd = {6, 22, 3.5};

// What `vllm bench serve --save-detailed` would leave of these requests: each step 1% off.
inline std::string client_result(const std::shared_ptr<const StepTimes>& truth, std::vector<RawRequest> rows,
                                 double host_request_us) {
  for (RawRequest& row : rows) row.arrived_at_s += 1e-3 * kFrontEnd.latency_ms;
  const Workload workload = make_workload("light", rows);
  const CostModel noisy("noisy", std::make_shared<NoisySteps>(truth, 0.01, host_request_us));
  BenchClient client(workload, kFrontEnd);
  CappedReplica policy;
  Simulation simulation(Kernel::step);
  simulation.run(ClusterConfig::uniform(1, ReplicaKind(roomy_engine(), noisy)), workload, policy, 1, &client);
  return client.result();
}

}  // namespace switchyard
