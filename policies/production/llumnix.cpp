// Llumnix: the metrics of the paper's implementation over Ray (v0), and those of the project's present scheduler (v1).
#include <algorithm>
#include <array>
#include <limits>

#include "policies/prefix/held_tokens.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/own_dispatches.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// Blocks of the request that has waited longest there.
std::int64_t first_waiting_blocks(const Scene& scene, std::int32_t replica) {
  if (scene.cluster().num_waiting(replica) == 0) return 0;
  const std::int32_t block_size = scene.cluster().limits(replica).block_size;
  return (scene.cluster().waiting(replica).front().num_prefill_tokens + block_size - 1) / block_size;
}

// remaining_steps in the code.
class Freeness final : public Scoring {
 public:
  enum class Defrag { off, on };
  void ask(Subscription& asked) const override { asked.requests = true; }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    if (state.outstanding() == 0) return {-std::numeric_limits<double>::infinity(), 0};
    if (defrag_ == Defrag::on) {
      const std::int32_t requests = state.num_running + (state.num_waiting > 0 ? 1 : 0);
      return {-double(state.blocks_free() - first_waiting_blocks(*scene_, replica)) / requests, 0};
    }
    const auto free = static_cast<double>(state.blocks_free() - waiting_blocks(*scene_, replica));
    return {-free / state.outstanding(), 0};
  }
  Defrag defrag_ = Defrag::off;
};

class BlocksRatio final : public Scoring {
 public:
  void ask(Subscription& asked) const override { asked.requests = true; }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    return {static_cast<double>(state.blocks_used + waiting_blocks(*scene_, replica)) / state.num_blocks, 0};
  }
};

// Below the batch that the GPU's arithmetic is bound by, the fuller batch is the better one, and an empty one the worst
// of these; above it the emptier.
class AdaptiveDecode final : public Scoring {
 public:
  Score score(const QueuedRequest&, std::int32_t replica) override {
    const std::int32_t batch = scene_->state(replica).outstanding();
    return {double(batch < compute_bound_ ? -batch : batch), 0};
  }
  std::int32_t compute_bound_ = 128;
};

// The present scheduler: of the instances whose metric is below a threshold, or of all if none is, the one with the
// least.
class LlumnixCurrent final : public Placement {
 public:
  enum class Role { neutral, prefill, decode, lite };
  enum class CacheAware { off, on };

  void ask(Subscription& asked) const override { asked.requests = role_ == Role::decode; }
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    held_.reset(scene.cluster().num_replicas());
    own_.start(scene.cluster().num_replicas());
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    const std::int32_t block_size = scene_->cluster().limits(replica).block_size;
    std::int64_t amount = request.num_prefill_tokens;
    if (role_ == Role::lite) amount = 1;
    if (role_ == Role::decode) amount = (amount + block_size - 1) / block_size;
    own_.add(scene_->state(replica), replica, amount);
  }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    if (cache_aware_ == CacheAware::on) held_.read(scene_->cluster(), request.id);
    below_.clear();
    for (const std::int32_t replica : candidates) {
      if (load(replica) < threshold()) below_.push_back(replica);
    }
    if (!below_.empty()) candidates = below_;
    return *std::min_element(candidates.begin(), candidates.end(),
                             [&](std::int32_t a, std::int32_t b) { return keys(request, a) < keys(request, b); });
  }

  Role role_ = Role::neutral;
  CacheAware cache_aware_ = CacheAware::off;

 private:
  double threshold() const {
    switch (role_) {
      case Role::neutral:
        return 8192;  // tokens
      case Role::prefill:
        return 2048;
      case Role::decode:
        return 1;  // share of the blocks
      case Role::lite:
        break;
    }
    return std::numeric_limits<double>::infinity();
  }
  // With what was sent since the instance's report.
  double load(std::int32_t replica) const {
    const ReplicaState& state = scene_->state(replica);
    const auto own = static_cast<double>(own_.since(state, replica, scene_->cluster().now()));
    if (role_ == Role::lite) return state.num_waiting + state.num_running + own;
    if (role_ != Role::decode) return prefill_tokens(replica);
    return (double(state.blocks_used + waiting_blocks(*scene_, replica)) + own) / state.num_blocks;
  }
  // Prompt tokens to be computed: as reported and what was sent since, less what a profile says was computed since.
  double prefill_tokens(std::int32_t replica) const {
    const ReplicaState& state = scene_->state(replica);
    const Time now = scene_->cluster().now();
    std::int64_t tokens = state.waiting_prefill_tokens + state.remaining_prefill_tokens;
    if (role_ == Role::neutral || role_ == Role::prefill) tokens += own_.since(state, replica, now);
    if (tokens > 0 && state.taken_at < now) {
      const std::int64_t batch = std::min<std::int64_t>(tokens, scene_->cluster().limits(replica).batch_tokens);
      const Time time = scene_->cluster().batch_times(replica).prefill(batch);
      const double batches = double(now - state.taken_at) / double(std::max<Time>(time, 1));
      tokens -= std::min(tokens, static_cast<std::int64_t>(std::min(batches * double(batch), 1e15)));
    }
    return static_cast<double>(tokens);
  }
  std::array<double, 2> keys(const QueuedRequest& request, std::int32_t replica) const {
    const double own = load(replica);
    if (cache_aware_ == CacheAware::off || request.num_prefill_tokens < kLong) return {own, 0};
    const std::int32_t cached = held_.of(replica) / kChunk * kChunk;
    return {request.num_prefill_tokens - cached + prefill_tokens(replica), own};
  }
  static constexpr std::int32_t kLong = 1024;  // tokens: shorter prompts do not look at caches
  static constexpr std::int32_t kChunk = 256;

  HeldTokens held_;
  OwnDispatches own_;
  std::vector<std::int32_t> below_;
};

}  // namespace

std::vector<PolicyInfo> llumnix_policies() {
  const std::string source = "Sun et al., Llumnix, OSDI 2024; llumnix-project/llumnix-ray, llumnix/load_computation.py";
  return {
      greedy<Freeness>(
          "llumnix_freeness",
          "Llumnix: most decode steps that its memory lasts for, (free blocks - waiting blocks) / (running "
          "+ waiting). Left out: migration, priorities.",
          source)
          .choice(&Freeness::defrag_, "defrag", {"off", "on"}, Freeness::Defrag::off,
                  "whether only the first waiting request counts, its blocks and as one")
          .reads({Signal::waiting, Signal::state, Signal::requests}, 0.05)
          .done(),
      greedy<BlocksRatio>("llumnix_load",
                          "Llumnix: least share of KV blocks wanted, (used + waiting) / total. Left out: migration.",
                          source)
          .reads({Signal::waiting, Signal::state, Signal::requests}, 0.05)
          .done(),
      greedy<AdaptiveDecode>(
          "llumnix_adaptive_decode",
          "Llumnix: the fullest batch of those below compute_bound requests, else the emptiest. Left "
          "out: migration; the bound is a property of the GPU, the default is ours.",
          source)
          .integer(&AdaptiveDecode::compute_bound_, "compute_bound", 128, 1, 4096, ParamScale::log,
                   "requests, waiting and running")
          .reads({Signal::state}, 0.05)
          .done(),
      greedy<LlumnixCurrent>(
          "llumnix_v1",
          "Llumnix' present scheduler: of the instances below a threshold, or of all, the least prompt tokens "
          "to be computed (neutral: below 8192; prefill: 2048), share of blocks wanted (decode: below 1) or "
          "requests (lite). Left out: its SLO policy, migration (off by default), flood.",
          "llumnix-project/llumnix, pkg/scheduler/policy")
          .choice(&LlumnixCurrent::role_, "role", {"neutral", "prefill", "decode", "lite"},
                  LlumnixCurrent::Role::neutral, "which metric it goes by")
          .choice(
              &LlumnixCurrent::cache_aware_, "cache_aware", {"off", "on"}, LlumnixCurrent::CacheAware::off,
              "whether prompts of 1024 tokens and more go by the tokens that are missing there, in chunks of 256, and "
              "those to be computed")
          .reads({Signal::waiting, Signal::state, Signal::requests, Signal::cache}, 0.05)
          .done(),
  };
}

}  // namespace switchyard
