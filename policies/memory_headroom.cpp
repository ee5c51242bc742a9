#include "policies/memory_headroom.hpp"

#include <cmath>
#include <limits>

#include "policies/declarations.hpp"

namespace switchyard {

void MemoryHeadroom::start(const ClusterView& cluster, std::uint64_t) {
  queue_.clear();
  survival_.start();
  new_growth_ = survival_.expected_growth(0, horizon_);
  loads_.assign(static_cast<std::size_t>(cluster.num_replicas()), Load{});
  call_ = 0;
}

void MemoryHeadroom::on_arrival(const QueuedRequest& request) {
  double key = 0;
  if (order_ == Order::prompt) key = request.num_prefill_tokens;
  // A second of waiting outweighs `exchange` prompt tokens; the order of two requests never changes as they wait.
  if (order_ == Order::age) key = request.num_prefill_tokens + exchange_ * seconds_from_ticks(request.arrived_at);
  queue_.push(key, request.id);
}

void MemoryHeadroom::on_completion(const CompletedRequest& request) {
  if (horizon_ <= 0) return;
  survival_.observe(request);
  new_growth_ = survival_.expected_growth(0, horizon_);
}

std::int64_t MemoryHeadroom::blocks_needed(std::int32_t prompt, std::int32_t block_size) const {
  return static_cast<std::int64_t>(std::ceil((prompt * (1 + decode_ratio_) + new_growth_) / block_size));
}

const MemoryHeadroom::Load& MemoryHeadroom::load_of(const ClusterView& cluster, std::int32_t replica) {
  Load& load = loads_[static_cast<std::size_t>(replica)];
  if (load.call == call_) return load;
  const ReplicaState state = cluster.state(replica);
  const double block_size = cluster.limits(replica).block_size;
  // Summed in the order of the FIFO, each product rounded: the order of double additions decides ties.
  double pending = 0;
  if (state.num_waiting > 0) {
    for (const ResidentRequest& request : cluster.waiting(replica)) {
      pending += request.num_prefill_tokens * (1 + decode_ratio_) + new_growth_;
    }
  }
  load = {call_, state.blocks_used + static_cast<std::int64_t>(std::ceil(pending / block_size)), state.outstanding()};
  if (horizon_ > 0 && state.num_running > 0) {
    const double age =
        state.num_decoding() > 0 ? static_cast<double>(state.generated_tokens) / state.num_decoding() : 0.0;
    const double growth = state.num_running * survival_.expected_growth(age, horizon_);
    load.blocks += static_cast<std::int64_t>(std::ceil(growth / block_size));
  }
  return load;
}

void MemoryHeadroom::schedule(ClusterView& cluster) {
  ++call_;
  while (!queue_.empty()) {
    const QueuedRequest& request = cluster.queued(queue_.head());
    std::int32_t best = -1;
    std::int64_t best_needed = 0;
    for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
      const ReplicaLimits& limits = cluster.limits(replica);
      const Load& load = load_of(cluster, replica);
      const std::int64_t needed = blocks_needed(request.num_prefill_tokens, limits.block_size);
      if (!admissible(limits, load, needed)) continue;
      if (best >= 0) {
        const Load& other = loads_[static_cast<std::size_t>(best)];
        const bool better =
            load.blocks != other.blocks ? load.blocks < other.blocks : load.outstanding < other.outstanding;
        if (!better) continue;
      }
      best = replica;
      best_needed = needed;
    }
    if (best < 0) return;  // the head of the queue waits, and all behind it
    cluster.assign(request.id, best);
    queue_.pop();
    loads_[static_cast<std::size_t>(best)].blocks += best_needed;
    ++loads_[static_cast<std::size_t>(best)].outstanding;
  }
}

bool MemoryHeadroom::admissible(const ReplicaLimits& limits, const Load& load, std::int64_t needed) const {
  return limits.num_blocks - (load.blocks + needed) >=
         static_cast<std::int64_t>(std::floor(safety_ * limits.num_blocks));
}

// Blocks spoken for, of the replicas with room; schedule() has looked at all of them in this call.
void MemoryHeadroom::scores(const ClusterView& cluster, const QueuedRequest& request, std::vector<double>& out) const {
  for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
    const ReplicaLimits& limits = cluster.limits(replica);
    const Load& load = loads_[static_cast<std::size_t>(replica)];
    const bool fits = admissible(limits, load, blocks_needed(request.num_prefill_tokens, limits.block_size));
    out.push_back(fits ? static_cast<double>(load.blocks) : std::numeric_limits<double>::quiet_NaN());
  }
}

PolicyInfo MemoryHeadroom::info() {
  using P = MemoryHeadroom;
  return describe<P>("memory_headroom",
                     "Holds requests in the global queue until a replica has KV headroom for what it and its requests "
                     "are expected to grow to, learned from completed requests.",
                     "after HRA, arXiv 2510.27176")
      .choice(&P::order_, "order", {"arrival", "prompt", "age"}, Order::prompt,
              "which queued request is next: first come, shortest prompt, or age against prompt length")
      .real(&P::exchange_, "exchange", 20.0, 0.1, 10000.0, ParamScale::log,
            "prompt tokens that a second of waiting outweighs")
      .only_if("order", {"age"})
      .real(&P::decode_ratio_, "decode_ratio", 0.0, 0.0, 4.0, ParamScale::linear,
            "reserve this share of the prompt for outputs")
      .real(&P::horizon_, "horizon", 40.0, 0.0, 1024.0, ParamScale::linear,
            "reserve the expected growth of each request within this many decode steps, tokens")
      .real(&P::safety_, "safety", 0.03, 0.0, 0.5, ParamScale::linear, "share of the KV blocks kept free")
      .done();
}

PolicyInfo MemoryHeadroom::hra_info() {
  using P = MemoryHeadroom;
  return describe<P>("hra",
                     "Head-Room Admission: shortest prompt first, to the replica with the least KV, once it has room "
                     "for the prompt and an output in proportion to it.",
                     "arXiv 2510.27176")
      .real(&P::decode_ratio_, "decode_ratio", 0.6, 0.0, 4.0, ParamScale::linear, "expected output / prompt")
      .real(&P::safety_, "safety", 0.03, 0.0, 0.5, ParamScale::linear, "share of the KV blocks kept free")
      .done();
}

PolicyInfo memory_headroom_policy() { return MemoryHeadroom::info(); }

}  // namespace switchyard
