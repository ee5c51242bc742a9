#include "results/run_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/input/error.hpp"
#include "core/input/inputs.hpp"
#include "core/input/json_text.hpp"
#include "core/input/write_file.hpp"

namespace switchyard {

namespace {

constexpr const char* kRequestColumns =
    "Request Id,request_e2e_time,request_e2e_time_normalized,request_execution_time,request_execution_time_normalized,"
    "request_preemption_time,request_scheduling_delay,request_execution_plus_preemption_time,"
    "request_execution_plus_preemption_time_normalized,prefill_e2e_time,prefill_e2e_time_normalized,"
    "prefill_time_execution_plus_preemption,prefill_time_execution_plus_preemption_normalized,"
    "decode_time_execution_plus_preemption_normalized,request_inter_arrival_delay,request_num_tokens,"
    "request_num_prefill_tokens,request_num_decode_tokens,request_pd_ratio,request_num_restarts,"
    "arrived_at,completed_at,replica_id";

// Seconds with all 12 decimals of a picosecond.
std::string seconds_to_picoseconds(Time time) {
  return fmt::format("{}.{:012}", time / kTicksPerSecond, time % kTicksPerSecond);
}

// Time since the arrival before each, in this run; kNever for the first one. Where no request waits for another one,
// they arrive in the order of the workload.
std::vector<Time> gaps_before(const std::vector<RequestRecord>& records) {
  std::vector<std::size_t> order(records.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return records[a].arrived_at < records[b].arrived_at; });
  std::vector<Time> gaps(records.size(), kNever);
  for (std::size_t i = 1; i < order.size(); ++i) {
    gaps[order[i]] = records[order[i]].arrived_at - records[order[i - 1]].arrived_at;
  }
  return gaps;
}

}  // namespace

// Of vllm_v1, `completed_at` has 12 decimals, and two columns more follow; and two where requests were lost.
std::string request_metrics(const Workload& workload, const Replay& replay, const ReplicaLimits& limits) {
  const bool is_vllm_v1 = limits.engine == EngineKind::vllm_v1;
  std::string csv = kRequestColumns;
  const bool losses = replay.num_retries + replay.num_failed > 0;
  csv += is_vllm_v1 ? ",first_token_at,num_cached_tokens" : "";
  csv += losses ? ",num_retries,failed\n" : "\n";
  const std::vector<Time> gaps = gaps_before(replay.requests);
  for (std::size_t i = 0; i < workload.size(); ++i) {
    const RequestRecord& record = replay.requests[i];
    const Time arrived_at = record.arrived_at;
    const double prompt = workload.requests[i].num_prefill_tokens;
    const double outputs = workload.hidden.num_decode_tokens[i];
    const Time e2e = record.completed_at - arrived_at;
    const Time active = record.completed_at - record.scheduled_at;
    const Time prefill = record.prefill_completed_at - arrived_at;
    const Time prefill_active = record.prefill_completed_at - record.scheduled_at;
    const std::string gap = gaps[i] == kNever ? "" : exact_seconds(gaps[i]);
    auto per = [](Time time, double count) { return seconds_from_ticks(time) / count; };
    fmt::format_to(std::back_inserter(csv), "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}", i,
                   exact_seconds(e2e), per(e2e, outputs), exact_seconds(record.execution),
                   per(record.execution, outputs), exact_seconds(active - record.execution),
                   exact_seconds(record.scheduled_at - arrived_at), exact_seconds(active), per(active, outputs),
                   exact_seconds(prefill), per(prefill, prompt), exact_seconds(prefill_active),
                   per(prefill_active, prompt), per(record.completed_at - record.prefill_completed_at, outputs), gap,
                   prompt + outputs, prompt, outputs, prompt / outputs, record.num_restarts, exact_seconds(arrived_at),
                   is_vllm_v1 ? seconds_to_picoseconds(record.completed_at) : exact_seconds(record.completed_at),
                   record.replica);
    if (is_vllm_v1) {
      fmt::format_to(std::back_inserter(csv), ",{},{}", seconds_to_picoseconds(record.prefill_completed_at),
                     record.num_cached_tokens);
    }
    if (losses) fmt::format_to(std::back_inserter(csv), ",{},{}", record.num_retries, record.failed ? 1 : 0);
    csv += '\n';
  }
  return csv;
}

std::string exact_seconds(Time time) {
  std::string text = seconds_to_picoseconds(time);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.push_back('0');
  return text;
}

std::string summary_json(const Summary& summary) {
  nlohmann::ordered_json json = {{"version", 1}};
  for (const SummaryField& field : summary_fields()) {
    if (field.whole()) {
      json[field.name] = static_cast<std::int64_t>(field.get(summary));
    } else {
      json[field.name] = field.get(summary);
    }
  }
  return json_text(json, 2) + "\n";
}

void write_run_folder(ResultFolder& folder, const Experiment& experiment, const Workload& workload,
                      const Replay& replay, const Summary& summary, const RunDescription& description) {
  for (const char* name : {"config.json", "request_metrics.csv", "summary.json", "states.json"}) {
    check_not_an_input(folder.path() / name);  // all of them, before the first is written
  }
  const ReplicaLimits& limits = experiment.cluster().kinds.front().limits();
  nlohmann::ordered_json config = {{"version", 1}, {"policy", description.policy}, {"kernel", description.kernel}};
  config["scenario"] = ordered_json_of(scenario_json(seen_from(folder.path(), experiment.scenario())));
  config["resolved"] = {{"digest", experiment.digest().text()},
                        {"workload_source", workload.source},
                        {"cost_source", experiment.cost_description()},
                        {"num_blocks", limits.num_blocks},
                        {"watermark_blocks", limits.watermark_blocks}};
  write_file(folder.staging() / "config.json", json_text(config, 2) + "\n");
  write_file(folder.staging() / "request_metrics.csv", request_metrics(workload, replay, limits));
  write_file(folder.staging() / "summary.json", summary_json(summary));
  write_file(folder.staging() / "states.json", description.states);
  folder.commit();
}

}  // namespace switchyard
