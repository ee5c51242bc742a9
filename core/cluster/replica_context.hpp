// What replicas need from the cluster around them.
#pragma once

#include <cassert>
#include <stdexcept>
#include <vector>

#include "core/api/cluster_view.hpp"
#include "core/cluster/kv/delayed_cache.hpp"
#include "core/cluster/kv/holder_index.hpp"
#include "core/cluster/kv/kv_change.hpp"
#include "core/cluster/live_request.hpp"
#include "core/cluster/simulation.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

// Why a replica tries to form a batch; decides who is first when batches end at the same instant.
enum class StartCause : std::uint8_t { own_batch_end, arrival_call, completion_call };

struct ReplicaContext {
  RequestTable* table = nullptr;
  const Workload* workload = nullptr;
  detail::Board* board = nullptr;
  Observer* observer = nullptr;
  std::uint64_t next_creation = 0;  // counts batches in order of creation
  // Where replicas add the requests that get their first token; nullptr if nobody wants to know.
  std::vector<RequestId>* first_tokens = nullptr;
  // Where replicas add the prompts that are computed and decode elsewhere, and the requests whose KV can be moved to
  // them; nullptr if there are no roles.
  std::vector<RequestId>* prefilled = nullptr;
  std::vector<Reservation>* reservations = nullptr;
  // Where replicas that take single steps add what their prefix caches gain and lose, by replica; nullptr as above.
  KvChanges* kv_changes = nullptr;
  HolderIndex* holders = nullptr;        // there always is one
  HolderIndex* known_holders = nullptr;  // by the KV events that routers have
  KvNews* kv_news = nullptr;
  bool requests_come_back = false;  // where prefill and decode are apart, and replicas fail
  Time kv_delay = 0;                // 0: routers know of KV events at once, and the last two are not used

  void add_waiting(std::int32_t replica, std::int32_t change) {
    std::int32_t& count = board->published.num_waiting[static_cast<std::size_t>(replica)];
    count += change;
    assert(count >= 0);
    if (board->published.least_waiting.built()) board->published.least_waiting.update(replica, count);
  }
};

inline constexpr std::int32_t blocks_for(std::int32_t tokens, std::int32_t block_size) {
  return (tokens + block_size - 1) / block_size;
}

inline constexpr std::int64_t round_up(std::int64_t value, std::int64_t grain) {
  return (value + grain - 1) / grain * grain;
}

// start + count * duration, checked against the clock's range.
inline Time checked_end(Time start, Time duration, std::int64_t count) {
  constexpr Time kLimit = kNever / 2 + kNever / 4;
  Time end = 0;
  if (__builtin_mul_overflow(duration, count, &end) || end > kLimit - start) {
    throw std::overflow_error("the run lasts longer than the simulation clock can count (about 80 days)");
  }
  return start + end;
}

// Orca reserves whole sequences; how many fit at once. A block that a sequence fills in part is its own.
struct OrcaPlan {
  std::int32_t sequence_blocks = 1;
  std::int32_t slots = 0;
  explicit OrcaPlan(const ReplicaLimits& limits)
      : sequence_blocks(blocks_for(limits.max_tokens, limits.block_size)), slots(limits.num_blocks / sequence_blocks) {}
};

}  // namespace switchyard
