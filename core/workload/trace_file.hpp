// Trace files as people hold them, plain or gzip; the format is told by a file's content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "core/input/line_reader.hpp"
#include "core/workload/trace_reading.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

enum class TraceFormat : std::uint8_t {
  vidur,     // arrived_at (s), num_prefill_tokens, num_decode_tokens, CSV or JSON lines: what is prepared for replay
  azure,     // CSV TIMESTAMP (a date), ContextTokens, GeneratedTokens: Azure/AzurePublicDataset, 2023 and 2024
  burstgpt,  // CSV Timestamp (s), Request tokens, Response tokens: HPMLL/BurstGPT
  mooncake,  // JSON lines timestamp (ms), input_length, output_length: kvcache-ai/Mooncake, FAST25
  bailian,   // JSON lines chat_id, parent_chat_id, timestamp (s), lengths: alibaba-edu/qwen-bailian-usagetraces-anon
  agents,    // JSON lines session, t (s), in, out, id_ranges, think_time, api_time: a coding agent's sessions
  agentic_mooncake,  // Mooncake's keys with request_id, wait_for, delay, tool_wait_ms (ms): ai-dynamo/dynamo
  trace_lab,         // JSON lines session_id, prefix_tokens, newly_append_tokens, output_tokens: uw-syfi/TraceLab
  trace_lab_csv,     // CSV prefix_len, input_len, output_len, round_idx, tool_wait_after_ms: its replayer's
  mapped             // CSV or JSON lines, its columns named by the user
};

std::string_view trace_format_name(
    TraceFormat format);  // "Vidur", "Azure", "BurstGPT", "Mooncake", "Qwen-Bailian", ...

// The latest arrival that a trace may hold: 31 years. What is replayed must end much earlier (kMaxArrivalSeconds); cuts
// and time scales come between.
inline constexpr double kMaxTraceSeconds = 1e9;

struct TraceFile {
  TraceFormat format = TraceFormat::vidur;
  // By arrival, which is the order of the file but where its sessions come one after another; s: Vidur's own, else
  // since the file's first row.
  std::vector<RawRequest> rows;
  std::size_t num_failed = 0;  // rows of recorded formats that have no prompt or no output: dropped
  TraceContent content;        // what rows point to; without rows if no row has hash ids
  TraceSessions sessions;
};

// Throws InputError, by line and column, for anything missing, negative, unsorted or not a number, for a prompt or
// output of 0 tokens in Vidur's format, for times whose unit the format does not tell, and for a file without rows.
// Takes 48 bytes a row, some 40 more for each session, and a few hundred kilobytes.
TraceFile read_trace(const std::filesystem::path& file, const TraceReading& reading = {});
TraceFile read_trace(LineReader lines, const TraceReading& reading = {});  // not yet moved

// The trace's name in reports: the file's, and how many rows were dropped if any were.
std::string trace_source(const std::filesystem::path& file, const TraceFile& trace);

}  // namespace switchyard
