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
#include "core/workload/trace_file.hpp"

namespace switchyard {

struct TraceRecord {
  double arrived_at_s = 0;
  std::int64_t num_prefill_tokens = 0;
  std::int64_t num_decode_tokens = 0;
  std::span<const std::int64_t> hash_ids;         // from 0 up; valid until the next row is read
  std::optional<std::int64_t> num_hashed_tokens;  // if the row says so, from 0 up
};

class TraceRecords {
 public:
  enum class Field : std::uint8_t { arrival, prompt, output, hash_ids, num_hashed_tokens };

  virtual ~TraceRecords() = default;

  // Moves to the next row; false at the end. Throws InputError for what cannot be read as such a row.
  virtual bool next(TraceRecord& record) = 0;

  // "file:line:column 'name': message (found 'text')", about a field of the current row.
  virtual InputError fail(Field field, std::string_view message) const = 0;

  virtual TraceFormat format() const = 0;
  virtual std::string place() const = 0;  // "file:line"
};

// Both read on from a reader that has not been moved yet. Throw InputError for a header that is of no known format; or
// if the first line is no JSON object with the keys of a known one.
std::unique_ptr<TraceRecords> csv_trace(LineReader lines, const TraceReading& reading);
std::unique_ptr<TraceRecords> json_lines_trace(LineReader lines, const TraceReading& reading);

// Why a file without arrivals does not do.
inline constexpr std::string_view kLengthsOnly =
    "a trace of lengths only serves where arrivals are drawn, as by --arrivals poisson --lengths shuffle";

}  // namespace switchyard
