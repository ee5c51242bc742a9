// Boils a trace down to a model of it (trace_model.hpp).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/workload/trace_reading.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

// The model of a trace file, as JSON text; the same bytes for the same file. This is what `switchyard workload fit
// FILE` prints, and how the files core/data/lengths_*.json were made. Throws InputError for a file that is no trace, or
// holds fewer than 2 requests.
std::string fit_trace_model(const std::filesystem::path& trace, const TraceReading& reading = {});

// The same of rows, 2 at least, by arrival; `name` is the file's.
std::string fit_trace_model(const std::string& name, const std::vector<RawRequest>& rows);

}  // namespace switchyard
