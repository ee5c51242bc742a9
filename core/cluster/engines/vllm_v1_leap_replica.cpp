// What a VllmV1LeapReplica is given, when it does what, and what it shows. How it plans a step is in
// vllm_v1_leap_plan.cpp, how it takes many at once in vllm_v1_leap.cpp.
#include "core/cluster/engines/vllm_v1_leap_replica.hpp"

#include <algorithm>
#include <cassert>

namespace switchyard {

void VllmV1LeapReplica::reset(std::int32_t id, const ReplicaKind& kind, ReplicaContext& context) {
  id_ = id;
  context_ = &context;
  cost_ = &kind.cost();
  is_uneven_ = cost_->steps() && cost_->steps()->uneven();
  options_ = std::get<VllmV1Options>(kind.options());
  const bool caches = options_.enable_prefix_caching;
  const PrefixTree* tree = caches ? &context.workload->prefix_tree(options_.block_size) : nullptr;
  known_.reset(context.kv_delay, tree, context.known_holders, context.kv_news, id);
  forget();
  totals_ = {};
}

void VllmV1LeapReplica::lose(Time now) {
  catch_up(now, nullptr);
  context_->add_waiting(id_, -num_waiting_told_);
  totals_ = totals();
  pool_.tell_all_removed();
  known_.forget();
  forget();
}

void VllmV1LeapReplica::forget() {
  const PrefixTree* tree =
      options_.enable_prefix_caching ? &context_->workload->prefix_tree(options_.block_size) : nullptr;
  pool_.reset(options_.num_gpu_blocks - 1, tree, context_->holders, id_, known_.is_used() ? &known_ : nullptr,
              context_->workload->loop.empty() ? nullptr : context_->table->rows.data());
  requests_.clear();
  live_.clear();
  free_slots_.clear();
  waiting_.clear();
  waiting_tokens_ = 0;
  reserved_.clear();
  received_.clear();
  held_.clear();
  decoding_.reset(options_.block_size);
  prefilling_.clear();
  ending_.clear();
  publishers_.clear();
  prefilling_computed_ = ending_computed_ = 0;
  num_admissions_ = num_plans_ = 0;
  oldest_ = num_in_flight_ = 0;
  ends_at_ = ends_at_told_ = kNever;
  last_plan_was_empty_ = finished_since_plan_ = false;
  num_taken_in_ = 0;
  num_waiting_told_ = 0;
  num_events_ = 1;
  num_caught_up_ = 0;
  is_booked_ = goes_on_ = false;
}

bool VllmV1LeapReplica::enqueue(RequestId id, Time now, const VllmV1LeapReplica* caller) {
  const LiveRequest& arrived = context_->table->live[static_cast<std::size_t>(id)];
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<Slot>(requests_.size()));
    requests_.emplace_back();
    live_.emplace_back();
  }
  const Slot slot = free_slots_.back();
  free_slots_.pop_back();
  Request& request = at(slot) = {};
  request.id = id;
  request.num_prompt_tokens = request.num_tokens = arrived.original_prefill_tokens;
  request.end = std::min(arrived.total_tokens, options_.max_model_len);
  request.end_is_foreseen =
      !options_.async_scheduling || options_.output_ends == OutputEnds::length || request.end == options_.max_model_len;
  request.first_yield = kNeverYet;
  request.stage = arrived.stage;
  if (request.stage == Stage::prefill) {
    request.decodes_elsewhere = request.end > request.num_prompt_tokens + 1;
    request.end = request.num_prompt_tokens + 1;
    request.end_is_foreseen = true;
  } else if (request.stage == Stage::decode) {
    ++request.num_tokens;
    request.has_first_token = request.was_admitted = true;
  }
  const bool others_wait = !waiting_.empty();
  waiting_.push_back(slot);
  if (request.stage != Stage::decode) waiting_tokens_ += request.num_tokens;
  ++num_waiting_told_;
  // If it cannot be admitted the leap goes on.
  return cut(now, caller, others_wait || num_running() >= options_.max_num_seqs || budget_ == 0);
}

bool VllmV1LeapReplica::receive(RequestId id, Time now) {
  catch_up(now, nullptr);
  known_.set_now(now);
  const Slot slot = take_out(reserved_, id);
  assert(slot >= 0);
  pool_.publish(id, full_blocks(at(slot).num_prompt_tokens), at(slot).holder);
  received_.push_back(slot);
  return cut(now, nullptr, false);
}

bool VllmV1LeapReplica::release(RequestId id, Time now) {
  catch_up(now, nullptr);
  known_.set_now(now);
  const Slot slot = take_out(held_, id);
  assert(slot >= 0);
  const std::int32_t computed = at(slot).num_prompt_tokens;
  pool_.release(id, blocks_of(computed), options_.enable_prefix_caching ? full_blocks(computed) : 0,
                context_->requests_come_back, at(slot).holder);
  free_slots_.push_back(slot);
  return cut(now, nullptr, false);
}

bool VllmV1LeapReplica::withdraw(RequestId id, Time now) {
  catch_up(now, nullptr);
  known_.set_now(now);
  Slot slot = take_out(reserved_, id);
  if (slot >= 0) {
    const std::int32_t hits = at(slot).holder.num_linked;
    pool_.release(id, blocks_of(at(slot).num_tokens), hits, false, at(slot).holder);
  } else {
    slot = *std::find_if(waiting_.begin(), waiting_.end(), [&](Slot other) { return at(other).id == id; });
    waiting_.erase(slot);
  }
  free_slots_.push_back(slot);
  --num_waiting_told_;
  context_->add_waiting(id_, -1);
  return cut(now, nullptr, false);
}

VllmV1LeapReplica::Slot VllmV1LeapReplica::take_out(std::vector<Slot>& slots, RequestId id) {
  const auto found = std::find_if(slots.begin(), slots.end(), [&](Slot slot) { return at(slot).id == id; });
  if (found == slots.end()) return -1;
  const Slot slot = *found;
  slots.erase(found);
  return slot;
}

// Something has changed for the engine's next plan: the leap ends with the step that it is made after. True if that is
// at this very instant.
bool VllmV1LeapReplica::cut(Time now, const VllmV1LeapReplica* caller, bool cannot_join) {
  goes_on_ = false;
  if (ends_at_ == kNever || num_in_flight_ == 0 || num_events_ == 1) return false;

  const Progress progress = progress_at(now, caller);
  const std::int64_t events = progress.runs ? progress.ended + 1 : progress.ended;
  const Time end = first_event_ + (events - 1) * newest().duration;
  // After an arrival at the very instant of an inner event the engine plans ahead of those of other replicas.
  if (cannot_join && (caller || end != now)) return false;
  const bool ends_now = end == now && end != ends_at_;
  num_events_ = events;
  ends_at_ = ends_at_told_ = end;
  return ends_now;
}

bool VllmV1LeapReplica::start(Time now, StartCause) {
  if (ends_at_ == kNever) go_round(now);
  const bool is_new = ends_at_ != ends_at_told_;
  ends_at_told_ = ends_at_;
  return is_new;
}

// vLLM's loop up to where it must wait: plan, and if nothing but this step is in flight, plan the next one as well.
void VllmV1LeapReplica::go_round(Time now) {
  known_.set_now(now);
  num_taken_in_ = num_waiting() + num_running();
  bool planned = plan(now) || plan_again(now);
  if (planned && num_in_flight_ == 1 && options_.async_scheduling) planned = plan(now);
  last_plan_was_empty_ = !planned;
  tell_waiting();
  if (num_in_flight_ > 0) leap();
}

bool VllmV1LeapReplica::go_on() {
  if (!goes_on_) return false;
  const Time now = ends_at_;
  catch_up(num_events_ - 1 - num_caught_up_);
  if (decoding_.blocks().next() > pool_.num_free()) return false;
  drop_oldest();
  go_round(now);
  ends_at_told_ = ends_at_;
  return true;
}

void VllmV1LeapReplica::finish(std::vector<RequestId>& completed) {
  const Time now = ends_at_;
  ends_at_ = ends_at_told_ = kNever;
  is_booked_ = goes_on_ = false;
  if (num_in_flight_ == 0) return;  // a sleep is over
  if (num_events_ > 1) {
    catch_up(num_events_ - 1 - num_caught_up_);
    note_last_tokens(newest());
  }
  known_.set_now(now);
  const std::size_t held_before = held_.size();
  book(oldest(), now, completed);
  drop_oldest();
  num_events_ = 1;
  num_caught_up_ = 0;
  if (!completed.empty()) {
    if (completed.size() > 1) std::sort(completed.begin(), completed.end());
    num_taken_in_ -= static_cast<std::int64_t>(completed.size());
    finished_since_plan_ = true;
    tell_waiting();
  }
  if (held_.size() > held_before) {
    num_taken_in_ -= static_cast<std::int64_t>(held_.size() - held_before);
    finished_since_plan_ = true;
  }
  if (must_sleep()) ends_at_ = checked_end(now, options_.sleep_after_empty_plan, 1);
}

// vLLM's loop gives way for a while after an iteration that planned nothing, if work is left: a request that it has
// taken in, or the news of one that finished.
bool VllmV1LeapReplica::must_sleep() const {
  return options_.async_scheduling && options_.sleep_after_empty_plan > 0 && last_plan_was_empty_ &&
         (num_taken_in_ > 0 || finished_since_plan_);
}

void VllmV1LeapReplica::tell_waiting() {
  const std::int32_t waiting = num_waiting();
  if (waiting != num_waiting_told_) context_->add_waiting(id_, waiting - num_waiting_told_);
  num_waiting_told_ = waiting;
}

void VllmV1LeapReplica::book(Step& step, Time now, std::vector<RequestId>& completed) {
  const auto give_waiting_token = [&](Slot slot) {
    ++at(slot).num_tokens;
    ++waiting_tokens_;
    if (at(slot).num_tokens == at(slot).end) complete(slot, now, completed);
  };
  for (const Prefill& prefill : step.prefills) {
    Request& request = at(prefill.slot);
    record(prefill.slot).execution += step.duration;
    const bool is_running = request.phase != Phase::waiting;
    if (is_running) request.num_booked += prefill.num_tokens;
    if (!prefill.yields) continue;
    if (!request.has_first_token) {
      record(prefill.slot).prefill_completed_at = now;
      if (context_->first_tokens) context_->first_tokens->push_back(request.id);
    }
    request.has_first_token = true;
    if (!is_running) give_waiting_token(prefill.slot);
  }
  for (const Slot slot : step.victims) give_waiting_token(slot);
  const Step* next = num_in_flight_ > 1 ? &newest() : nullptr;
  for (const Slot slot : publishers_) {
    Request& request = at(slot);
    if (!yields(request, step.index, step.last_decode)) continue;
    const std::int32_t in_flight = next && yields(request, next->index, next->last_decode) ? 1 : 0;
    pool_.publish(request.id, full_blocks(position_of(slot) - 1 - in_flight), request.holder);
  }
  for (const Slot slot : step.ends) {
    if (at(slot).decodes_elsewhere) {
      hold(slot);
    } else {
      complete(slot, now, completed);
    }
  }
}

// It has its first token, and keeps its blocks.
void VllmV1LeapReplica::hold(Slot slot) {
  Request& request = at(slot);
  erase(ending_, slot);
  ending_computed_ -= request.end - 1;
  erase(publishers_, slot);
  request.phase = Phase::held;
  held_.push_back(slot);
  ++totals_.num_prefilled;
  context_->prefilled->push_back(request.id);
}

void VllmV1LeapReplica::complete(Slot slot, Time now, std::vector<RequestId>& completed) {
  Request& request = at(slot);
  record(slot).completed_at = now;
  ++totals_.num_requests;
  completed.push_back(request.id);
  free_slots_.push_back(slot);
  if (request.phase == Phase::waiting) {
    waiting_.erase(slot);
    waiting_tokens_ -= request.num_tokens;
    return;
  }
  std::int32_t computed = request.end - 1;
  const std::int32_t published = full_blocks(computed);
  if (request.phase == Phase::decoding) {  // nobody foresaw the end: it may be in the next step as well
    decoding_.remove(num_decodes_before(request.admission), live(slot));
    record(slot).execution += decoding_.decode_time(live(slot));
    computed = live(slot).processed - 1;
    if (computed == request.end) {
      record(slot).execution -= newest().duration;
      --newest().num_yielding;
    }
  } else {
    erase(ending_, slot);
    ending_computed_ -= computed;
  }
  erase(publishers_, slot);
  pool_.release(request.id, blocks_of(computed), options_.enable_prefix_caching ? published : 0, false, request.holder);
}

ReplicaState VllmV1LeapReplica::state(Time now, const VllmV1LeapReplica* caller) {
  catch_up(now, caller);
  ReplicaState state;
  state.num_waiting = num_waiting();
  state.num_running = num_running();
  state.num_prefilling = static_cast<std::int32_t>(prefilling_.size());
  state.waiting_prefill_tokens = waiting_tokens_;
  for (const Slot slot : prefilling_) state.remaining_prefill_tokens += at(slot).target - at(slot).num_booked;
  state.num_blocks = pool_.num_usable();
  state.blocks_used = pool_.num_used();
  state.blocks_cached = pool_.num_free_cached();
  state.decoding_kv_tokens = decoding_.kv_tokens();
  state.generated_tokens = decoding_.generated_tokens();
  for (const Slot slot : ending_) {
    state.decoding_kv_tokens += at(slot).end;
    state.generated_tokens += at(slot).end - at(slot).num_prompt_tokens;
  }
  // Steps in flight have not happened yet: neither their tokens, nor the ends of prefills.
  const std::int32_t first = is_booked_ ? 1 : 0;
  for (std::int32_t i = first; i < num_in_flight_; ++i) {
    state.decoding_kv_tokens -= step_in_flight(i).num_yielding;
    state.generated_tokens -= step_in_flight(i).num_yielding;
    for (const Prefill& prefill : step_in_flight(i).prefills) {
      const Request& request = at(prefill.slot);
      if (!prefill.yields || request.phase == Phase::waiting) continue;
      state.decoding_kv_tokens -= request.target;
      state.generated_tokens -= request.target - request.num_prompt_tokens;
      ++state.num_prefilling;
      state.remaining_prefill_tokens += request.target - request.num_booked;
    }
  }
  if (first < num_in_flight_) {
    const Step& step = step_in_flight(first);
    const bool prefills = step.shape.num_prefills > 0;
    const bool decodes = step.shape.num_decodes > 0;
    state.batch_kind = !prefills ? BatchKind::decode : decodes ? BatchKind::mixed : BatchKind::prefill;
    state.batch_started_at = step.starts_at;
    state.batch_prefill_tokens = static_cast<std::int32_t>(step.shape.prefill_tokens);
    state.batch_decodes = step.shape.num_decodes;
  }
  return state;
}

void VllmV1LeapReplica::waiting(std::vector<ResidentRequest>& out) const {
  for (const Slot slot : received_) show(slot, out);
  for (const Slot slot : reserved_) show(slot, out);
  for (const Slot slot : waiting_) show(slot, out);
}

void VllmV1LeapReplica::running(std::vector<ResidentRequest>& out, Time now, const VllmV1LeapReplica* caller) {
  catch_up(now, caller);
  for (const Slot slot : decoding_.ids()) show(slot, out);
  for (const Slot slot : ending_) show(slot, out);
  for (const Slot slot : prefilling_) show(slot, out);
}

void VllmV1LeapReplica::held(std::vector<ResidentRequest>& out) const {
  for (const Slot slot : held_) show(slot, out);
}

void VllmV1LeapReplica::show(Slot slot, std::vector<ResidentRequest>& out) const {
  const Request& request = at(slot);
  const bool is_running = request.phase != Phase::waiting;
  const bool complete = is_running && request.num_booked >= request.target;
  out.push_back({.id = request.id,
                 .arrived_at = context_->table->requests[static_cast<std::size_t>(request.id)].arrived_at,
                 .num_prefill_tokens = is_running ? request.target : request.num_tokens,
                 .original_prefill_tokens = request.num_prompt_tokens,
                 .num_processed_tokens = complete ? position_of(slot) - tokens_in_flight(request) : request.num_booked,
                 .prefill_complete = complete});
}

std::int32_t VllmV1LeapReplica::cached_tokens(RequestId request, Time now, const VllmV1LeapReplica* caller) {
  catch_up(now, caller);
  const std::int32_t prompt = context_->table->requests[static_cast<std::size_t>(request)].num_prefill_tokens;
  return std::min(full_blocks(prompt), pool_.num_cached(request)) * options_.block_size;
}

std::int32_t VllmV1LeapReplica::cached_tokens_ago(RequestId request, Time now, const VllmV1LeapReplica* caller) {
  if (!known_.is_used()) return 0;
  catch_up(now, caller);
  const std::int32_t prompt = context_->table->requests[static_cast<std::size_t>(request)].num_prefill_tokens;
  return std::min(full_blocks(prompt),
                  known_.num_cached(context_->table->rows[static_cast<std::size_t>(request)], now)) *
         options_.block_size;
}

std::int64_t VllmV1LeapReplica::waiting_uncached_tokens(Time now, const VllmV1LeapReplica* caller) {
  catch_up(now, caller);
  std::int64_t tokens = waiting_tokens_;
  for (const Slot slot : waiting_) {
    if (at(slot).stage == Stage::decode) continue;
    const std::int32_t most = full_blocks(at(slot).num_tokens - 1);
    tokens -= std::int64_t{std::min(most, pool_.num_cached(at(slot).id))} * options_.block_size;
  }
  return tokens;
}

bool VllmV1LeapReplica::may_store_a_beginning() const {
  return ends_at_ != kNever && num_events_ > 1 &&
         std::any_of(publishers_.begin(), publishers_.end(),
                     [this](Slot slot) { return at(slot).holder.num_linked == 0; });
}

ReplicaTotals VllmV1LeapReplica::totals() const {
  ReplicaTotals totals = totals_;
  totals.num_evicted_blocks += pool_.num_evicted();  // since the replica last failed
  return totals;
}

}  // namespace switchyard
