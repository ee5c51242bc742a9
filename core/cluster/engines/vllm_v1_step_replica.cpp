#include "core/cluster/engines/vllm_v1_step_replica.hpp"

#include <algorithm>

namespace switchyard {

void VllmV1StepReplica::reset(std::int32_t id, const ReplicaKind& kind, ReplicaContext& context) {
  id_ = id;
  cost_ = &kind.cost();
  context_ = &context;
  options_ = std::get<VllmV1Options>(kind.options());
  known_.reset(context.kv_delay);
  forget();
  totals_ = {};
}

void VllmV1StepReplica::forget() {
  scheduler_.reset(options_, BlockKeys(context_->workload->content, context_->table->rows, options_.block_size),
                   context_->kv_changes ? &context_->kv_changes[id_] : nullptr);
  in_flight_.clear();
  ends_at_ = ends_at_told_ = kNever;
  last_plan_was_empty_ = false;
  finished_since_plan_ = false;
  num_taken_in_ = 0;
  num_waiting_published_ = 0;
}

void VllmV1StepReplica::lose(Time) {
  context_->add_waiting(id_, -num_waiting_published_);
  totals_ = totals();
  scheduler_.tell_all_removed();
  known_.forget();
  forget();
}

bool VllmV1StepReplica::enqueue(RequestId id, Time, const VllmV1StepReplica*) {
  const LiveRequest& request = context_->table->live[static_cast<std::size_t>(id)];
  scheduler_.add(id, request.original_prefill_tokens, request.total_tokens - request.original_prefill_tokens,
                 request.stage);
  ++num_waiting_published_;
  return false;
}

bool VllmV1StepReplica::receive(RequestId id, Time) {
  scheduler_.receive(id);
  return false;
}

bool VllmV1StepReplica::release(RequestId id, Time) {
  scheduler_.release(id);
  return false;
}

bool VllmV1StepReplica::withdraw(RequestId id, Time) {
  scheduler_.withdraw(id);
  --num_waiting_published_;
  context_->add_waiting(id_, -1);
  return false;
}

bool VllmV1StepReplica::start(Time now, StartCause) {
  if (ends_at_ == kNever) go_round(now);
  const bool is_new = ends_at_ != ends_at_told_;
  ends_at_told_ = ends_at_;
  return is_new;
}

// vLLM's loop up to where it must wait: plan, and if nothing but this step is in flight, plan the next one as well.
void VllmV1StepReplica::go_round(Time now) {
  num_taken_in_ = scheduler_.num_waiting() + scheduler_.num_running();
  bool planned = plan(now) || plan_again(now);
  if (planned && in_flight_.size() == 1 && options_.async_scheduling) planned = plan(now);
  last_plan_was_empty_ = !planned;
  publish_waiting();
  if (!in_flight_.empty()) ends_at_ = in_flight_.front().ends_at;
}

// With blocks reserved or held for requests that do not run, all that ran may have been preempted: then nothing is in
// flight whose end would have the engine plan again, and it does so at once.
bool VllmV1StepReplica::plan_again(Time now) {
  return in_flight_.empty() && !spare_.step.preempted.empty() && plan(now);
}

// Whether there is something to compute.
bool VllmV1StepReplica::plan(Time now) {
  finished_since_plan_ = false;
  StepInFlight& planned = spare_;
  planned.step.clear();
  if (!scheduler_.has_requests()) return false;
  scheduler_.plan(planned.step);
  const VllmV1Scheduler::Step& step = planned.step;
  planned.starts_at = planned.ends_at = now;
  for (const RequestId id : step.preempted) {
    ++record(id).num_restarts;
    ++totals_.num_restarts;
  }
  for (const VllmV1Scheduler::Admission& admission : step.admitted) {
    if (admission.is_first) record(admission.id).num_cached_tokens = admission.num_cached_tokens;
  }
  for (const Reservation& reserved : step.reserved) context_->reservations->push_back(reserved);
  if (!step.members.empty()) launch(planned);
  if (context_->observer && !(step.members.empty() && step.preempted.empty())) observe_plan(planned, now);
  if (step.members.empty()) return false;
  in_flight_.push_back(std::move(planned));
  if (in_flight_.size() == 1) observe_start();
  return true;
}

void VllmV1StepReplica::launch(StepInFlight& planned) {
  if (!in_flight_.empty()) planned.starts_at = in_flight_.back().ends_at;  // never before now
  planned.shape = {};
  for (const VllmV1Scheduler::Member& member : planned.step.members) {
    if (member.is_prefill) {
      cost_->add_prefill(planned.shape, member.num_computed_before, member.num_tokens);
    } else {
      ++planned.shape.num_decodes;
      const std::int64_t kv = member.num_computed_before + 1;
      planned.shape.decode_kv_tokens += kv;
      planned.shape.decode_kv_max = std::max(planned.shape.decode_kv_max, kv);
    }
  }
  const CostModel::Lookup cost = cost_->batch_time(planned.shape);
  planned.ends_at = checked_end(planned.starts_at, cost.time, 1);
  for (const VllmV1Scheduler::Member& member : planned.step.members) {
    Time& scheduled_at = record(member.id).scheduled_at;
    if (scheduled_at == kNever) scheduled_at = planned.starts_at;
  }
  ++totals_.num_batches;
  totals_.num_extrapolated_batches += cost.extrapolated;
  totals_.peak_blocks = std::max(totals_.peak_blocks, scheduler_.pool().num_used());
  totals_.busy += cost.time;
  totals_.kv_token_ticks += Int128{planned.step.num_running_tokens} * cost.time;
}

void VllmV1StepReplica::finish(std::vector<RequestId>& completed) {
  const Time now = ends_at_;
  ends_at_ = ends_at_told_ = kNever;
  if (in_flight_.empty()) return;  // a sleep is over
  const StepInFlight& ended = in_flight_.front();
  scheduler_.book(ended.step, booking_);
  for (const RequestId id : booking_.computed) record(id).execution += now - ended.starts_at;
  for (const RequestId id : booking_.first_tokens) {
    record(id).prefill_completed_at = now;
    if (context_->first_tokens) context_->first_tokens->push_back(id);
  }
  if (context_->observer) {
    for (const RequestId id : booking_.prefilled) context_->observer->on_prefill_complete(now, id, id_);
  }
  for (const RequestId id : booking_.finished) {
    record(id).completed_at = now;
    completed.push_back(id);
  }
  std::sort(completed.begin(), completed.end());
  for (const RequestId id : booking_.held) context_->prefilled->push_back(id);
  totals_.num_requests += static_cast<std::int64_t>(completed.size());
  totals_.num_prefilled += static_cast<std::int64_t>(booking_.held.size());
  num_taken_in_ -= completed.size() + booking_.held.size();
  finished_since_plan_ |= !completed.empty() || !booking_.held.empty();
  spare_ = std::move(in_flight_.front());  // keeps what is allocated
  in_flight_.pop_front();
  publish_waiting();
  if (context_->observer) context_->observer->on_booking(now, id_, state(now, nullptr));
  if (!in_flight_.empty()) observe_start();
  if (must_sleep()) ends_at_ = checked_end(now, options_.sleep_after_empty_plan, 1);
}

// vLLM's loop gives way for a while after an iteration that planned nothing, if work is left: a request that it has
// taken in, or the news of one that finished.
bool VllmV1StepReplica::must_sleep() const {
  return options_.async_scheduling && options_.sleep_after_empty_plan > 0 && last_plan_was_empty_ &&
         (num_taken_in_ > 0 || finished_since_plan_);
}

void VllmV1StepReplica::publish_waiting() {
  const auto waiting = static_cast<std::int32_t>(scheduler_.num_waiting());
  if (waiting != num_waiting_published_) context_->add_waiting(id_, waiting - num_waiting_published_);
  num_waiting_published_ = waiting;
}

void VllmV1StepReplica::observe_plan(const StepInFlight& planned, Time now) {
  Observer& observer = *context_->observer;
  for (const RequestId id : planned.step.preempted) observer.on_restart(now, id, id_);
  for (const VllmV1Scheduler::Admission& admission : planned.step.admitted) {
    observer.on_admit(now, admission.id, id_, admission.num_cached_tokens);
  }
  std::vector<ScheduledTokens> scheduled;
  for (const VllmV1Scheduler::Member& member : planned.step.members) {
    scheduled.push_back(
        {.id = member.id, .num_tokens = member.num_tokens, .num_computed_tokens = member.num_computed_before});
  }
  observer.on_plan({.planned_at = now,
                    .starts_at = planned.starts_at,
                    .ends_at = planned.ends_at,
                    .replica = id_,
                    .scheduled = scheduled,
                    .preempted = planned.step.preempted,
                    .blocks_free = scheduler_.pool().num_free()});
}

// The oldest step in flight begins to run.
void VllmV1StepReplica::observe_start() {
  if (!context_->observer) return;
  const StepInFlight& step = in_flight_.front();
  context_->observer->on_batch(step.starts_at, step.ends_at, id_, step.shape, state(step.starts_at, nullptr));
}

ReplicaState VllmV1StepReplica::state(Time, const VllmV1StepReplica*) const {
  ReplicaState state = scheduler_.state();
  if (in_flight_.empty()) return state;
  const BatchShape& shape = in_flight_.front().shape;
  state.batch_kind = shape.num_prefills == 0  ? BatchKind::decode
                     : shape.num_decodes == 0 ? BatchKind::prefill
                                              : BatchKind::mixed;
  state.batch_started_at = in_flight_.front().starts_at;
  state.batch_prefill_tokens = static_cast<std::int32_t>(shape.prefill_tokens);
  state.batch_decodes = shape.num_decodes;
  return state;
}

void VllmV1StepReplica::waiting(std::vector<ResidentRequest>& out) const {
  scheduler_.visit_waiting([&](ResidentRequest request) { show(request, out); });
}

void VllmV1StepReplica::running(std::vector<ResidentRequest>& out, Time, const VllmV1StepReplica*) const {
  scheduler_.visit_running([&](ResidentRequest request) { show(request, out); });
}

void VllmV1StepReplica::held(std::vector<ResidentRequest>& out) const {
  scheduler_.visit_held([&](ResidentRequest request) { show(request, out); });
}

void VllmV1StepReplica::show(ResidentRequest& request, std::vector<ResidentRequest>& out) const {
  request.arrived_at = context_->table->requests[request.id].arrived_at;
  out.push_back(request);
}

std::int32_t VllmV1StepReplica::cached_tokens(RequestId request, Time, const VllmV1StepReplica*) const {
  return scheduler_.num_cached_tokens(request, context_->table->requests[request].num_prefill_tokens);
}

std::int32_t VllmV1StepReplica::cached_tokens_ago(RequestId request, Time now, const VllmV1StepReplica*) {
  if (!options_.enable_prefix_caching) return 0;
  const std::int32_t prompt = context_->table->requests[static_cast<std::size_t>(request)].num_prefill_tokens;
  return known_.num_leading(scheduler_.prompt_keys(request, prompt), now) * options_.block_size;
}

ReplicaTotals VllmV1StepReplica::totals() const {
  ReplicaTotals totals = totals_;
  // Those of the scheduler are since the replica last failed.
  totals.num_scheduled_tokens += scheduler_.totals().num_scheduled_tokens;
  totals.hit_tokens += scheduler_.totals().hit_tokens;
  totals.hit_tokens_resumed += scheduler_.totals().hit_tokens_resumed;
  totals.num_recomputed_tokens += scheduler_.totals().num_recomputed_tokens;
  totals.num_evicted_blocks += scheduler_.pool().num_evicted();
  return totals;
}

}  // namespace switchyard
