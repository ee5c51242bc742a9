#include "core/measured/replay_run.hpp"

#include <algorithm>

#include "core/api/policy.hpp"
#include "core/cluster/simulation.hpp"

namespace switchyard {

namespace {

// One engine takes everything at once.
class OnlyReplica final : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override {}
  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) cluster.assign(cluster.first_queued(), 0);
  }
};

// What the front end adds to a request is told by the steps that it was in.
class Watch final : public Observer {
 public:
  explicit Watch(std::size_t requests)
      : found_idle(requests, false), tokens_before_first(requests, 0), tokens_before_last(requests, 0) {}

  void on_arrival(Time, const QueuedRequest& request) override {
    found_idle[static_cast<std::size_t>(request.id)] = in_flight_++ == 0;
  }
  void on_batch(Time, Time end, std::int32_t, const BatchShape& shape, const ReplicaState&) override {
    before_last_ = last_;
    last_ = {end, static_cast<double>(shape.num_decodes)};
  }
  void on_prefill_complete(Time at, RequestId id, std::int32_t) override {
    tokens_before_first[static_cast<std::size_t>(id)] = decodes_of_step_ending(at);
  }
  void on_complete(Time at, RequestId id, std::int32_t) override {
    --in_flight_;
    tokens_before_last[static_cast<std::size_t>(id)] = decodes_of_step_ending(at) / 2;
  }

  std::vector<bool> found_idle;
  std::vector<double> tokens_before_first;
  std::vector<double> tokens_before_last;

 private:
  struct Step {
    Time end = 0;
    double decodes = 0;
  };
  double decodes_of_step_ending(Time at) const { return before_last_.end == at ? before_last_.decodes : last_.decodes; }

  std::int64_t in_flight_ = 0;
  Step last_, before_last_;
};

// The state at the times of a log.
class LogSampler final : public StateSampler {
 public:
  LogSampler(const std::vector<LoggedState>& times, std::vector<LoggedState>& out) : times_(times), out_(out) {}
  Time next_sample() const override {
    return out_.size() < times_.size() ? ticks_from_seconds(times_[out_.size()].time_s) : kNever;
  }
  void on_sample(std::int32_t, std::span<const ReplicaState> replicas) override {
    const ReplicaState& state = replicas.front();
    out_.push_back({times_[out_.size()].time_s, static_cast<double>(state.num_running),
                    static_cast<double>(state.num_waiting), 100.0 * state.blocks_used / state.num_blocks});
  }

 private:
  const std::vector<LoggedState>& times_;
  std::vector<LoggedState>& out_;
};

}  // namespace

ReplayedRun replay_run(const MeasuredRun& run, const CostModel& cost, const FrontEnd& front_end, double host_ms) {
  const bool client = run.client_clock;
  const Workload workload = make_workload(run.format, run.rows, run.content);
  const ReplicaKind kind(run.engine, cost);
  const ClusterConfig cluster = ClusterConfig::uniform(1, kind);
  check_fits(workload, kind.limits());
  ReplayedRun replayed;
  replayed.num_blocks = run.engine.num_gpu_blocks;
  OnlyReplica policy;
  Watch watch(workload.size());
  LogSampler sampler(run.log, replayed.log);
  Simulation simulation(Kernel::step);
  const Replay& replay = simulation.run(cluster, workload, policy, 1, &watch, run.log.empty() ? nullptr : &sampler);
  replayed.log.resize(run.log.size());  // nobody is there after the last completion
  for (std::size_t i = 0; i < run.log.size(); ++i) replayed.log[i].time_s = run.log[i].time_s;

  const double host_s = 1e-3 * host_ms;
  MeanBreakdown& mean = replayed.breakdown;
  for (std::size_t i = 0; i < workload.size(); ++i) {
    const RequestRecord& record = replay.requests[i];
    const Time arrived = record.arrived_at;
    const auto outputs = static_cast<std::int64_t>(workload.hidden.num_decode_tokens[i]);
    MeasuredRequest request{seconds_from_ticks(record.prefill_completed_at - arrived),
                            seconds_from_ticks(record.completed_at - arrived), outputs};
    mean.waiting_s += seconds_from_ticks(record.scheduled_at - arrived);
    mean.prefill_s += seconds_from_ticks(record.prefill_completed_at - record.scheduled_at);
    mean.decode_s += seconds_from_ticks(record.completed_at - record.prefill_completed_at);
    mean.host_s += host_s * static_cast<double>(outputs);
    if (client) {
      const double both = 1e-3 * (front_end.latency_ms + (watch.found_idle[i] ? front_end.first_step_ms : 0.0));
      request.ttft_s += both + 1e-6 * front_end.token_us * watch.tokens_before_first[i];
      const double last = both + 1e-6 * front_end.token_us * watch.tokens_before_last[i];
      request.e2e_s = std::max(request.e2e_s + last, request.ttft_s);
      mean.front_end_s += last;
    }
    replayed.requests.push_back(request);
  }
  const auto count = static_cast<double>(std::max<std::size_t>(workload.size(), 1));
  for (double* part : {&mean.front_end_s, &mean.waiting_s, &mean.prefill_s, &mean.decode_s, &mean.host_s})
    *part /= count;
  for (const ReplicaTotals& totals : replay.replicas) {
    replayed.num_steps += totals.num_batches;
    replayed.num_extrapolated_steps += totals.num_extrapolated_batches;
    replayed.num_preemptions += totals.num_restarts;
  }
  return replayed;
}

}  // namespace switchyard
