// The rows of a trace file as they stand there, one reader a syntax. What holds for rows of every format is checked in
// trace_file.cpp.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/input/error.hpp"
#include "core/input/line_reader.hpp"
#include "core/workload/hash_ids.hpp"
#include "core/workload/trace_file.hpp"

namespace switchyard {

struct TraceRecord {
  double arrived_at_s = 0;
  std::int64_t num_prefill_tokens = 0;
  std::int64_t num_decode_tokens = 0;
  std::span<const std::int64_t> hash_ids;         // from 0 up; valid until the next row is read
  std::span<const HashIds::IdRun> id_runs;        // the same where a format has runs of them
  std::optional<std::int64_t> num_hashed_tokens;  // if the row says so, from 0 up

  // Sessions, where the row says something of them.
  std::string_view session;            // its name; valid until the next row is read
  std::optional<double> think_s;       // from the end of the session's request before it
  double service_s = 0;                // how long it took when it was recorded; 0: not known
  std::optional<std::int64_t> chat;    // its number, which later ones refer to
  std::optional<std::int64_t> parent;  // the chat that it goes on with; -1: none
  bool arrives_after_think = false;    // it has no time of arrival but that
  std::string_view request;            // its own name, where rows say by name what they wait for; as session
  std::span<const std::string> waits_for;
  std::int32_t session_number = -1;  // of a session whose ids are its own; else -1
  std::int32_t num_shared_ids = 0;   // ids are the session's own, but for so many at the beginning, ...
  std::int64_t shared_by = 0;        // ... which all sessions have in common for which this is the same

  std::int64_t num_ids() const;
};

class TraceRecords {
 public:
  enum class Field : std::uint8_t { arrival, prompt, output, hash_ids, num_hashed_tokens, parent, session, think };

  virtual ~TraceRecords() = default;

  // Moves to the next row; false at the end. Throws InputError for what cannot be read as such a row.
  virtual bool next(TraceRecord& record) = 0;

  // "file:line:column 'name': message (found 'text')", about a field of the current row.
  virtual InputError fail(Field field, std::string_view message) const = 0;

  virtual TraceFormat format() const = 0;
  virtual std::int32_t hash_id_tokens() const { return 0; }  // that the rows so far say an id stands for; 0: nothing
  virtual std::string place() const = 0;                     // "file:line"
};

// Both read on from a reader that has not been moved yet. Throw InputError for a header that is of no known format; or
// if the first line is no JSON object with the keys of a known one.
std::unique_ptr<TraceRecords> csv_trace(LineReader lines, const TraceReading& reading);
std::unique_ptr<TraceRecords> json_lines_trace(LineReader lines, const TraceReading& reading);

// Throws InputError if a unit is given for arrivals that tell it themselves; `why` says how.
void no_time_unit(const TraceReading& reading, const std::string& file, std::string_view why);

// Why a file without arrivals does not do.
inline constexpr std::string_view kLengthsOnly =
    "a trace of lengths only serves where arrivals are drawn, as by --arrivals poisson --lengths shuffle";

}  // namespace switchyard
