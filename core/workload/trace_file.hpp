// Trace files: Vidur's CSV (arrived_at in s, num_prefill_tokens, num_decode_tokens) and the raw CSV of
// Azure/AzurePublicDataset (TIMESTAMP, ContextTokens, GeneratedTokens), told apart by their header.
#pragma once

#include <filesystem>
#include <vector>

#include "core/workload/workload.hpp"

namespace switchyard {

// Rows in file order, arrivals in seconds (Azure: since the first row). Throws InputError, by line and column, for
// anything missing, negative, unsorted, zero or not a number, and for a file without rows.
std::vector<RawRequest> read_trace(const std::filesystem::path& file);

}  // namespace switchyard
