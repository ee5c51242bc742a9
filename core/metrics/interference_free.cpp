#include "core/metrics/interference_free.hpp"

#include <algorithm>

namespace switchyard {

namespace {

Time prefill_time(const ReplicaKind& kind, std::int64_t prompt) {
  const bool chunked = kind.engine() == EngineKind::sarathi;
  const std::int64_t most = chunked ? kind.limits().batch_tokens : prompt;
  Time time = 0;
  for (std::int64_t processed = 0; processed < prompt;) {
    const std::int64_t chunk = std::min(most, prompt - processed);
    BatchShape batch;
    kind.cost().add_prefill(batch, processed, chunk);
    time += kind.cost().batch_time(batch).time;
    processed += chunk;
  }
  return time;
}

// Decode steps that read kv = first..last tokens; all within one step of the KV grain take the same time.
Time decode_time(const ReplicaKind& kind, std::int64_t first, std::int64_t last) {
  Time time = 0;
  for (std::int64_t kv = first; kv <= last;) {
    const std::int64_t end = std::min(last, (kv + kKvGrain - 1) / kKvGrain * kKvGrain);
    time += (end - kv + 1) * kind.cost().batch_time({.num_decodes = 1, .decode_kv_tokens = kv}).time;
    kv = end + 1;
  }
  return time;
}

}  // namespace

std::vector<Time> interference_free_times(const ClusterConfig& config, const Workload& workload) {
  std::vector<Time> times(workload.size());
  for (std::size_t i = 0; i < workload.size(); ++i) {
    const std::int64_t prompt = workload.requests[i].num_prefill_tokens;
    const std::int64_t outputs = workload.hidden.num_decode_tokens[i];
    times[i] = kNever;
    for (const ReplicaKind& kind : config.kinds) {
      times[i] = std::min(times[i], prefill_time(kind, prompt) + decode_time(kind, prompt + 1, prompt + outputs - 1));
    }
  }
  return times;
}

}  // namespace switchyard
