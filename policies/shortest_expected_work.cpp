#include <algorithm>

#include "core/api/policy.hpp"
#include "policies/declarations.hpp"
#include "policies/learning/output_length.hpp"

namespace switchyard {

namespace {

// Sends each request to the replica with the least expected cost, in ticks:
//   own time:  rest of the running prefill + prefills in front + its own prefill + expected outputs * decode step at
//              the batch size that it meets (+ a wait for a place in the batch when the replica is at its cap)
//   harm:      interference * (its prefill delays all that decode + it lengthens each of their steps)
// The expected output length is the mean of the completed requests.
class ShortestExpectedWork final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override { outputs_.start(); }
  void on_completion(const CompletedRequest& request) override { outputs_.observe(request); }

  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) {
      const QueuedRequest& request = cluster.queued(cluster.first_queued());
      std::int32_t best = 0;
      double best_cost = 0;
      for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
        const double cost = cost_of(cluster, replica, request);
        if (replica == 0 || cost < best_cost) {
          best = replica;
          best_cost = cost;
        }
      }
      cluster.assign(request.id, best);
    }
  }

  void scores(const ClusterView& cluster, const QueuedRequest& request, std::vector<double>& out) const override {
    for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
      out.push_back(cost_of(cluster, replica, request) / static_cast<double>(kTicksPerSecond));
    }
  }

  static PolicyInfo info() {
    using P = ShortestExpectedWork;
    return describe<P>("shortest_expected_work",
                       "The replica on which the request is expected to finish first, counting the delay that it "
                       "causes to the others; output lengths are learned from completed requests.")
        .real(&P::interference_, "interference", 1.0, 0.0, 4.0, ParamScale::linear,
              "weight of the delay that the request causes to others")
        .real(&P::output_scale_, "output_scale", 1.0, 0.1, 4.0, ParamScale::log,
              "expected outputs, as a multiple of the mean of completed requests")
        .done();
  }

 private:
  double cost_of(const ClusterView& cluster, std::int32_t replica, const QueuedRequest& request) const {
    const ReplicaState state = cluster.state(replica);
    const BatchTimes times = cluster.batch_times(replica);
    const double outputs = output_scale_ * outputs_.mean();
    const std::int32_t cap = cluster.limits(replica).batch_size_cap;
    const std::int64_t prefill_in_front = state.waiting_prefill_tokens + state.remaining_prefill_tokens;

    double own = 0;
    if (prefill_in_front > 0) own += static_cast<double>(times.prefill(prefill_in_front));
    if (state.batch_prefill_tokens > 0) {  // part of what is in front has been computed
      const double age = static_cast<double>(cluster.now() - state.batch_started_at);
      own -= std::min(age, static_cast<double>(times.prefill(state.batch_prefill_tokens)));
    }
    const auto own_prefill = static_cast<double>(times.prefill(request.num_prefill_tokens));
    own += own_prefill;

    const std::int32_t others = std::min(state.outstanding(), cap - 1);
    const std::int64_t growth = static_cast<std::int64_t>(outputs / 2);
    const std::int64_t others_kv =
        state.outstanding() > 0
            ? (state.decoding_kv_tokens + prefill_in_front) * others / state.outstanding() + others * growth
            : 0;
    const auto step_without = static_cast<double>(times.decode(others, others_kv));
    const auto step_with =
        static_cast<double>(times.decode(others + 1, others_kv + request.num_prefill_tokens + growth));
    own += outputs * step_with;
    if (state.outstanding() >= cap) own += outputs * step_with * (state.outstanding() - cap + 1) / cap;

    const double harm = others * (own_prefill + 0.5 * outputs * std::max(0.0, step_with - step_without));
    return own + interference_ * harm;
  }

  double interference_ = 1.0;
  double output_scale_ = 1.0;
  MeanOutputLength outputs_;
};

}  // namespace

PolicyInfo shortest_expected_work_policy() { return ShortestExpectedWork::info(); }

}  // namespace switchyard
