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

std::string summary_json(const Summary& summary);

// Exact decimal seconds of a time in ticks, without trailing zeros.
std::string exact_seconds(Time time);

}  // namespace switchyard
