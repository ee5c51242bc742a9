// What a replay leaves: one record per request, totals per replica. Metrics are computed from these and the workload.
#pragma once

#include <cstdint>
#include <vector>

#include "core/api/time.hpp"

namespace switchyard {

__extension__ typedef __int128 Int128;  // exact sums; ISO C++ has no type this wide

// Aligned, so that it lies in one line of the cache: each step of a request's life touches it, among many others.
struct alignas(64) RequestRecord {
  Time arrived_at = 0;            // in this run: a later turn arrives when the one before it lets it
  Time assigned_at = 0;           // left the global queue
  Time scheduled_at = 0;          // start of the first batch that it was in
  Time prefill_completed_at = 0;  // first output token (the first time, if it was restarted later)
  Time completed_at = 0;
  Time execution = 0;  // sum of the durations of the batches that it was in
  std::int32_t replica = -1;
  std::int32_t num_restarts = 0;
  std::int32_t num_cached_tokens = 0;  // of its prompt, found in a prefix cache when it was first admitted
  std::int16_t num_retries = 0;        // it came back from replicas that failed; what else is here is of the last try
  bool failed = false;                 // it was not tried again: completed_at is when
};
static_assert(sizeof(RequestRecord) == 64);

// A request whose prompt was computed on one replica and that decoded on another.
struct HandOff {
  std::int32_t row = 0;  // of the workload
  std::int32_t prefill_replica = -1;
  std::int32_t decode_replica = -1;
  std::int32_t num_moved_tokens = 0;  // of its KV: what the decode replica's prefix cache lacked
  std::int64_t num_moved_bytes = 0;
  Time prefilled_at = 0;  // its first token was computed
  Time assigned_at = 0;   // it was settled where it decodes: then, or before, or later
  Time began_at = 0;      // its blocks were taken, and the transfer began
  Time ended_at = 0;
};

struct ReplicaTotals {
  std::int64_t num_batches = 0;
  std::int64_t num_extrapolated_batches = 0;  // whose time lay outside what the cost model covers
  std::int64_t num_requests = 0;              // completed
  std::int64_t num_prefilled = 0;             // prompts that were computed, and decoded elsewhere
  std::int64_t num_restarts = 0;
  // vllm_v1; other engines leave them 0.
  std::int64_t num_scheduled_tokens = 0;   // computed by all batches
  std::int64_t hit_tokens = 0;             // found in the prefix cache: sum of num_cached_tokens
  std::int64_t hit_tokens_resumed = 0;     // found there by restarted requests
  std::int64_t num_recomputed_tokens = 0;  // computed again by restarted requests, as they were not found
  std::int64_t num_evicted_blocks = 0;     // cached blocks that lost what they held to others
  std::int32_t peak_blocks = 0;            // most KV blocks allocated while a batch ran
  Time busy = 0;                           // sum of batch durations
  // Sum over batches of (tokens processed so far by running requests, as the batch starts) * duration. As a double
  // sum it would depend on the order of addition, so it is kept exact.
  Int128 kv_token_ticks = 0;
};

// A time in which a replica did not serve.
struct ReplicaAbsence {
  enum class Why : std::uint8_t { failed, starting, not_there };
  std::int32_t replica = 0;
  Why why = Why::failed;
  Time from = 0;
  Time to = 0;

  bool operator==(const ReplicaAbsence&) const = default;
};

struct Replay {
  std::vector<RequestRecord> requests;  // by row of the workload
  std::vector<HandOff> hand_offs;       // by row, of those that there are
  std::vector<ReplicaTotals> replicas;
  std::vector<ReplicaAbsence> absences;  // up to the makespan, in the order in which they ended
  std::int64_t num_retries = 0;          // of all requests
  std::int64_t num_failed = 0;           // requests
  Time makespan = 0;                     // the last completion
  std::int64_t num_steps = 0;            // of the kernel: batches under `step`, fewer under `leap`; not a result
  std::uint32_t signals_read = 0;        // a bit for each Signal that policies asked the kernel for (not: counts)
};

}  // namespace switchyard
