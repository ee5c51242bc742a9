// What a policy may see. Everything here is observable by a real router: queued requests without their output
// lengths, counts and tokens per replica, KV blocks, the age and kind of the running batch. Nothing here leads to the
// hidden output lengths; tests/compile_fail and the blindness property test keep it so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/api/time.hpp"

namespace switchyard {

using RequestId = std::int32_t;  // position in the order of arrival of this run, from 0

// A request in the global queue.
struct QueuedRequest {
  Time arrived_at = 0;
  RequestId id = 0;
  std::int32_t num_prefill_tokens = 0;  // prompt length, tokens
  // Which session it is a turn of, as clients tell routers, numbered in order of first arrival; -1: not told. Whether
  // there will be another turn is not known to anybody.
  std::int32_t session = -1;
  // How often it came back, as the replica that it was sent to failed: its prompt has grown by what had been streamed.
  std::int32_t num_retries = 0;
  // The prefill replica that has computed its prompt and first token; -1: nobody has. It is to be assigned once more,
  // to a replica that decodes.
  std::int32_t prefilled_on = -1;
};

// A request that a replica holds, waiting or running.
struct ResidentRequest {
  RequestId id = 0;
  Time arrived_at = 0;
  std::int32_t num_prefill_tokens = 0;       // prompt that it must (re)compute: grows at a restart
  std::int32_t original_prefill_tokens = 0;  // prompt that it arrived with
  std::int32_t num_processed_tokens = 0;     // since its last (re)start
  bool prefill_complete = false;

  // Output tokens seen so far, those before restarts included. Negative only for a request that was restarted in
  // mid-prefill and now decodes the rest of its prompt (an oddity kept from Vidur, see core/README.md).
  std::int32_t num_generated_tokens() const {
    return (prefill_complete ? num_processed_tokens : num_prefill_tokens) - original_prefill_tokens;
  }
};

// A request that has completed: now its output length is known to everybody.
struct CompletedRequest {
  RequestId id = 0;
  std::int32_t replica = 0;
  Time arrived_at = 0;
  Time scheduled_at = 0;    // start of the first batch that it was in
  Time first_token_at = 0;  // end of its prefill (the first time, if it was restarted later)
  Time completed_at = 0;
  std::int32_t num_prefill_tokens = 0;  // as it arrived; of one that was tried again, as it did so last
  std::int32_t num_decode_tokens = 0;   // outputs, of that try
};

// The first token of a request's answer has been computed, for the first time: what a router that streams sees.
struct FirstToken {
  RequestId id = 0;
  std::int32_t replica = 0;
  Time at = 0;  // when it was computed
};

// What a replica's prefix cache says of its blocks: their content can be found from now on, or no more.
enum class KvEvent : std::uint8_t { stored, removed };

// A replica whose prefix cache holds leading tokens of a prompt, in full blocks.
struct PrefixHolder {
  std::int32_t replica = 0;
  std::int32_t num_tokens = 0;

  bool operator==(const PrefixHolder&) const = default;
};

enum class BatchKind : std::uint8_t { idle, prefill, decode, mixed };

// Aggregates of one replica at the moment `taken_at`: batches that had ended count, the one that ran does not. How
// old that may be is the scenario's to say (signals).
struct ReplicaState {
  Time taken_at = 0;                          // the present, unless the scenario's signals are old
  std::int32_t num_waiting = 0;               // requests in its FIFO
  std::int32_t num_running = 0;               // requests that hold KV blocks
  std::int32_t num_prefilling = 0;            // of these, with prompt tokens left to compute
  std::int64_t waiting_prefill_tokens = 0;    // sum of the prompts in its FIFO
  std::int64_t remaining_prefill_tokens = 0;  // prompt tokens that running requests have left to compute
  std::int64_t decoding_kv_tokens = 0;        // sum of num_processed_tokens over running requests with complete prefill
  std::int64_t generated_tokens = 0;          // sum of num_generated_tokens over the same
  std::int32_t num_blocks = 0;                // KV blocks, all
  std::int32_t blocks_used = 0;               // allocated to running requests, each counted once
  std::int32_t blocks_cached = 0;             // free, but a prefix cache would still find what they hold
  BatchKind batch_kind = BatchKind::idle;
  Time batch_started_at = 0;              // of the running batch, if any
  std::int32_t batch_prefill_tokens = 0;  // prompt tokens that the running batch computes
  std::int32_t batch_decodes = 0;         // requests that it decodes

  // Only for policies that ask for them (Subscription), else negative.
  std::int64_t waiting_uncached_tokens = -1;  // prompt tokens in its FIFO that its prefix cache does not hold
  double generation_throughput = -1;          // output tokens per second, over the last full reporting period

  std::int32_t outstanding() const { return num_waiting + num_running; }
  std::int32_t num_decoding() const { return num_running - num_prefilling; }
  std::int32_t blocks_free() const { return num_blocks - blocks_used; }
};

// What decides on a replica's batches: see core/README.md.
enum class EngineKind : std::uint8_t { vllm_v0, sarathi, orca, vllm_v1 };
inline constexpr std::size_t kNumEngines = 4;

// What a replica is there for, where prefill and decode are apart. One with the role `prefill` computes prompts and
// first tokens, and their KV then moves to one of the others, which decode it; these compute whole requests, too.
enum class Role : std::uint8_t { both, prefill, decode };

// Fixed facts about a replica that its operator configured. Each holds under every engine.
struct ReplicaLimits {
  EngineKind engine = EngineKind::vllm_v0;
  std::int32_t num_blocks = 0;        // KV blocks that requests can hold
  std::int32_t block_size = 16;       // tokens per block
  std::int32_t watermark_blocks = 0;  // kept free when a new request is admitted
  std::int32_t batch_size_cap = 128;  // requests that run at once
  std::int32_t batch_tokens = 4096;   // prompt tokens that one batch computes (INT32_MAX: no limit)
  std::int32_t max_tokens = 4096;     // context: prompt + output of one request
  Role role = Role::both;
};

}  // namespace switchyard
