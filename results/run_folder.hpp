// What a run leaves behind: config.json, request_metrics.csv, summary.json, states.json.
#pragma once

#include <filesystem>
#include <string>

#include "core/metrics/summary.hpp"
#include "core/scenario/experiment.hpp"

namespace switchyard {

struct RunDescription {
  std::string policy;  // canonical spec
  std::string kernel;
  std::string states;  // JSON of a StateHistory
};

// Makes the folder and checks that it can be written; throws InputError. Call it before the work.
void prepare_folder(const std::filesystem::path& folder);

// Writes the four files, each under a temporary name that is then renamed. config.json can be given to
// `switchyard run --config` to repeat the run.
void write_run_folder(const std::filesystem::path& folder, const Experiment& experiment, const Workload& workload,
                      const Replay& replay, const Summary& summary, const RunDescription& description);

std::string summary_json(const Summary& summary);

// Exact decimal seconds of a time in ticks, without trailing zeros.
std::string exact_seconds(Time time);

}  // namespace switchyard
