// A routing policy in one file: Head-Room Admission (arXiv 2510.27176), written anew. The shortest prompt goes next, to
// the replica with the least KV in use, once that replica has room for the prompt and an output in proportion to it.
#include <cmath>
#include <compare>
#include <set>
#include <utility>
#include <vector>

#include "core/api/policy.hpp"

namespace {

using namespace switchyard;

class Headroom final : public Policy {
 public:
  // Snapshots that replicas publish now and then shall list their requests: read_loads() asks for those that wait.
  Subscription subscription() const override {
    Subscription asked;
    asked.requests = true;
    return asked;
  }

  // Before each replay: forget everything.
  void start(const ClusterView&, std::uint64_t) override { queue_.clear(); }

  void on_arrival(const QueuedRequest& request) override { queue_.emplace(request.num_prefill_tokens, request.id); }

  // After each arrival and each completion: assign what should run now; what is not assigned waits.
  void schedule(ClusterView& cluster) override {
    read_loads(cluster);
    while (!queue_.empty()) {
      const QueuedRequest& request = cluster.queued(queue_.begin()->second);
      const std::int32_t best = place(cluster, request);
      if (best < 0) return;  // no replica has room: the head of the queue waits, and all behind it
      cluster.assign(request.id, best);
      queue_.erase(queue_.begin());
      Load& load = loads_[static_cast<std::size_t>(best)];
      load.blocks += blocks_expected(request, cluster.limits(best));
      ++load.outstanding;
    }
  }

  // Parameters are declared once: specs, help, ranges and the search derive from this.
  static PolicyInfo info() {
    return describe<Headroom>("my_headroom", "Head-Room Admission, as an example of a policy outside the tree.",
                              "arXiv 2510.27176")
        .real(&Headroom::decode_ratio_, "decode_ratio", 0.6, 0.0, 4.0, ParamScale::linear, "expected output / prompt")
        .real(&Headroom::safety_, "safety", 0.03, 0.0, 0.5, ParamScale::linear, "share of the KV blocks kept free")
        .done();
  }

 private:
  struct Load {
    std::int64_t blocks = 0;       // KV blocks that running requests hold and that waiting ones are expected to want
    std::int32_t outstanding = 0;  // requests, waiting and running
    auto operator<=>(const Load&) const = default;
  };

  static std::int64_t whole_blocks(double tokens, const ReplicaLimits& limits) {
    return static_cast<std::int64_t>(std::ceil(tokens / limits.block_size));
  }

  // Tokens that a request of this prompt is expected to grow to.
  double expected_tokens(std::int32_t prompt) const { return prompt * (1 + decode_ratio_); }

  std::int64_t blocks_expected(const QueuedRequest& request, const ReplicaLimits& limits) const {
    return whole_blocks(expected_tokens(request.num_prefill_tokens), limits);
  }

  void read_loads(const ClusterView& cluster) {
    loads_.clear();
    for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
      const ReplicaState state = cluster.state(replica);
      double waiting = 0;
      for (const ResidentRequest& request : cluster.waiting(replica)) {
        waiting += expected_tokens(request.num_prefill_tokens);
      }
      loads_.push_back({state.blocks_used + whole_blocks(waiting, cluster.limits(replica)), state.outstanding()});
    }
  }

  // The replica with room and the least load, ties to the lowest id; -1 if none has room.
  std::int32_t place(const ClusterView& cluster, const QueuedRequest& request) const {
    std::int32_t best = -1;
    for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
      if (!cluster.can_serve(request.id, replica)) continue;  // it has failed, drains, or is too small
      const ReplicaLimits& limits = cluster.limits(replica);
      const Load& load = loads_[static_cast<std::size_t>(replica)];
      const auto reserve = static_cast<std::int64_t>(std::floor(safety_ * limits.num_blocks));
      if (limits.num_blocks - load.blocks - blocks_expected(request, limits) < reserve) continue;
      if (best < 0 || load < loads_[static_cast<std::size_t>(best)]) best = replica;
    }
    return best;
  }

  double decode_ratio_ = 0.6;
  double safety_ = 0.03;
  std::set<std::pair<std::int32_t, RequestId>> queue_;  // shortest prompt first, ties in order of arrival
  std::vector<Load> loads_;  // of this call: read at its start, then counted up by what it assigns
};

}  // namespace

switchyard::PolicyInfo headroom_policy() { return Headroom::info(); }
