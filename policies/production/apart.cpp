// Routers of serving systems whose prefill and decode are apart: which replica computes a prompt, which one decodes.
#include "policies/compose/apart.hpp"

#include <algorithm>
#include <cmath>

#include "policies/picking/ties.hpp"
#include "policies/prefix/shared_lru_index.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"
#include "policies/production/prompt_blocks.hpp"

namespace switchyard {

namespace {

// One of these, with other defaults.
PolicyInfo with_defaults(const std::vector<PolicyInfo>& policies, std::string_view name,
                         const std::vector<std::pair<std::string, double>>& defaults) {
  const auto found =
      std::find_if(policies.begin(), policies.end(), [&](const PolicyInfo& p) { return p.name == name; });
  PolicyInfo info = found[0];
  for (const auto& [param, value] : defaults) {
    for (ParamSpec& spec : info.params) {
      if (spec.name == param) spec.default_value = value;
    }
  }
  return info;
}

PolicyInfo pair_of(std::string name, std::string summary, std::string source, const PolicyInfo& prefill,
                   const PolicyInfo& decode, ApartDefaults defaults) {
  return apart(std::move(name), std::move(summary), std::move(source), prefill, with_prefix("prefill_"), decode,
               with_prefix("decode_"), defaults);
}

// The pool's first replica, or the next in turn.
class PoolTurn final : public Placement {
 public:
  enum class Pick { first, round_robin };
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    num_placed_ = 0;
  }
  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    return pick_ == Pick::first ? candidates.front() : candidates[num_placed_++ % candidates.size()];
  }

  Pick pick_ = Pick::round_robin;

 private:
  std::size_t num_placed_ = 0;
};

struct Spread {
  double least = INFINITY, most = 0, sum = 0, squares = 0, n = 0;
  void add(double x) {
    least = std::min(least, x);
    most = std::max(most, x);
    sum += x;
    squares += x * x;
    ++n;
  }
  double width() const { return most - least; }
  double mean_and_deviation() const { return sum / n + std::sqrt(std::max(0.0, squares / n - sum / n * sum / n)); }
};

// AIBrix's choice of the pod for a prompt: what it lacks of it, and its requests in flight.
class AibrixPdPrefill final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    ties_.start(RandomStream(seed, "aibrix_pd prefill"));
    index_.reset(kTableTokens / kBlockTokens, kKept, kTicksPerSecond);
    matches_.reset(scene.cluster().num_replicas());
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    prompt_.read(scene_->cluster(), request, kBlockTokens);
    index_.match(prompt_.named(), scene_->cluster().now(), matches_);
    Spread in_flight;
    for (const std::int32_t replica : candidates) in_flight.add(scene_->cluster().outstanding(replica));
    scores_.clear();
    for (const std::int32_t replica : candidates) {
      const double count = scene_->cluster().outstanding(replica);
      double score = count;
      if (in_flight.width() < imbalance_) {
        const double blocks = prompt_.full() > 0
                                  ? static_cast<double>(matches_.blocks(replica)) / static_cast<double>(prompt_.full())
                                  : 0.0;
        score = (100 - std::floor(100 * blocks)) * 0.1 + (in_flight.most > 0 ? count / in_flight.most : 0.0);
        if (count > in_flight.mean_and_deviation()) score = INFINITY;
      }
      scores_.push_back({score, 0});
    }
    return candidates[ties_.least(scores_)];
  }
  void assigned(const QueuedRequest&, std::int32_t replica) override {
    index_.insert(replica, prompt_.named(), prompt_.unnamed_full(), scene_->cluster().now());
  }

  std::int32_t imbalance_ = 16;

 private:
  static constexpr std::int32_t kBlockTokens = 16, kTableTokens = 200'000;
  static constexpr Time kKept = 1200 * kTicksPerSecond;

  TieBreaker ties_{Ties::first};
  SharedLruIndex index_;
  PrefixMatches matches_;
  PromptBlocks prompt_;  // of the request that is being placed
  std::vector<Score> scores_;
};

// AIBrix's choice of the pod that decodes.
class AibrixPdDecode final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    ties_.start(RandomStream(seed, "aibrix_pd decode"));
    ended_.resize(static_cast<std::size_t>(scene.cluster().num_replicas()));
    for (std::vector<Time>& ended : ended_) ended.clear();
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void ask(Subscription& asked) const override { asked.throughput = true; }
  void completed(const CompletedRequest& request) override {
    ended_[static_cast<std::size_t>(request.replica)].push_back(request.completed_at);
  }

  std::int32_t choose(const QueuedRequest&, std::span<const std::int32_t> candidates) override {
    Spread in_flight, throughput, drain, running, free;
    for (const std::int32_t replica : candidates) {
      const ReplicaState& state = scene_->state(replica);
      in_flight.add(scene_->cluster().outstanding(replica));
      throughput.add(speed(state));
      drain.add(drain_time(replica));
      running.add(state.num_running);
      free.add(1 - kv_use(state));
    }
    scores_.clear();
    for (const std::int32_t replica : candidates) {
      const ReplicaState& state = scene_->state(replica);
      double score = 0;
      if (in_flight.width() >= imbalance_) {
        score = scene_->cluster().outstanding(replica);
      } else if (throughput.width() > kThroughputSpread) {
        score = speed(state);
      } else if (drain.most > kDrainRatio * drain.least) {
        score = drain_time(replica);
      } else {
        const double load = part(state.num_running, running.most) + 1 - part(speed(state), throughput.most);
        score = load / std::max(part(1 - kv_use(state), free.most), 1e-9);
      }
      scores_.push_back({score, 0});
    }
    return candidates[ties_.least(scores_)];
  }

  std::int32_t imbalance_ = 16;

 private:
  static constexpr double kThroughputSpread = 2048.0, kDrainRatio = 1.5;
  static constexpr Time kWindow = 60 * kTicksPerSecond;

  static double part(double x, double most) { return most > 0 ? x / most : 0.0; }
  static double speed(const ReplicaState& state) { return std::max(state.generation_throughput, 0.0); }
  // Seconds that its requests in flight would take at the rate of completions in the last minute; one, if none ended.
  double drain_time(std::int32_t replica) {
    std::vector<Time>& ended = ended_[static_cast<std::size_t>(replica)];
    const Time since = scene_->cluster().now() - kWindow;
    ended.erase(ended.begin(), std::find_if(ended.begin(), ended.end(), [since](Time at) { return at >= since; }));
    return 60.0 * scene_->cluster().outstanding(replica) / std::max<double>(static_cast<double>(ended.size()), 1.0);
  }

  TieBreaker ties_{Ties::first};
  std::vector<std::vector<Time>> ended_;  // by replica: completions of the last minute
  std::vector<Score> scores_;
};

}  // namespace

std::vector<PolicyInfo> apart_policies() {
  const auto at_once = Apart::Settled::at_once;
  const std::vector<PolicyInfo> llmd = llmd_policies(), dynamo = dynamo_policies(), gateway = cache_aware_policies();
  const PolicyInfo llmd_half =
      with_defaults(llmd, "llmd", {{"queue_weight", 1}, {"kv_weight", 0}, {"prefix_weight", 2}});
  const PolicyInfo turn = greedy<PoolTurn>("turn", "", "")
                              .choice(&PoolTurn::pick_, "pick", {"first", "round_robin"}, PoolTurn::Pick::round_robin,
                                      "the pool's first replica, or the next in turn")
                              .reads({Signal::outstanding})
                              .done();
  using P = AibrixPdPrefill;
  using D = AibrixPdDecode;
  const PolicyInfo aibrix_prefill = greedy<P>("prefill", "", "")
                                        .integer(&P::imbalance_, "imbalance", 16, 1, 1024, ParamScale::log,
                                                 "from this difference of the numbers in flight on, fewest in flight")
                                        .reads({Signal::outstanding})
                                        .done();
  const PolicyInfo aibrix_decode = greedy<D>("decode", "", "")
                                       .integer(&D::imbalance_, "imbalance", 16, 1, 1024, ParamScale::log,
                                                "from this difference of the numbers in flight on, fewest in flight")
                                       .reads({Signal::outstanding, Signal::state}, 0.05)
                                       .done();
  return {
      pair_of("llmd_pd",
              "llm-d with prefill and decode apart: two profiles of scorers (queue 1, prefix 2 each), and a request of "
              "which its decode pod lacks fewer than split_above prompt tokens is computed there as a whole. Left out: "
              "what llmd leaves out.",
              "llm-d/llm-d-router ebab6879, pkg/epp/framework/plugins (the P/D profile of its helm charts)", llmd_half,
              llmd_half, {.settled = at_once, .split_above = 15}),
      pair_of("dynamo_disagg",
              "NVIDIA Dynamo with prefill and decode apart: its KV router's cost among prefill workers; among decode "
              "workers, once the prompt is computed, the blocks of the prompts in flight there, without credit for "
              "cached ones; prompts with at most split_above uncached tokens are computed where they decode.",
              "ai-dynamo/dynamo, docs router-configuration.md, router-concepts.md; lib/kv-router",
              with_defaults(dynamo, "dynamo", {}),
              with_defaults(dynamo, "dynamo", {{"prefill_load_scale", 0}, {"overlap_credit", 0}}),
              {.settled = Apart::Settled::when_prefilled, .split_above = 5000}),
      pair_of(
          "aibrix_pd",
          "AIBrix's pd: the prefill pod with the least 0.1 * (100 - percent of the prompt held) + in flight / most, "
          "among those not above mean + sigma; the decode pod by in flight if that differs by imbalance or more, by "
          "throughput if that differs by more than 2048 tokens/s, by in flight / completions of a minute if that "
          "differs by more than half, else least (running / most + 1 - throughput / most) / (free KV / most). Both "
          "at once. Left out: role sets, the bucketing by prompt length, the score of its conductor.",
          "vllm-project/aibrix e3e10f9e, pkg/plugins/gateway/algorithms (pd)", aibrix_prefill, aibrix_decode,
          {.settled = at_once}),
      pair_of("smg_pd",
              "SGLang's gateway SMG with prefill and decode apart: its default policy, cache_aware, in each pool, both "
              "at once. Left out: what smg_cache_aware leaves out; pools with policies of their own.",
              "lightseekorg/smg 73da68ca, model_gateway/src/policies", with_defaults(gateway, "smg_cache_aware", {}),
              with_defaults(gateway, "smg_cache_aware", {}), {.settled = at_once}),
      pair_of("vllm_stack_pd",
              "vLLM's production-stack with prefill and decode apart: each pool in turn, or always its first replica.",
              "vllm-project/production-stack a6c01db0, src/vllm_router/routers/routing_logic.py "
              "(disaggregated_prefill)",
              turn, turn, {.settled = at_once})};
}

}  // namespace switchyard
