// The figures of one replay. Each is defined by formula in core/metrics/README.md.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "core/cluster/simulation.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

// What a figure is that does not exist, as the time per output token where no request has a second one. Files say null
// or nothing.
inline constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

struct Summary {
  std::int64_t num_requests = 0;
  std::int64_t num_cut_requests = 0;
  std::int64_t num_batches = 0;
  std::int64_t num_restarts = 0;
  std::int64_t num_extrapolated_batches = 0;
  std::int64_t num_scheduled_tokens = 0;
  std::int64_t hit_tokens = 0, hit_tokens_resumed = 0;
  std::int64_t num_recomputed_tokens = 0;
  std::int64_t num_evicted_blocks = 0;
  double mean_e2e_s = 0, p50_e2e_s = 0, p90_e2e_s = 0, p95_e2e_s = 0, p99_e2e_s = 0;
  double mean_ttft_s = 0, p50_ttft_s = 0, p90_ttft_s = 0, p95_ttft_s = 0, p99_ttft_s = 0;
  double mean_tpot_s = kAbsent, p50_tpot_s = kAbsent, p90_tpot_s = kAbsent, p95_tpot_s = kAbsent, p99_tpot_s = kAbsent;
  double longest_wait_s = 0;
  double interference_free_e2e_s = 0;
  double mean_slowdown = 0, p99_slowdown = 0;
  double slowdown_prompt_to_127 = kAbsent, slowdown_prompt_128_to_511 = kAbsent;
  double slowdown_prompt_512_to_2047 = kAbsent, slowdown_prompt_from_2048 = kAbsent;
  double makespan_s = 0;
  double throughput_rps = 0, goodput_rps = 0;
  double kv_use_mean = 0, kv_use_peak = 0;
  double imbalance = 0;
  double hit_rate = 0;
  std::int64_t num_failed = 0, num_retries = 0;
  double failed_share = 0;
  double replica_hours = 0, down_hours = 0;
  double split_share = 0;
  double moved_gb = 0;
  double mean_transfer_s = kAbsent, mean_handoff_wait_s = kAbsent;
  double goodput_share = 0;
};

enum class Better : std::uint8_t { lower, higher, neither };

// One declaration a figure, from which reports, tables, files, objectives and constraints take names, units and docs.
struct SummaryField {
  std::string name;
  std::string doc;
  std::variant<double Summary::*, std::int64_t Summary::*> member;
  Better better = Better::neither;
  std::string needs;    // what a workload must hold for the figure to exist; empty: it always does
  bool is_new = false;  // files may be older, and lack it: then it is 0

  bool whole() const { return member.index() == 1; }  // a count
  bool may_be_absent() const { return !needs.empty(); }
  double get(const Summary& summary) const;  // kAbsent if it does not exist
  void set(Summary& summary, double value) const;
};
const std::vector<SummaryField>& summary_fields();

// The field of this name, its words in any order (e2e_p99_s is p99_e2e_s). Throws InputError with the nearest.
const SummaryField& find_summary_field(std::string_view name, std::string_view where);

// What a request must meet to count as good; for goodput.
struct RequestLimits {
  double ttft_s = std::numeric_limits<double>::infinity();
  double tpot_s = std::numeric_limits<double>::infinity();
  double e2e_s = std::numeric_limits<double>::infinity();
};

// `alone` is what interference_free_times gives for the same workload and cluster: made once, used by many replays.
Summary summarize(const Replay& replay, const Workload& workload, const ClusterConfig& config,
                  const std::vector<Time>& alone, const RequestLimits& limits = {});
Summary summarize(const Replay& replay, const Workload& workload, const ClusterConfig& config);

// Field by field, counts rounded; of a figure that some do not have, over the others. `summaries` must not be empty.
Summary mean_of(const std::vector<Summary>& summaries);

}  // namespace switchyard
