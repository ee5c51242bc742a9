// Traces of coding agents by TraceLab (github.com/uw-syfi/TraceLab): how many tokens of a session's context each round
// keeps, and how many it appends. Two forms: a JSON line for each round as it was recorded, and the CSV that its own
// replayer takes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/input/csv.hpp"
#include "core/workload/trace_records.hpp"

namespace switchyard {

inline constexpr std::int32_t kTraceLabBlock = 16;  // tokens of a block of the ids that rounds are given

// What a session has said so far, in ids of its own for blocks of kTraceLabBlock tokens.
class SessionContext {
 public:
  // The next round: it keeps the first `kept` tokens of what was said, as far as there are as many, appends to them up
  // to `prompt` tokens, and is answered by `output` ones. Returns its ids, which stay valid until the next round.
  std::span<const HashIds::IdRun> go_on(std::int64_t kept, std::int64_t prompt, std::int64_t output);

  std::int64_t num_rounds() const { return num_rounds_; }

 private:
  std::vector<HashIds::IdRun> ids_;
  std::int64_t num_tokens_ = 0;
  std::int64_t next_id_ = 0;
  std::int64_t num_rounds_ = 0;
};

// Whether a file is of one of the two forms, by its beginning or its header.
bool is_trace_lab_json(std::string_view beginning);
bool is_trace_lab_csv(const CsvReader& csv);

std::unique_ptr<TraceRecords> trace_lab_json(LineReader lines, const TraceReading& reading);
std::unique_ptr<TraceRecords> trace_lab_csv(CsvReader csv, const TraceReading& reading);

}  // namespace switchyard
