// AIBrix's routers for service level objectives: requests wait in a queue until a pod has room for one more by a
// profile of what it can do within the objectives.
#include <algorithm>
#include <cmath>
#include <map>

#include "policies/fifo.hpp"
#include "policies/production/production.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

namespace {

// Lengths are known by their power of two, the nearest.
int bucket_of(std::int64_t tokens) {
  return tokens > 0 ? static_cast<int>(std::lround(std::log2(static_cast<double>(tokens)))) : 0;
}

// Outputs of a prompt: drawn from those of the last minutes whose prompts were as long. With none, one token.
class AibrixOutputs {
 public:
  void start(RandomStream stream) {
    stream_ = stream;
    done_.clear();
    counts_.clear();
  }
  void add(Time at, std::int32_t prompt, std::int32_t outputs) {
    const Done done{at / kMove, bucket_of(prompt), bucket_of(outputs)};
    done_.push_back(done);
    ++of(done.prompt)[static_cast<std::size_t>(done.outputs)];
  }
  int draw(Time now, std::int32_t prompt) {
    while (!done_.empty() && now / kMove - done_.front().slot >= kWindow) {
      --of(done_.front().prompt)[static_cast<std::size_t>(done_.front().outputs)];
      done_.pop_front();
    }
    const std::vector<std::int32_t>& counts = of(bucket_of(prompt));
    std::int32_t all = 0;
    for (const std::int32_t count : counts) all += count;
    if (all == 0) return 0;
    std::int32_t left = stream_.below(all);
    std::size_t bucket = 0;
    while (left >= counts[bucket]) left -= counts[bucket++];
    return static_cast<int>(bucket);
  }

 private:
  static constexpr Time kMove = 10 * kTicksPerSecond;
  static constexpr std::int64_t kWindow = 24;  // moves: 240 s
  static constexpr std::size_t kBuckets = 32;
  struct Done {
    std::int64_t slot;
    int prompt, outputs;  // buckets
  };
  std::vector<std::int32_t>& of(int prompt) {
    std::vector<std::int32_t>& counts = counts_[prompt];
    counts.resize(kBuckets);
    return counts;
  }
  RandomStream stream_;
  Fifo<Done> done_;
  std::map<int, std::vector<std::int32_t>> counts_;  // by bucket of the prompt: by that of the outputs
};

class AibrixSlo final : public Policy {
 public:
  enum class Variant { least_load_pulling, least_load, pack_load };

  void start(const ClusterView& cluster, std::uint64_t seed) override {
    const auto n = static_cast<std::size_t>(cluster.num_replicas());
    outputs_.start(RandomStream(seed, "aibrix_slo"));
    ties_ = RandomStream(seed, "aibrix_slo fallback");
    queues_.clear();
    sent_.clear();
    arrived_.clear();
    pods_.assign(n, {});
    profiles_.assign(n, {});
  }

  void on_arrival(const QueuedRequest& request) override { arrived_.push_back(request.id); }
  void on_completion(const CompletedRequest& request) override {
    release(request);
    outputs_.add(request.completed_at, request.num_prefill_tokens, request.num_decode_tokens);
  }
  void on_loss(const CompletedRequest& request) override { release(request); }

  void schedule(ClusterView& cluster) override {
    for (; !arrived_.empty(); arrived_.pop_front()) {
      const RequestId id = arrived_.front();
      const std::int32_t prompt = cluster.queued(id).num_prefill_tokens;
      queues_[{bucket_of(prompt), outputs_.draw(cluster.now(), prompt)}].push_back(id);
    }
    while (route_one(cluster)) {
    }
  }

  Variant variant_ = Variant::least_load_pulling;
  double tpot_slo_ms_ = 50.0;
  double ttft_slo_ms_ = 5000.0;

 private:
  using Shape = std::pair<int, int>;  // powers of two of prompt and outputs
  struct Profile {
    std::int32_t most = -1;  // requests of the shape at once that keep the objective; 0: not one; -1: not looked at
    double latency_s = 0;    // of each, with so many
  };
  struct Pod {
    double load = 0;
    std::int32_t count = 0;
  };
  struct Sent {
    std::int32_t replica = -1;
    double load = 0;
  };
  struct Head {
    double rank;  // s by which it is late
    Shape shape;
  };

  static double tokens_of(int bucket) { return std::exp2(bucket); }
  double target_s(Shape shape) const { return (tpot_slo_ms_ * tokens_of(shape.second) + ttft_slo_ms_) / 1000; }

  // What a benchmark of that shape would find: with n requests at once, each waits for the prefills of all while it
  // decodes among them.
  const Profile& profile(const ClusterView& cluster, std::int32_t replica, Shape shape) {
    Profile& known = profiles_[static_cast<std::size_t>(replica)][shape];
    if (known.most >= 0) return known;
    const BatchTimes times = cluster.batch_times(replica);
    const ReplicaLimits& limits = cluster.limits(replica);
    const double prompt = tokens_of(shape.first), outputs = tokens_of(shape.second);
    const double prefill_s = seconds_from_ticks(times.prefill(static_cast<std::int64_t>(prompt)));
    const auto latency_s = [&](std::int32_t n) {
      const Time step = times.decode(n, static_cast<std::int64_t>(n * (prompt + outputs / 2)));
      return n * prefill_s + outputs * seconds_from_ticks(step);
    };
    const double room = std::floor(double(limits.num_blocks) * limits.block_size / (prompt + outputs));
    std::int32_t low = 0;  // keeps the objective
    auto high = static_cast<std::int32_t>(std::min<double>(limits.batch_size_cap, room)) + 1;
    while (high - low > 1) {
      const std::int32_t middle = low + (high - low) / 2;
      (latency_s(middle) <= target_s(shape) ? low : high) = middle;
    }
    known = {low, latency_s(std::max(low, 1))};
    return known;
  }

  // The head of each queue, those that are late or will be the soonest first; the first one for which there is a pod.
  bool route_one(ClusterView& cluster) {
    heads_.clear();
    for (auto& [shape, queue] : queues_) {
      if (queue.empty()) continue;
      const double waited_s = seconds_from_ticks(cluster.now() - cluster.queued(queue.front()).arrived_at);
      heads_.push_back({waited_s + profile(cluster, 0, shape).latency_s - target_s(shape), shape});
    }
    std::sort(heads_.begin(), heads_.end(),
              [](const Head& a, const Head& b) { return a.rank != b.rank ? a.rank > b.rank : a.shape < b.shape; });
    for (const Head& head : heads_) {
      Fifo<RequestId>& queue = queues_[head.shape];
      const RequestId id = queue.front();
      const auto [replica, load] = pod_for(cluster, id, head.shape);
      if (replica < 0) continue;
      queue.pop_front();
      const auto i = static_cast<std::size_t>(id);
      if (i >= sent_.size()) sent_.resize(i + 1);
      sent_[i] = {replica, load};
      Pod& pod = pods_[static_cast<std::size_t>(replica)];
      pod.load += load;
      ++pod.count;
      cluster.assign(id, replica);
      return true;
    }
    return false;
  }

  // A pod and what the request adds to its load; -1: it waits.
  Sent pod_for(const ClusterView& cluster, RequestId id, Shape shape) {
    Sent best;
    double bound = variant_ == Variant::least_load_pulling ? 1.0 : variant_ == Variant::least_load ? INFINITY : 0.0;
    bool any_can = false, any_serves = false;
    for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
      if (!cluster.can_serve(id, replica)) continue;
      any_can = true;
      const std::int32_t most = profile(cluster, replica, shape).most;
      if (most == 0) continue;
      any_serves = true;
      const double own = 1.0 / most, load = pods_[static_cast<std::size_t>(replica)].load;
      const bool better = variant_ == Variant::pack_load    ? load + own <= 1 && load + own > bound
                          : variant_ == Variant::least_load ? load <= bound
                                                            : load + own <= bound;
      if (!better) continue;
      bound = variant_ == Variant::least_load ? load : load + own;
      best = {replica, own};
    }
    if (any_can && !any_serves) return {fewest(cluster, id), 0};  // no pod keeps the objective, whatever it has to do
    return best;
  }
  std::int32_t fewest(const ClusterView& cluster, RequestId id) {
    best_.clear();
    for (std::int32_t replica = 0; replica < cluster.num_replicas(); ++replica) {
      if (!cluster.can_serve(id, replica)) continue;
      const std::int32_t count = cluster.outstanding(replica);
      if (!best_.empty() && count > cluster.outstanding(best_.front())) continue;
      if (!best_.empty() && count < cluster.outstanding(best_.front())) best_.clear();
      best_.push_back(replica);
    }
    return best_[static_cast<std::size_t>(ties_.below(static_cast<std::int32_t>(best_.size())))];
  }

  void release(const CompletedRequest& request) {
    Sent& sent = sent_[static_cast<std::size_t>(request.id)];
    if (sent.replica < 0) return;
    Pod& pod = pods_[static_cast<std::size_t>(sent.replica)];
    pod.load = --pod.count == 0 ? 0 : pod.load - sent.load;  // an idle pod is idle, whatever sums were rounded to
    sent.replica = -1;
  }

  AibrixOutputs outputs_;
  RandomStream ties_;
  Fifo<RequestId> arrived_;                         // and not in a queue yet
  std::map<Shape, Fifo<RequestId>> queues_;         // in order of arrival
  std::vector<Pod> pods_;                           // by replica
  std::vector<Sent> sent_;                          // by request
  std::vector<std::map<Shape, Profile>> profiles_;  // by replica
  std::vector<Head> heads_;
  std::vector<std::int32_t> best_;
};

}  // namespace

std::vector<PolicyInfo> aibrix_slo_policies() {
  using P = AibrixSlo;
  return {
      describe<P>(
          "aibrix_slo",
          "AIBrix, slo: requests wait in a queue for each power of two of prompt and expected outputs, the head that "
          "is the latest by its objective first, for the pod with the least load that has room for it: each request "
          "counts as 1 / the requests of its shape that keep the objective there at once, and a pod is full at 1. "
          "Outputs are drawn from those of the last 240 s with prompts as long. Where no pod keeps the objective: "
          "fewest in flight. Left out: profiles are benchmarks of the operator's; here they follow from the profile of "
          "batch times; requests that cannot keep it are refused there.",
          "vllm-project/aibrix, pkg/plugins/gateway/algorithms/{least_load,pack_load}.go, pkg/plugins/gateway/queue/"
          "slo_queue.go, pkg/cache/{pending_load_provider,output_predictor}.go")
          .choice(&P::variant_, "variant", {"least_load_pulling", "least_load", "pack_load"},
                  P::Variant::least_load_pulling,
                  "the least load with room for it; the least load, full or not, so that nothing waits; or the highest "
                  "with room for it")
          .real(&P::tpot_slo_ms_, "tpot_slo_ms", 50.0, 0.1, 1e6, ParamScale::log, "objective for each output token, ms")
          .real(&P::ttft_slo_ms_, "ttft_slo_ms", 5000.0, 0.0, 1e6, ParamScale::linear,
                "and for the first one, ms: outputs * tpot_slo_ms + ttft_slo_ms for the whole")
          .reads({Signal::outstanding})
          .done()};
}

}  // namespace switchyard
