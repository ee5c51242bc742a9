// AIBrix's algorithms that go by who asks: sessions stand for the keys and the users of the real gateway.
#include <algorithm>
#include <cmath>

#include "policies/fifo.hpp"
#include "policies/picking/hash_ring.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"
#include "policies/production/session_table.hpp"
#include "policies/random_stream.hpp"

namespace switchyard {

namespace {

class AibrixSessionAffinity final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    stream_ = RandomStream(seed, "aibrix_session_affinity");
  }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    if (request.session >= 0) return rendezvous(session_key(request.session), candidates);
    return candidates[static_cast<std::size_t>(stream_.below(static_cast<std::int32_t>(candidates.size())))];
  }

 private:
  RandomStream stream_;
};

// Users that used much go to pods of higher numbers, so that others find theirs free.
class AibrixVtc final : public Placement {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    stream_ = RandomStream(seed, "aibrix_vtc_basic");
    users_.clear();
    live_.clear();
    window_.clear();
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const Time now = scene_->cluster().now();
    while (!window_.empty() && now - window_.front().at > kWindow) {
      User& user = users_[window_.front().user];
      user.tokens -= window_.front().tokens;
      if (--user.requests == 0) leave(user);
      window_.pop_front();
    }
    const auto n = static_cast<double>(candidates.size());
    const std::size_t own = number_of(request);
    const double place = std::min((own < users_.size() ? users_[own].tokens : 0.0) / bucket(), n - 1);
    std::int32_t best = candidates.front();
    double least = INFINITY;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const double load = std::min(scene_->cluster().outstanding(candidates[i]) / kMaxInFlight, 1.0);
      const double noise = 0.1 * static_cast<double>(stream_.next() >> 11) * 0x1.0p-53;
      const double score = std::abs(static_cast<double>(i) - place) * fairness_weight_ + load * load_weight_ + noise;
      if (score >= least) continue;
      least = score;
      best = candidates[i];
    }
    return best;
  }
  // The gateway does not wait for the answer: it takes it to be half as long again as the prompt.
  void assigned(const QueuedRequest& request, std::int32_t) override {
    const double tokens = request.num_prefill_tokens + 2 * 1.5 * request.num_prefill_tokens;
    const std::size_t number = number_of(request);
    if (number >= users_.size()) users_.resize(number + 1);
    User& user = users_[number];
    if (user.requests++ == 0) {
      user.place = live_.size();
      live_.push_back(number);
    }
    user.tokens += tokens;
    window_.push_back({scene_->cluster().now(), number, tokens});
  }
  double fairness_weight_ = 1.0, load_weight_ = 1.0;

 private:
  static constexpr Time kWindow = 300 * kTicksPerSecond;
  static constexpr double kMaxInFlight = 100.0, kLeastBucket = 1000.0;
  struct User {
    double tokens = 0;
    std::int64_t requests = 0;
    std::size_t place = 0;  // in live_
  };
  struct Use {
    Time at;
    std::size_t user;
    double tokens;
  };
  // Requests without a session are one user's.
  static std::size_t number_of(const QueuedRequest& request) { return static_cast<std::size_t>(request.session + 1); }
  void leave(User& user) {
    user.tokens = 0;
    users_[live_.back()].place = user.place;
    live_[user.place] = live_.back();
    live_.pop_back();
  }
  // Half the sum of the least and the most that a user has used.
  double bucket() const {
    double least = INFINITY, most = 0;
    for (const std::size_t number : live_) {
      least = std::min(least, users_[number].tokens);
      most = std::max(most, users_[number].tokens);
    }
    return live_.empty() ? kLeastBucket : std::max(kLeastBucket, (least + most) / 2);
  }

  RandomStream stream_;
  std::vector<User> users_;        // by number
  std::vector<std::size_t> live_;  // those with requests in the window, in no order that means anything
  Fifo<Use> window_;
};

}  // namespace

std::vector<PolicyInfo> aibrix_session_policies() {
  const std::string folder = "vllm-project/aibrix e3e10f9e, pkg/plugins/gateway/algorithms/";
  return {
      greedy<AibrixSessionAffinity>("aibrix_session_affinity",
                                    "AIBrix: the pod of the highest hash with the session (rendezvous); a random one "
                                    "without a session.",
                                    folder + "session_affinity.go")
          .reads({})
          .done(),
      greedy<AibrixVtc>(
          "aibrix_vtc_basic",
          "AIBrix: least fairness_weight * |pod's number - user's tokens / bucket| + load_weight * requests in "
          "flight / 100 + a draw up to 0.1. A user, here a session, has used prompt + 2 * 1.5 * prompt tokens a "
          "request in the last 5 min; bucket is half of the least and the most together, 1000 at least.",
          folder + "vtc/vtc_basic.go")
          .real(&AibrixVtc::fairness_weight_, "fairness_weight", 1.0, 0.0, 16.0, ParamScale::linear,
                "of the first term")
          .real(&AibrixVtc::load_weight_, "load_weight", 1.0, 0.0, 16.0, ParamScale::linear, "of the second")
          .reads({Signal::outstanding})
          .done(),
  };
}

}  // namespace switchyard
