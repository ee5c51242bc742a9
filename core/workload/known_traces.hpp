// Where the rows of a trace come from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/workload/trace_reading.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

struct TraceRows {
  std::string source;            // for reports: the file's name, or "embedded azure-conv"
  std::string format;            // "Azure", "BurstGPT", ...; "model" of a trace
  std::vector<RawRequest> rows;  // sorted by arrival, lengths as they were recorded
  TraceContent content;          // what rows point to
  TraceSessions sessions;        // what is known of its sessions, if it has any
};

// What a trace's rows point to; of no trace, nothing.
const TraceContent& content_of(const TraceRows* trace);

// The traces that are known by a name: "azure-conv", "azure-code".
const std::vector<std::string>& known_traces();

// The rows of a trace file; or of a known trace, from the data folder if it is there and else from the embedded model
// of it, which gives as many rows over the same time. Throws InputError, for a name with the nearest known one.
TraceRows load_trace(const std::string& name_or_file, const TraceReading& reading = {});

// The same, read once by a process as long as the file stays as it is, so that a pipe serves any number of seeds and
// scenarios. Thread-safe.
std::shared_ptr<const TraceRows> shared_trace(const std::string& name_or_file, const TraceReading& reading = {});

}  // namespace switchyard
