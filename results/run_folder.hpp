// What a run leaves behind: config.json, request_metrics.csv, summary.json, states.json.
#pragma once

#include <string>

#include "core/metrics/summary.hpp"
#include "core/scenario/experiment.hpp"
#include "results/result_folder.hpp"

namespace switchyard {

struct RunDescription {
  std::string policy;  // canonical spec
  std::string kernel;
  std::string states;  // JSON of a StateHistory
};

// Writes the four files; config.json can be given to `switchyard run --config` to repeat the run.
void write_run_folder(ResultFolder& folder, const Experiment& experiment, const Workload& workload,
                      const Replay& replay, const Summary& summary, const RunDescription& description);

// request_metrics.csv: Vidur's columns as far as one number a batch tells them, then arrival, completion, replica; of
// vllm_v1 also when the first token was there and what the prefix cache held.
std::string request_metrics(const Workload& workload, const Replay& replay, const ReplicaLimits& limits);

std::string summary_json(const Summary& summary);

// Exact decimal seconds of a time in ticks, without trailing zeros.
std::string exact_seconds(Time time);

}  // namespace switchyard
