#include "core/metrics/interference_free.hpp"

#include <algorithm>

namespace switchyard {

namespace {

// The prefill of a prompt of which the first `processed` tokens are there.
Time prefill_time(const ReplicaKind& kind, std::int64_t prompt, std::int64_t processed) {
  std::int64_t most = prompt;
  if (kind.engine() == EngineKind::sarathi || kind.engine() == EngineKind::vllm_v1) most = kind.limits().batch_tokens;
  if (const auto* v1 = std::get_if<VllmV1Options>(&kind.options()); v1 && v1->long_prefill_token_threshold > 0) {
    most = std::min<std::int64_t>(most, v1->long_prefill_token_threshold);
  }
  Time time = 0;
  while (processed < prompt) {
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

// A prefix cache that forgets nothing.
class InfiniteCache {
 public:
  InfiniteCache(const Content& content, const ReplicaKind& kind)
      : content_(content), block_size_(kind.limits().block_size) {
    const auto* v1 = std::get_if<VllmV1Options>(&kind.options());
    if (v1 && v1->enable_prefix_caching && !content.empty()) {
      seen_.resize(static_cast<std::size_t>(content.num_block_names(block_size_)));
    }
  }

  // Leading tokens of the prompt that are there; at least one is left to compute. Then the request itself is computed.
  std::int64_t find_and_compute(std::size_t request, std::int64_t prompt, std::int64_t outputs) {
    if (seen_.empty()) return 0;
    names_.clear();
    content_.append_block_names(request, block_size_, names_);
    const auto most = static_cast<std::size_t>((prompt - 1) / block_size_);
    std::size_t found = 0;
    while (found < std::min(most, names_.size()) && seen_[static_cast<std::size_t>(names_[found])]) ++found;
    const auto computed = static_cast<std::size_t>((prompt + outputs - 1) / block_size_);  // all but the last output
    for (std::size_t j = found; j < std::min(computed, names_.size()); ++j) {
      seen_[static_cast<std::size_t>(names_[j])] = true;
    }
    return static_cast<std::int64_t>(found) * block_size_;
  }

 private:
  const Content& content_;
  std::int32_t block_size_;
  std::vector<bool> seen_;  // by name
  std::vector<std::uint64_t> names_;
};

}  // namespace

std::vector<Time> interference_free_times(const ClusterConfig& config, const Workload& workload) {
  std::vector<Time> times(workload.size(), kNever);
  for (const ReplicaKind& kind : config.kinds) {
    InfiniteCache cache(workload.content, kind);
    for (std::size_t i = 0; i < workload.size(); ++i) {
      const std::int64_t prompt = workload.requests[i].num_prefill_tokens;
      const std::int64_t outputs = workload.hidden.num_decode_tokens[i];
      const std::int64_t cached = cache.find_and_compute(i, prompt, outputs);
      times[i] =
          std::min(times[i], prefill_time(kind, prompt, cached) + decode_time(kind, prompt + 1, prompt + outputs - 1));
    }
  }
  return times;
}

}  // namespace switchyard
