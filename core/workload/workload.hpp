// A workload: what arrives when. What a policy may see and what it may not are split here, at load.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/api/views.hpp"

namespace switchyard {

// The output lengths: the cluster's to know. No header of core/api includes this one.
struct HiddenLengths {
  std::vector<std::int32_t> num_decode_tokens;  // by request id, at least 1
};

struct Workload {
  std::string source;                   // "splitwise_conv.csv", "embedded azure-conv", ...: for reports
  std::vector<QueuedRequest> requests;  // by id: arrival order, times not decreasing
  HiddenLengths hidden;

  std::size_t size() const { return requests.size(); }
};

// One row before it becomes part of a workload.
struct RawRequest {
  double arrived_at_s = 0;
  std::int32_t num_prefill_tokens = 0;
  std::int32_t num_decode_tokens = 0;

  bool operator==(const RawRequest&) const = default;
};

// Splits rows (sorted by arrival; seconds in [0, kMaxArrivalSeconds]) into the visible and the hidden part.
Workload make_workload(std::string source, const std::vector<RawRequest>& rows);

// Throws InputError, naming the row (and the limit that it breaks), for the first request that could never run on a
// replica with these limits: prompt + output must be at most the context (max_tokens), the usable KV
// ((num_blocks - watermark_blocks) * block_size) and, under vllm, max_tokens_in_batch.
void check_fits(const Workload& workload, const ReplicaLimits& limits);

}  // namespace switchyard
