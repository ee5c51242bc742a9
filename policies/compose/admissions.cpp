#include <cmath>

#include "policies/compose/completion.hpp"
#include "policies/compose/interference.hpp"
#include "policies/compose/part.hpp"
#include "policies/compose/risk.hpp"

namespace switchyard {

namespace {

class Always final : public Admission {
 public:
  bool admits(const QueuedRequest&, std::int32_t) override { return true; }
};

class OutstandingCap final : public Admission {
 public:
  unsigned reads() const override { return signal_bits({Signal::outstanding}); }
  bool admits(const QueuedRequest&, std::int32_t replica) override {
    return scene_->cluster().outstanding(replica) < max_outstanding_;
  }
  std::int32_t max_outstanding_ = 32;
};

// Late binding: a replica gets a request only when it can start it.
class CanStart final : public Admission {
 public:
  unsigned reads() const override { return signal_bits({Signal::outstanding, Signal::waiting, Signal::state}); }
  bool admits(const QueuedRequest&, std::int32_t replica) override {
    const ClusterView& cluster = scene_->cluster();
    if (cluster.outstanding(replica) >= start_outstanding_ || cluster.num_waiting(replica) > start_waiting_) {
      return false;
    }
    if (in_prefill_ == InPrefill::admit) return true;
    const ReplicaState& state = scene_->state(replica);
    return state.batch_prefill_tokens == 0 && state.remaining_prefill_tokens == 0;
  }
  enum class InPrefill { wait, admit };
  std::int32_t start_outstanding_ = 8;
  std::int32_t start_waiting_ = 0;
  InPrefill in_prefill_ = InPrefill::wait;
};

// Late binding with a bound on work instead of on requests: a replica gets a request while the prompts that it has not
// computed yet would take it at most so long.
class PrefillBacklog final : public Admission {
 public:
  unsigned reads() const override { return signal_bits({Signal::state}); }
  bool admits(const QueuedRequest&, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    const std::int64_t tokens = state.waiting_prefill_tokens + state.remaining_prefill_tokens;
    return seconds_from_ticks(scene_->cluster().batch_times(replica).prefill(tokens)) <= backlog_s_;
  }
  double backlog_s_ = 0.05;
};

// Room for the prompt in the blocks that are free now, those of waiting prompts taken off.
class KvNow final : public Admission {
 public:
  unsigned reads() const override { return signal_bits({Signal::waiting, Signal::state, Signal::requests}); }
  bool admits(const QueuedRequest& request, std::int32_t replica) override {
    const ReplicaState& state = scene_->state(replica);
    const ReplicaLimits& limits = scene_->cluster().limits(replica);
    const std::int64_t tokens = state.waiting_prefill_tokens + request.num_prefill_tokens;
    const std::int64_t blocks = (tokens + limits.block_size - 1) / limits.block_size;
    return state.blocks_free() - blocks >= static_cast<std::int64_t>(std::floor(kv_reserve_ * limits.num_blocks));
  }
  double kv_reserve_ = 0.03;
};

// Room for what the replica is committed to, and for the request.
class KvGrowth final : public Admission {
 public:
  bool admits(const QueuedRequest& request, std::int32_t replica) override {
    KvForecast& forecast = scene_->forecast;
    const std::int32_t num_blocks = scene_->cluster().limits(replica).num_blocks;
    const auto reserve = static_cast<std::int64_t>(std::floor(safety_ * num_blocks));
    return num_blocks - (forecast.committed(replica) + forecast.needed(request, replica)) >= reserve;
  }
  double safety_ = 0.03;
};

}  // namespace

std::vector<PartInfo<Admission>> admission_parts() {
  return {
      part<Admission, Always>("always", "any replica, at once"),
      part<Admission, OutstandingCap>("cap", "fewer than max_outstanding requests wait or run there")
          .integer(&OutstandingCap::max_outstanding_, "max_outstanding", 32, 1, 1024, ParamScale::log,
                   "requests, waiting and running"),
      part<Admission, CanStart>("start", "the replica can start it: late binding")
          .integer(&CanStart::start_outstanding_, "start_outstanding", 8, 1, 1024, ParamScale::log,
                   "fewer requests than this wait or run there")
          .integer(&CanStart::start_waiting_, "start_waiting", 0, 0, 16, ParamScale::linear,
                   "at most this many wait there")
          .choice(&CanStart::in_prefill_, "in_prefill", {"wait", "admit"}, CanStart::InPrefill::wait,
                  "whether a replica that computes prompts may take more"),
      part<Admission, PrefillBacklog>("backlog", "the prompts it has yet to compute take at most backlog_s")
          .real(&PrefillBacklog::backlog_s_, "backlog_s", 0.05, 0.001, 60.0, ParamScale::log,
                "time of the prompts that wait there or are being computed, s"),
      part<Admission, KvNow>("kv", "KV headroom now: its prompt and those that wait there fit what is free")
          .real(&KvNow::kv_reserve_, "kv_reserve", 0.03, 0.0, 0.5, ParamScale::linear,
                "share of the KV blocks kept free"),
      part<Admission, KvGrowth>(
          "growth", "KV headroom for what the replica's requests and this one are expected to need", kUsesForecast)
          .real(&KvGrowth::safety_, "safety", 0.03, 0.0, 0.5, ParamScale::linear, "share of the KV blocks kept free"),
      risk_part(),
      interruption_part(),
      completion_admission_part(),
      surge_part(),
  };
}

}  // namespace switchyard
