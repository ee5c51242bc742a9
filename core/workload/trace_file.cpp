#include "core/workload/trace_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/workload/generators.hpp"
#include "core/workload/trace_hash_ids.hpp"
#include "core/workload/trace_lab.hpp"
#include "core/workload/trace_records.hpp"
#include "core/workload/trace_sessions.hpp"

namespace switchyard {

namespace {

constexpr std::int64_t kMostTokens = 100'000'000;

std::int32_t tokens(const TraceRecords& records, TraceRecords::Field field, std::int64_t value) {
  if (value < 1 || value > kMostTokens) {
    throw records.fail(field, fmt::format("must be from 1 to {} tokens", kMostTokens));
  }
  return static_cast<std::int32_t>(value);
}

// Throws InputError for a trace whose objects are the elements of one list.
void refuse_array(const LineReader& lines, std::string_view text) {
  if (!text.starts_with('[')) return;
  const std::size_t inside = text.find_first_not_of(" \t\r\n", 1);
  if (inside != std::string_view::npos && text[inside] != '{' && text[inside] != '[' && text[inside] != ']') return;
  throw InputError(
      fmt::format("{}:1: is a JSON array; a trace has one JSON object a line, without brackets and commas around them "
                  "(jq -c '.[]' makes it so)",
                  lines.file()));
}

}  // namespace

void no_time_unit(const TraceReading& reading, const std::string& file, std::string_view why) {
  if (!reading.arrivals || reading.time_unit == TimeUnit::by_format) return;
  throw InputError(fmt::format("--time-unit: has no effect on {}: {}", file, why));
}

std::string_view trace_format_name(TraceFormat format) {
  switch (format) {
    case TraceFormat::azure:
      return "Azure";
    case TraceFormat::burstgpt:
      return "BurstGPT";
    case TraceFormat::mooncake:
      return "Mooncake";
    case TraceFormat::bailian:
      return "Qwen-Bailian";
    case TraceFormat::agents:
      return "agent sessions";
    case TraceFormat::agentic_mooncake:
      return "agentic Mooncake";
    case TraceFormat::trace_lab:
    case TraceFormat::trace_lab_csv:
      return "TraceLab";
    case TraceFormat::mapped:
      return "mapped";
    case TraceFormat::vidur:
      break;
  }
  return "Vidur";
}

TraceFile read_trace(const std::filesystem::path& file, const TraceReading& reading) {
  return read_trace(LineReader(file), reading);
}

TraceFile read_trace(LineReader lines, const TraceReading& reading) {
  using Field = TraceRecords::Field;
  const std::string_view text = lines.beginning();
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  refuse_array(lines, start == std::string_view::npos ? "" : text.substr(start));
  const bool json = start != std::string_view::npos && text[start] == '{';
  const bool rounds = json && !reading.mapped() && is_trace_lab_json(text);
  const auto records = rounds ? trace_lab_json(std::move(lines), reading)
                       : json ? json_lines_trace(std::move(lines), reading)
                              : csv_trace(std::move(lines), reading);
  TraceFile trace{.format = records->format()};
  TraceHashIds ids(trace.format, reading.hash_id_tokens);
  TraceSessionLinks sessions(trace.format);
  const bool recorded = trace.format != TraceFormat::vidur;  // as it came in, failures and all
  TraceRecord record;
  std::optional<double> last;
  while (records->next(record)) {
    record.arrived_at_s += 0.0;  // -0 is 0
    if (record.think_s) *record.think_s += 0.0;
    // Sessions may come one after another, each in order.
    const bool in_order = record.session.empty() && record.request.empty();
    if (in_order && last && record.arrived_at_s < *last) {
      throw records->fail(Field::arrival, "must not be before the row above it: sort the rows by arrival");
    }
    if (record.arrived_at_s < 0 || record.arrived_at_s > kMaxTraceSeconds) {
      throw records->fail(Field::arrival, fmt::format("must be from 0 to {:.0f} s{}", kMaxTraceSeconds,
                                                      recorded ? " after the first row" : ""));
    }
    if (in_order) last = record.arrived_at_s;
    if (recorded && std::min(record.num_prefill_tokens, record.num_decode_tokens) == 0) {
      ++trace.num_failed;
      sessions.leave_out(*records, record);
      continue;
    }
    trace.rows.push_back({.arrived_at_s = record.arrived_at_s,
                          .num_prefill_tokens = tokens(*records, Field::prompt, record.num_prefill_tokens),
                          .num_decode_tokens = tokens(*records, Field::output, record.num_decode_tokens)});
    const auto number = static_cast<std::int32_t>(trace.rows.size()) - 1;
    sessions.read(*records, record, number, trace.rows, trace.rows.back());
    if (!record.id_runs.empty()) record.session_number = sessions.number_of(record);
    if (record.num_ids() > 0 || record.num_hashed_tokens) ids.read(*records, record, trace.rows.back());
  }
  if (trace.rows.empty() && trace.num_failed > 0) {
    throw InputError(
        fmt::format("{}: all {} rows failed (their prompt or output is 0 tokens): nothing is left to replay",
                    records->place(), trace.num_failed));
  }
  if (trace.rows.empty()) throw InputError(fmt::format("{}: the trace has a header but no rows", records->place()));
  trace.content = std::move(ids).take(records->place());
  if (sessions.any()) {
    trace.sessions = sessions.take();
    infer_outputs(trace.rows, trace.content);
    sort_by_arrival(trace.rows);
  }
  return trace;
}

std::string trace_source(const std::filesystem::path& file, const TraceFile& trace) {
  std::string name = file.filename().string();
  if (trace.num_failed == 0) return name;
  return fmt::format("{} ({} of {} rows failed and were dropped)", name, trace.num_failed,
                     trace.num_failed + trace.rows.size());
}

}  // namespace switchyard
