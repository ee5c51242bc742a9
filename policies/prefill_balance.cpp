#include "core/api/policy.hpp"
#include "policies/declarations.hpp"

namespace switchyard {

namespace {

// Balances prompt tokens that are still to be computed against requests that decode: a decoding request weighs as much
// as `decode_tokens` prompt tokens, because a prefill sent to its replica would interrupt it. Long prompts spread out,
// and go where they interrupt few.
class PrefillBalance final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override {}

  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) {
      const QueuedRequest& request = cluster.queued(cluster.first_queued());
      std::int32_t best = 0;
      double best_load = 0;
      for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
        const double load = load_of(cluster, replica, request);
        if (replica == 0 || load < best_load) {
          best = replica;
          best_load = load;
        }
      }
      cluster.assign(request.id, best);
    }
  }

  void scores(const ClusterView& cluster, const QueuedRequest& request, std::vector<double>& out) const override {
    for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
      out.push_back(load_of(cluster, replica, request));
    }
  }

  static PolicyInfo info() {
    using P = PrefillBalance;
    return describe<P>("prefill_balance",
                       "Least prompt tokens still to be computed, balanced against running decodes, so that prefills "
                       "interrupt few decodes and long prompts spread out.")
        .real(&P::decode_tokens_, "decode_tokens", 200.0, 1.0, 20000.0, ParamScale::log,
              "an outstanding request weighs as much as this many prompt tokens")
        .real(&P::interruption_, "interruption", 0.1, 0.0, 4.0, ParamScale::linear,
              "weight of each running decode per prompt token of the request")
        .done();
  }

 private:
  double load_of(const ClusterView& cluster, std::int32_t replica, const QueuedRequest& request) const {
    const ReplicaState state = cluster.state(replica);
    const auto prefill = static_cast<double>(state.waiting_prefill_tokens + state.remaining_prefill_tokens);
    // The longer this prompt, the more its interruption of decodes counts.
    const double interrupted = interruption_ * state.num_decoding() * request.num_prefill_tokens;
    return prefill + decode_tokens_ * state.outstanding() + interrupted;
  }

  double decode_tokens_ = 200.0;
  double interruption_ = 0.1;
};

}  // namespace

PolicyInfo prefill_balance_policy() { return PrefillBalance::info(); }

}  // namespace switchyard
