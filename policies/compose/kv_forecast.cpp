#include "policies/compose/kv_forecast.hpp"

#include "policies/compose/scene.hpp"

namespace switchyard {

namespace {

// std::ceil, which is a call where the compiler may not assume SSE 4.1.
std::int64_t rounded_up(double value) {
  const auto whole = static_cast<std::int64_t>(value);
  return whole + (value > static_cast<double>(whole) ? 1 : 0);
}

}  // namespace

void KvForecast::start(Scene& scene) {
  scene_ = &scene;
  entries_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), Entry{});
  learned();
}

void KvForecast::learned() { new_growth_ = horizon > 0 ? scene_->lengths->growth(1, 0, horizon) : 0.0; }

double KvForecast::tokens_of(std::int32_t prompt) const {
  const bool by_prompt = horizon > 0 && scene_->lengths->by_prompt();
  return prompt * (1 + decode_ratio) + (by_prompt ? scene_->lengths->growth(prompt, 0, horizon) : new_growth_);
}

std::int64_t KvForecast::needed(const QueuedRequest& request, std::int32_t replica) {
  const double tokens = tokens_of(request.num_prefill_tokens);
  const std::int32_t block_size = scene_->cluster().limits(replica).block_size;
  if (needed_.tokens != tokens || needed_.block_size != block_size) {
    needed_ = {tokens, block_size, rounded_up(tokens / block_size)};
  }
  return needed_.blocks;
}

void KvForecast::assigned(const QueuedRequest& request, std::int32_t replica) {
  Entry& entry = entries_[static_cast<std::size_t>(replica)];
  if (entry.call == scene_->call()) entry.blocks += needed(request, replica);
}

std::int64_t KvForecast::committed(std::int32_t replica) {
  Entry& entry = entries_[static_cast<std::size_t>(replica)];
  if (entry.call == scene_->call()) return entry.blocks;
  const ReplicaState& state = scene_->state(replica);
  const double block_size = scene_->cluster().limits(replica).block_size;
  std::int64_t blocks = state.blocks_used;
  if (state.num_waiting > 0) {
    // Summed in the order of the FIFO, each product rounded: the order of double additions decides ties.
    double pending = 0;
    for (const ResidentRequest& request : scene_->cluster().waiting(replica)) {
      pending += tokens_of(request.num_prefill_tokens);
    }
    blocks += rounded_up(pending / block_size);
  }
  if (horizon > 0 && state.num_running > 0) {
    blocks += rounded_up(growth_of_running(replica) / block_size);
  }
  entry.blocks = blocks;
  entry.call = scene_->call();
  return blocks;
}

double KvForecast::growth_of_running(std::int32_t replica) const {
  if (by_request) {
    double growth = 0;
    for (const ResidentRequest& request : scene_->cluster().running(replica)) {
      growth += scene_->lengths->growth(request.original_prefill_tokens, request.num_generated_tokens(), horizon);
    }
    return growth;
  }
  const ReplicaState& state = scene_->state(replica);
  const std::int32_t decoding = state.num_decoding();
  const double age = decoding > 0 ? static_cast<double>(state.generated_tokens) / decoding : 0.0;
  const std::int64_t context = state.decoding_kv_tokens - state.generated_tokens;
  const auto prompt = static_cast<std::int32_t>(decoding > 0 ? context / decoding : 1);
  return state.num_running * scene_->lengths->growth(prompt, age, horizon);
}

}  // namespace switchyard
