// The figures of one replay. Each is defined by formula in core/metrics/README.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/cluster/simulation.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

struct Summary {
  std::int64_t num_requests = 0;
  std::int64_t num_batches = 0;
  std::int64_t num_restarts = 0;
  std::int64_t num_extrapolated_batches = 0;
  double mean_e2e_s = 0, p50_e2e_s = 0, p90_e2e_s = 0, p99_e2e_s = 0;
  double mean_ttft_s = 0, p99_ttft_s = 0;
  double mean_tpot_s = 0, p99_tpot_s = 0;
  double longest_queue_wait_s = 0;
  double makespan_s = 0;
  double throughput_rps = 0;
  double kv_use_mean = 0, kv_use_peak = 0;
  double imbalance = 0;
};

// One declaration a figure, from which reports, tables and files take names, units and docs.
struct SummaryField {
  std::string name;
  std::string doc;
  double (*get)(const Summary&);
  bool whole = false;  // a count
};
const std::vector<SummaryField>& summary_fields();

Summary summarize(const Replay& replay, const Workload& workload, const ClusterConfig& config);

}  // namespace switchyard
