#include "core/metrics/summary.hpp"

#include <algorithm>
#include <cmath>

namespace switchyard {

namespace {

// Nearest-rank quantile: the smallest value that at least a share q of the values do not exceed. Reorders `values`.
template <class T>
T quantile(std::vector<T>& values, double q) {
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double mean_seconds(const std::vector<Time>& times) {
  Int128 sum = 0;
  for (const Time time : times) sum += time;
  return static_cast<double>(sum) / static_cast<double>(times.size()) / static_cast<double>(kTicksPerSecond);
}

}  // namespace

const std::vector<SummaryField>& summary_fields() {
  static const std::vector<SummaryField> fields = {
      {"mean_e2e_s", "mean end-to-end time, s", [](const Summary& s) { return s.mean_e2e_s; }},
      {"p50_e2e_s", "median end-to-end time, s", [](const Summary& s) { return s.p50_e2e_s; }},
      {"p90_e2e_s", "90th percentile of end-to-end time, s", [](const Summary& s) { return s.p90_e2e_s; }},
      {"p99_e2e_s", "99th percentile of end-to-end time, s", [](const Summary& s) { return s.p99_e2e_s; }},
      {"mean_ttft_s", "mean time to first token, s", [](const Summary& s) { return s.mean_ttft_s; }},
      {"p99_ttft_s", "99th percentile of time to first token, s", [](const Summary& s) { return s.p99_ttft_s; }},
      {"mean_tpot_s", "mean time per output token after the first, s", [](const Summary& s) { return s.mean_tpot_s; }},
      {"p99_tpot_s", "99th percentile of the same, s", [](const Summary& s) { return s.p99_tpot_s; }},
      {"longest_queue_wait_s", "longest wait in the global queue, s",
       [](const Summary& s) { return s.longest_queue_wait_s; }},
      {"makespan_s", "time of the last completion, s", [](const Summary& s) { return s.makespan_s; }},
      {"throughput_rps", "completed requests per second of makespan",
       [](const Summary& s) { return s.throughput_rps; }},
      {"kv_use_mean", "mean share of the KV capacity that holds tokens",
       [](const Summary& s) { return s.kv_use_mean; }},
      {"kv_use_peak", "largest share of KV blocks allocated on a replica",
       [](const Summary& s) { return s.kv_use_peak; }},
      {"imbalance", "busiest replica's busy time over the mean", [](const Summary& s) { return s.imbalance; }},
      {"num_requests", "completed requests", [](const Summary& s) { return double(s.num_requests); }, true},
      {"num_batches", "batches", [](const Summary& s) { return double(s.num_batches); }, true},
      {"num_restarts", "restarts", [](const Summary& s) { return double(s.num_restarts); }, true},
      {"num_extrapolated_batches", "batches whose time lay outside what the cost model covers",
       [](const Summary& s) { return double(s.num_extrapolated_batches); }, true},
  };
  return fields;
}

Summary summarize(const Replay& replay, const Workload& workload, const ClusterConfig& config) {
  Summary summary;
  const std::size_t n = workload.size();
  std::vector<Time> e2e(n), ttft(n);
  std::vector<double> tpot;
  tpot.reserve(n);
  Time longest_wait = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const RequestRecord& record = replay.requests[i];
    const Time arrived_at = workload.requests[i].arrived_at;
    e2e[i] = record.completed_at - arrived_at;
    ttft[i] = record.prefill_completed_at - arrived_at;
    longest_wait = std::max(longest_wait, record.assigned_at - arrived_at);
    const std::int32_t outputs = workload.hidden.num_decode_tokens[i];
    if (outputs > 1)
      tpot.push_back(seconds_from_ticks(record.completed_at - record.prefill_completed_at) / (outputs - 1));
  }
  summary.num_requests = static_cast<std::int64_t>(n);
  summary.mean_e2e_s = mean_seconds(e2e);
  summary.mean_ttft_s = mean_seconds(ttft);
  if (!tpot.empty()) {
    double sum = 0;
    for (const double value : tpot) sum += value;
    summary.mean_tpot_s = sum / static_cast<double>(tpot.size());
    summary.p99_tpot_s = quantile(tpot, 0.99);
  }
  summary.p50_e2e_s = seconds_from_ticks(quantile(e2e, 0.50));
  summary.p90_e2e_s = seconds_from_ticks(quantile(e2e, 0.90));
  summary.p99_e2e_s = seconds_from_ticks(quantile(e2e, 0.99));
  summary.p99_ttft_s = seconds_from_ticks(quantile(ttft, 0.99));
  summary.longest_queue_wait_s = seconds_from_ticks(longest_wait);
  summary.makespan_s = seconds_from_ticks(replay.makespan);
  summary.throughput_rps = static_cast<double>(n) / summary.makespan_s;

  Int128 kv_token_ticks = 0;
  Time busy = 0;
  Time busiest = 0;
  std::int32_t peak_blocks = 0;
  for (const ReplicaTotals& replica : replay.replicas) {
    summary.num_batches += replica.num_batches;
    summary.num_restarts += replica.num_restarts;
    summary.num_extrapolated_batches += replica.num_extrapolated_batches;
    kv_token_ticks += replica.kv_token_ticks;
    busy += replica.busy;
    busiest = std::max(busiest, replica.busy);
    peak_blocks = std::max(peak_blocks, replica.peak_blocks);
  }
  const double replicas = static_cast<double>(replay.replicas.size());
  const double capacity = static_cast<double>(config.limits.num_blocks) * config.limits.block_size;
  summary.kv_use_mean =
      static_cast<double>(kv_token_ticks) / (capacity * static_cast<double>(replay.makespan) * replicas);
  summary.kv_use_peak = static_cast<double>(peak_blocks) / config.limits.num_blocks;
  summary.imbalance = static_cast<double>(busiest) / (static_cast<double>(busy) / replicas);
  return summary;
}

}  // namespace switchyard
