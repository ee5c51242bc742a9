#include "policies/formula/features.hpp"

#include <array>

#include "policies/compose/waiting_blocks.hpp"

namespace switchyard {

namespace {

const ReplicaState& state(const Moment& m) { return m.scene.state(m.replica); }
const ReplicaLimits& limits(const Moment& m) { return m.scene.cluster().limits(m.replica); }
double seconds(Time ticks) { return seconds_from_ticks(ticks); }

double step_s(const Moment& m) {
  const ReplicaState& s = state(m);
  return seconds(m.scene.cluster().batch_times(m.replica).decode(s.num_decoding(), s.decoding_kv_tokens));
}

constexpr unsigned reads(std::initializer_list<Signal> signals) { return signal_bits(signals) << kReadsShift; }

using M = const Moment&;
constexpr std::array kFeatures = {
    // The request.
    Feature{"prompt", "prompt length, tokens", false, 0, [](M m) { return double(m.request.num_prefill_tokens); }},
    Feature{"arrived_s", "its arrival, s", false, 0, [](M m) { return seconds(m.request.arrived_at); }},
    Feature{"waited_s", "time since then, s (0 in an order, which is asked for as the request arrives)", false, 0,
            [](M m) { return seconds(m.scene.cluster().now() - m.request.arrived_at); }},
    Feature{
        "prefill_s", "time that a replica needs to compute its prompt, s", false, 0,
        [](M m) { return seconds(m.scene.cluster().batch_times(m.replica).prefill(m.request.num_prefill_tokens)); }},
    Feature{"expected_outputs", "outputs that completed requests let expect of it, tokens", false, kUsesLengths,
            [](M m) { return m.scene.lengths->expected(m.request); }},
    // The request's prompt in the replica's prefix cache.
    Feature{"cached", "leading prompt tokens that the replica's prefix cache holds, in full blocks", true,
            reads({Signal::cache}),
            [](M m) { return double(m.scene.cluster().cached_tokens(m.request.id, m.replica)); }},
    Feature{"uncached", "prompt - cached: what the replica would have to compute", true, reads({Signal::cache}),
            [](M m) {
              const std::int32_t cached = m.scene.cluster().cached_tokens(m.request.id, m.replica);
              return double(m.request.num_prefill_tokens - cached);
            }},
    // The cluster.
    Feature{"now_s", "time, s", false, 0, [](M m) { return seconds(m.scene.cluster().now()); }},
    Feature{"queue_length", "requests in the global queue", false, 0,
            [](M m) { return double(m.scene.cluster().queue_length()); }},
    Feature{"num_replicas", "replicas", false, 0, [](M m) { return double(m.scene.cluster().num_replicas()); }},
    // The replica.
    Feature{"replica", "its number, from 0", true, 0, [](M m) { return double(m.replica); }},
    Feature{"waiting", "requests that wait there", true, reads({Signal::waiting}),
            [](M m) { return double(m.scene.cluster().num_waiting(m.replica)); }},
    Feature{"running", "requests that run there (hold KV blocks)", true, reads({Signal::outstanding, Signal::waiting}),
            [](M m) {
              return double(m.scene.cluster().outstanding(m.replica) - m.scene.cluster().num_waiting(m.replica));
            }},
    Feature{"outstanding", "waiting + running", true, reads({Signal::outstanding}),
            [](M m) { return double(m.scene.cluster().outstanding(m.replica)); }},
    Feature{"prefilling", "running requests with prompt tokens left to compute", true, reads({Signal::state}),
            [](M m) { return double(state(m).num_prefilling); }},
    Feature{"waiting_prompt_tokens", "prompt tokens of those that wait", true, reads({Signal::state}),
            [](M m) { return double(state(m).waiting_prefill_tokens); }},
    Feature{"remaining_prompt_tokens", "prompt tokens that running requests have left to compute", true,
            reads({Signal::state}), [](M m) { return double(state(m).remaining_prefill_tokens); }},
    Feature{"kv_tokens", "context of the requests that decode, tokens", true, reads({Signal::state}),
            [](M m) { return double(state(m).decoding_kv_tokens); }},
    Feature{"generated_tokens", "outputs so far of the requests that decode", true, reads({Signal::state}),
            [](M m) { return double(state(m).generated_tokens); }},
    Feature{"in_prefill", "1 while the running batch computes prompt tokens, else 0", true, reads({Signal::state}),
            [](M m) { return state(m).batch_prefill_tokens > 0 ? 1.0 : 0.0; }},
    Feature{"step_s", "time of a decode step of what decodes there, s", true, reads({Signal::state}), step_s},
    Feature{"waiting_blocks", "KV blocks that waiting prompts will take", true,
            reads({Signal::waiting, Signal::requests}), [](M m) { return double(waiting_blocks(m.scene, m.replica)); }},
    Feature{"blocks_used", "KV blocks in use", true, reads({Signal::state}),
            [](M m) { return double(state(m).blocks_used); }},
    Feature{"blocks_free", "KV blocks not in use", true, reads({Signal::state}),
            [](M m) { return double(state(m).blocks_free()); }},
    Feature{"blocks_cached", "KV blocks not in use that the prefix cache still finds", true, reads({Signal::state}),
            [](M m) { return double(state(m).blocks_cached); }},
    Feature{"num_blocks", "KV blocks, all", true, 0, [](M m) { return double(limits(m).num_blocks); }},
    Feature{"block_size", "tokens per KV block", true, 0, [](M m) { return double(limits(m).block_size); }},
    Feature{"batch_size_cap", "most requests in a batch", true, 0,
            [](M m) { return double(limits(m).batch_size_cap); }},
    Feature{"committed", "KV blocks that the replica is committed to, as in compose", true, kUsesForecast,
            [](M m) { return double(m.scene.forecast.committed(m.replica)); }},
    Feature{"needed", "KV blocks that the request would take, as in compose", true, kUsesForecast,
            [](M m) { return double(m.scene.forecast.needed(m.request, m.replica)); }},
};

}  // namespace

std::span<const Feature> features() { return kFeatures; }

}  // namespace switchyard
