// One replay: a workload through a cluster under a policy. See core/README.md for what it computes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "core/api/policy.hpp"
#include "core/api/routed_by.hpp"
#include "core/cluster/kinds.hpp"
#include "core/cluster/records.hpp"
#include "core/cost/cost_model.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

// `step` takes one batch at a time, plainly; `leap` takes all batches between two changes of a batch's make-up at
// once. Both give the same bytes; `step` is what `leap` is tested against.
enum class Kernel : std::uint8_t { leap, step };

// The policy left requests waiting with nothing more to happen.
class StalledError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A request's share of a planned step.
struct ScheduledTokens {
  RequestId id = 0;
  std::int32_t num_tokens = 0;           // that the step computes
  std::int32_t num_computed_tokens = 0;  // before it, prefix that was found in the cache included
};

// One plan of vllm_v1, with what was preempted while it was made. Nothing scheduled: no step, both times are those of
// the plan.
struct PlannedStep {
  Time planned_at = 0;
  Time starts_at = 0;
  Time ends_at = 0;
  std::int32_t replica = 0;
  std::span<const ScheduledTokens> scheduled;  // in the scheduler's order
  std::span<const RequestId> preempted;        // in order
  std::int32_t blocks_free = 0;                // after it
};

// What becomes of a replica of a cluster that is operated.
enum class ReplicaChange : std::uint8_t { fails, drains, leaves, starts, serves };
const char* change_name(ReplicaChange change);

// Sees every event of a replay as it happens; for logs and timelines. A replay with an observer runs on the `step`
// kernel (the results are the same).
class Observer {
 public:
  virtual ~Observer() = default;
  // What has arrived, just before on_arrival: ids count arrivals, rows are the workload's.
  virtual void on_row(RequestId, std::int32_t /*row*/) {}
  virtual void on_arrival(Time, const QueuedRequest&) {}
  // The policy is about to place a queued request; the view still shows the cluster that it decided on. `scores` is
  // what Policy::scores tells: one number a replica, or nothing.
  virtual void on_decision(Time, const QueuedRequest&, std::int32_t /*replica*/, const ClusterView&,
                           std::span<const double> /*scores*/) {}
  virtual void on_assign(Time, RequestId, std::int32_t /*replica*/) {}
  virtual void on_hold(Time, std::int32_t /*queue_length, left by a policy call*/) {}
  // A batch of the replica begins to compute the request's prompt, after what a prefix cache held of it.
  virtual void on_admit(Time, RequestId, std::int32_t /*replica*/, std::int32_t /*cached tokens*/) {}
  virtual void on_batch(Time /*start*/, Time /*end*/, std::int32_t /*replica*/, const BatchShape&,
                        const ReplicaState& /*as the batch starts*/) {}
  // vllm_v1: a plan that schedules or preempts. The step's on_batch comes when it starts to run.
  virtual void on_plan(const PlannedStep&) {}
  // vllm_v1: the oldest step has ended and is booked.
  virtual void on_booking(Time, std::int32_t /*replica*/, const ReplicaState& /*after it*/) {}
  virtual void on_prefill_complete(Time, RequestId, std::int32_t /*replica*/) {}
  virtual void on_restart(Time, RequestId, std::int32_t /*replica*/) {}
  // KV has moved from where its prompt was computed to where it decodes (its row is the request's id here).
  virtual void on_transfer(RequestId, const HandOff&) {}
  virtual void on_complete(Time, RequestId, std::int32_t /*replica*/) {}
  virtual void on_replica(Time, std::int32_t /*replica*/, ReplicaChange) {}
  // The router learns that the request was lost, as its replica failed; it is in the queue again, or has failed.
  virtual void on_loss(Time, RequestId, std::int32_t /*replica*/, bool /*again*/) {}
};

// Looks at the cluster at regular times, on either kernel: for small timelines of long runs.
class StateSampler {
 public:
  virtual ~StateSampler() = default;
  // The first sample, then the next one after each, must lie ahead of the last. Events at a sample's own instant have
  // not happened yet.
  virtual Time next_sample() const = 0;
  virtual void on_sample(std::int32_t queue_length, std::span<const ReplicaState> replicas) = 0;
};

// What a policy's start() is given on the workload of this seed. Not the seed itself: a generated workload is a
// function of it, so a policy that knew it could draw the future.
std::uint64_t policy_seed(std::uint64_t workload_seed, std::int32_t router = 0);

// Reusable: a worker keeps one Simulation and runs replay after replay; buffers stay allocated, nothing else stays.
class Simulation {
 public:
  explicit Simulation(Kernel kernel = Kernel::leap);
  ~Simulation();
  Simulation(Simulation&&) noexcept;
  Simulation& operator=(Simulation&&) noexcept;

  // Replays the workload (already checked by check_fits). `seed` is the workload's seed: what the policy is given for
  // its random stream derives from it, and is another number (policy_seed). The result is valid until the next run.
  // Throws StalledError; std::overflow_error if the run would last longer than the clock can count;
  // std::invalid_argument for a replica that cannot be simulated.
  const Replay& run(const ClusterConfig& config, const Workload& workload, const RoutedBy& policy, std::uint64_t seed,
                    Observer* observer = nullptr, StateSampler* sampler = nullptr);

  // The same with a policy object, where there is one router; if replicas publish as the policy has it, it says nothing
  // of that: signals are live then.
  const Replay& run(const ClusterConfig& config, const Workload& workload, Policy& policy, std::uint64_t seed,
                    Observer* observer = nullptr, StateSampler* sampler = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard
