#include "policies/clairvoyant/clairvoyant_policies.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/clairvoyant/clairvoyant.hpp"
#include "policies/compose/composed.hpp"
#include "policies/compose/expected_work.hpp"
#include "policies/compose/least.hpp"

namespace switchyard {

namespace {

// Output lengths by request id: what there is still to come of an answer that was lost with its replica and begun
// again.
class Outputs {
 public:
  void see(std::span<const std::int32_t> all) { all_ = all; }
  void start() { streamed_.clear(); }
  void lost(const CompletedRequest& request) { streamed_[request.id] += request.num_decode_tokens; }
  std::int32_t of(RequestId id) const {
    const auto streamed = streamed_.find(id);
    return all_[static_cast<std::size_t>(id)] - (streamed == streamed_.end() ? 0 : streamed->second);
  }

 private:
  std::span<const std::int32_t> all_;
  std::map<RequestId, std::int32_t> streamed_;  // before, of those that were lost
};

// Knows instead of learning. Only what is asked about a queued request: the parts used here ask for nothing else.
class KnownLengths final : public OutputLengths {
 public:
  explicit KnownLengths(const Outputs& outputs) : outputs_(outputs) {}
  void start() override {}
  void observe(const CompletedRequest&) override {}
  double expected(const QueuedRequest& request) const override { return outputs_.of(request.id); }
  double survival(std::int32_t, double, double) const override { return 0; }
  double growth(std::int32_t, double, double) const override { return 0; }

 private:
  const Outputs& outputs_;
};

// Least true work: prompt tokens weigh as little as they take to compute.
class KnownWork final : public Order {
 public:
  KnownWork(const Outputs& outputs, double prompt_weight) : outputs_(outputs), prompt_weight_(prompt_weight) {}
  double key(const QueuedRequest& request) override {
    return prompt_weight_ * request.num_prefill_tokens + outputs_.of(request.id);
  }

 private:
  const Outputs& outputs_;
  double prompt_weight_;
};

// A replica takes a request only if its memory will hardly run out: the tokens that its requests hold are known at each
// future decode step, and largest just before one of them completes.
class KnownGrowth final : public Admission {
 public:
  explicit KnownGrowth(const Outputs& outputs) : outputs_(outputs) {}

  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    residents_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), Residents{});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    Residents& residents = residents_[static_cast<std::size_t>(replica)];
    if (residents.call == scene_->call()) insert(residents.sorted, start_of(request));
  }

  bool admits(const QueuedRequest& request, std::int32_t replica) override {
    const ReplicaLimits& limits = scene_->cluster().limits(replica);
    trial_ = residents_of(replica);
    if (static_cast<std::int32_t>(trial_.size()) >= limits.batch_size_cap) return false;
    insert(trial_, start_of(request));
    const std::int64_t room = limits.num_blocks;
    std::int64_t tokens = 0;  // held now by those that are still there
    std::int64_t there = 0;
    for (const Resident& resident : trial_) {
      tokens += resident.held;
      ++there;
      // Just before this one completes; each of them wastes half a block, on average.
      const std::int64_t then = tokens + there * resident.left;
      if ((then + there * (limits.block_size / 2)) / limits.block_size > room) return false;
    }
    return true;
  }

 private:
  struct Resident {
    std::int64_t left;  // decode steps
    std::int64_t held;  // tokens
  };
  struct Residents {
    std::int64_t call = -1;
    std::vector<Resident> sorted;  // the longest left first
  };
  static bool longer(const Resident& a, const Resident& b) { return a.left > b.left; }
  static void insert(std::vector<Resident>& sorted, Resident resident) {
    sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), resident, longer), resident);
  }
  Resident start_of(const QueuedRequest& request) const {
    return {outputs_.of(request.id), request.num_prefill_tokens};
  }
  const std::vector<Resident>& residents_of(std::int32_t replica) {
    Residents& residents = residents_[static_cast<std::size_t>(replica)];
    if (residents.call == scene_->call()) return residents.sorted;
    residents.call = scene_->call();
    residents.sorted.clear();
    const ClusterView& cluster = scene_->cluster();
    auto add = [&](std::span<const ResidentRequest> requests) {
      for (const ResidentRequest& request : requests) {
        const std::int64_t held = request.prefill_complete ? request.num_processed_tokens : request.num_prefill_tokens;
        residents.sorted.push_back({outputs_.of(request.id) - request.num_generated_tokens(), held});
      }
    };
    if (cluster.num_waiting(replica) > 0) add(cluster.waiting(replica));
    add(cluster.running(replica));
    std::stable_sort(residents.sorted.begin(), residents.sorted.end(), longer);
    return residents.sorted;
  }

  const Outputs& outputs_;
  std::vector<Residents> residents_;
  std::vector<Resident> trial_;
};

// A composed policy that is shown the output lengths.
class Knowing : public Policy, public Clairvoyant {
 public:
  void see(std::span<const std::int32_t> outputs) final { outputs_.see(outputs); }
  Subscription subscription() const final { return {.requests = true}; }
  void start(const ClusterView& cluster, std::uint64_t seed) final {
    outputs_.start();
    policy_ = make();
    policy_->start(cluster, seed);
  }
  void on_arrival(const QueuedRequest& request) final { policy_->on_arrival(request); }
  void on_completion(const CompletedRequest& request) final { policy_->on_completion(request); }
  void on_loss(const CompletedRequest& request) final {
    outputs_.lost(request);
    policy_->on_loss(request);
  }
  void schedule(ClusterView& cluster) final { policy_->schedule(cluster); }
  void scores(const ClusterView& cluster, const QueuedRequest& request, std::vector<double>& out) const final {
    policy_->scores(cluster, request, out);
  }

 protected:
  virtual std::unique_ptr<Composed> make() const = 0;
  const Outputs& outputs() const { return outputs_; }

 private:
  Outputs outputs_;
  std::unique_ptr<Composed> policy_;
};

class ClairvoyantGreedy final : public Knowing {
 public:
  double interference_ = 1.0;

 private:
  std::unique_ptr<Composed> make() const override {
    std::vector<std::unique_ptr<Admission>> none;
    const double values[] = {interference_, 1.0};
    auto policy = std::make_unique<Composed>(nullptr, std::move(none),
                                             std::make_unique<Least>(expected_work_part().make(values)));
    policy->scene.lengths = std::make_unique<KnownLengths>(outputs());
    policy->serves_both_pools = true;
    return policy;
  }
};

class ClairvoyantHold final : public Knowing {
 public:
  double prompt_weight_ = 0.1;
  std::int32_t scan_depth_ = 10;

 private:
  std::unique_ptr<Composed> make() const override {
    std::vector<std::unique_ptr<Admission>> admissions;
    admissions.push_back(std::make_unique<KnownGrowth>(outputs()));
    std::unique_ptr<Scoring> outstanding = scoring_parts().front().make({});
    auto policy = std::make_unique<Composed>(std::make_unique<KnownWork>(outputs(), prompt_weight_),
                                             std::move(admissions), std::make_unique<Least>(std::move(outstanding)));
    policy->scan = Composed::Scan::first_fit;
    policy->scan_depth = scan_depth_;
    return policy;
  }
};

}  // namespace

std::vector<PolicyInfo> clairvoyant_policies() {
  return {
      describe<ClairvoyantGreedy>(
          "clairvoyant_greedy",
          "shortest_expected_work that knows each request's output length: places every request "
          "as it arrives.")
          .real(&ClairvoyantGreedy::interference_, "interference", 1.0, 0.0, 4.0, ParamScale::linear,
                "weight of the delay that the request causes to others")
          .reads({Signal::state})
          .knows_roles()
          .done(),
      describe<ClairvoyantHold>("clairvoyant_hold",
                                "Holds requests in the global queue, the shortest known work first, until a replica's "
                                "memory is known to last for them.")
          .real(&ClairvoyantHold::prompt_weight_, "prompt_weight", 0.1, 0.0, 2.0, ParamScale::linear,
                "outputs that a prompt token counts as in the order")
          .integer(&ClairvoyantHold::scan_depth_, "scan_depth", 10, 1, 1000, ParamScale::log,
                   "requests that do not fit which may be passed over in a call")
          .reads({Signal::outstanding, Signal::waiting, Signal::state, Signal::requests})
          .done(),
  };
}

}  // namespace switchyard
