#include "policies/compose/completion.hpp"
#include "policies/compose/part.hpp"

namespace switchyard {

namespace {

class ByArrival final : public Order {
 public:
  double key(const QueuedRequest&) override { return 0; }
};

class ByPrompt final : public Order {
 public:
  double key(const QueuedRequest& request) override { return request.num_prefill_tokens; }
};

class LongestFirst final : public Order {
 public:
  double key(const QueuedRequest& request) override { return -request.num_prefill_tokens; }
};

// A second of waiting outweighs `exchange` prompt tokens; the order of two requests never changes as they wait.
class ByAge final : public Order {
 public:
  double key(const QueuedRequest& request) override {
    return request.num_prefill_tokens + exchange_ * seconds_from_ticks(request.arrived_at);
  }
  double exchange_ = 20.0;
};

// Seconds that the request would take alone, as far as its prompt tells, against its age.
class ByWork final : public Order {
 public:
  double key(const QueuedRequest& request) override {
    const BatchTimes times = scene_->cluster().batch_times(0);
    const double outputs = scene_->lengths->expected(request);
    const auto context = static_cast<std::int64_t>(request.num_prefill_tokens + outputs / 2);
    const double ticks = static_cast<double>(times.prefill(request.num_prefill_tokens)) +
                         output_weight_ * outputs * static_cast<double>(times.decode(1, context));
    return (ticks + work_exchange_ * static_cast<double>(request.arrived_at)) / static_cast<double>(kTicksPerSecond);
  }
  double output_weight_ = 1.0;
  double work_exchange_ = 0.0;
};

}  // namespace

std::vector<PartInfo<Order>> order_parts() {
  return {
      part<Order, ByArrival>("arrival", "first come, first served"),
      part<Order, ByPrompt>("prompt", "shortest prompt first"),
      part<Order, LongestFirst>("longest", "longest prompt first"),
      part<Order, ByAge>("age", "prompt tokens + exchange * arrival in seconds: age against size")
          .real(&ByAge::exchange_, "exchange", 20.0, 0.1, 10000.0, ParamScale::log,
                "prompt tokens that a second of waiting outweighs"),
      part<Order, ByWork>("work",
                          "expected seconds alone on a replica (its prefill and its expected outputs, one decode step "
                          "each) + work_exchange * arrival in seconds",
                          kUsesLengths)
          .real(&ByWork::output_weight_, "output_weight", 1.0, 0.0, 4.0, ParamScale::linear,
                "weight of the decode steps; 0 counts the prefill only")
          .real(&ByWork::work_exchange_, "work_exchange", 0.0, 0.0, 1.0, ParamScale::linear,
                "seconds of work that a second of waiting outweighs"),
      completion_order_part(),
  };
}

}  // namespace switchyard
