#include <deque>

#include "policies/learning/mean.hpp"
#include "policies/production/greedy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// Work that was sent to each replica within a window: prefill time, and decode time for the mean output.
class WindowedWork final : public Scoring {
 public:
  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    outputs_.start();
    replicas_.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), Window{});
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }
  void completed(const CompletedRequest& request) override { outputs_.add(request.num_decode_tokens); }
  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    const BatchTimes times = scene_->cluster().batch_times(replica);
    const double outputs = outputs_.mean();
    const auto context = static_cast<std::int64_t>(request.num_prefill_tokens + outputs / 2);
    const Time work = times.prefill(request.num_prefill_tokens) +
                      static_cast<Time>(outputs * static_cast<double>(times.decode(1, context)));
    Window& window = replicas_[static_cast<std::size_t>(replica)];
    window.sent.push_back({scene_->cluster().now(), work});
    window.work += work;
  }
  Score score(const QueuedRequest&, std::int32_t replica) override {
    Window& window = replicas_[static_cast<std::size_t>(replica)];
    const double now = seconds_from_ticks(scene_->cluster().now());
    while (!window.sent.empty() && seconds_from_ticks(window.sent.front().at) < now - window_s_) {
      window.work -= window.sent.front().work;
      window.sent.pop_front();
    }
    return {static_cast<double>(window.work), 0};
  }
  double shown(const Score& score) const override { return score.value / static_cast<double>(kTicksPerSecond); }  // s
  double window_s_ = 180.0;

 private:
  struct Sent {
    Time at;
    Time work;
  };
  struct Window {
    std::deque<Sent> sent;
    Time work = 0;
  };
  RunningMean outputs_;
  std::vector<Window> replicas_;
};

}  // namespace

std::vector<PolicyInfo> preble_policies() {
  using P = WindowedWork;
  return {greedy<P>("preble_e2",
                    "Preble's E2, its exploring half: least work sent within a window, each request's prefill time and "
                    "the decode time of the mean output. Reads prompts, completed outputs, a profile of batch times. "
                    "Left out: prefix exploitation, eviction cost, rebalancing.",
                    "Srivatsa et al., Preble, arXiv 2407.00023")
              .real(&P::window_s_, "window_s", 180.0, 1.0, 3600.0, ParamScale::log, "length of the window, s")
              .done()};
}

}  // namespace switchyard
