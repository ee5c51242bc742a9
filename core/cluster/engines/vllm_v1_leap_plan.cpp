// How a VllmV1LeapReplica plans a step: the rules of VllmV1Scheduler, for decodes as a whole.
#include <algorithm>
#include <cassert>

#include "core/cluster/engines/vllm_v1_leap_replica.hpp"

namespace switchyard {

// Whether there is something to compute.
bool VllmV1LeapReplica::plan(Time now) {
  finished_since_plan_ = preempted_ = lacks_memory_ = false;
  if (!has_requests()) return false;
  Step& step = step_in_flight(num_in_flight_);
  step.prefills.clear();
  step.ends.clear();
  step.victims.clear();
  budget_ = options_.max_num_batched_tokens;
  if (!continue_all(step)) continue_one_by_one(step);
  if (!preempted_ && !(waiting_.empty() && received_.empty())) admit_waiting(step);
  if (num_decodes_ == 0 && step.prefills.empty()) return false;
  compute(step, now);
  ++num_in_flight_;
  return true;
}

std::int32_t VllmV1LeapReplica::chunk(std::int32_t tokens) const {
  const std::int32_t threshold = options_.long_prefill_token_threshold;
  return std::min(threshold > 0 ? std::min(tokens, threshold) : tokens, budget_);
}

std::int32_t VllmV1LeapReplica::num_decodes_before(std::int64_t admission) const {
  const auto ids = decoding_.ids();
  if (ids.empty() || at(ids.back()).admission < admission) return decoding_.size();
  const auto later =
      std::partition_point(ids.begin(), ids.end(), [&](Slot slot) { return at(slot).admission < admission; });
  return static_cast<std::int32_t>(later - ids.begin());
}

// Pass 1 if every decode gets its token and no request lacks blocks. Otherwise it does nothing and returns false.
bool VllmV1LeapReplica::continue_all(Step& step) {
  const std::int32_t decodes = decoding_.size();
  const std::int32_t full_budget = budget_;
  std::int32_t passed = 0;  // decodes that come before
  std::int64_t needed = decodes > 0 ? decoding_.blocks().next() : 0;
  bool fits = true;
  for (const Slot slot : prefilling_) {
    const Request& request = at(slot);
    const std::int32_t before = num_decodes_before(request.admission);
    budget_ -= before - passed;
    passed = before;
    if (budget_ <= 0) {
      fits = budget_ == 0 && before == decodes;
      break;
    }
    const std::int32_t tokens = chunk(request.target - request.num_computed);
    needed += blocks_of(request.num_computed + tokens) - blocks_of(request.num_computed);
    step.prefills.push_back({.slot = slot, .num_tokens = tokens});
    budget_ -= tokens;
  }
  budget_ -= decodes - passed;
  if (!fits || budget_ < 0 || needed > pool_.num_free()) {
    budget_ = full_budget;
    step.prefills.clear();
    return false;
  }
  if (needed > 0) pool_.take(needed);
  auto publisher = publishers_.begin();
  for (const Prefill& prefill : step.prefills) {
    const Request& request = at(prefill.slot);
    for (; publisher != publishers_.end() && at(*publisher).admission < request.admission; ++publisher) {
      if (at(*publisher).phase == Phase::decoding) publish_decode(*publisher);
    }
    publish_prefill(prefill);
  }
  for (; publisher != publishers_.end(); ++publisher) {
    if (at(*publisher).phase == Phase::decoding) publish_decode(*publisher);
  }
  num_decodes_ = decodes;
  return true;
}

// Pass 1, in the order of admission.
void VllmV1LeapReplica::continue_one_by_one(Step& step) {
  std::size_t next_prefill = 0, next_ending = 0;
  num_decodes_ = 0;
  while (budget_ > 0) {
    Slot slot = -1;
    std::int64_t admission = kNeverYet;
    const auto consider = [&](Slot candidate) {
      if (at(candidate).admission >= admission) return;
      slot = candidate;
      admission = at(candidate).admission;
    };
    if (num_decodes_ < decoding_.size()) consider(decoding_.ids()[static_cast<std::size_t>(num_decodes_)]);
    if (next_prefill < prefilling_.size()) consider(prefilling_[next_prefill]);
    if (next_ending < ending_.size()) consider(ending_[next_ending]);
    if (slot < 0) return;
    const Request& request = at(slot);
    if (request.phase == Phase::ending) {
      ++next_ending;
      continue;
    }
    std::int32_t tokens = 1;
    std::int32_t needed = 0;
    if (request.phase == Phase::decoding) {
      needed = decoding_.blocks().is_next(live(slot).block_phase) ? 1 : 0;
    } else {
      tokens = chunk(request.target - request.num_computed);
      needed = blocks_of(request.num_computed + tokens) - blocks_of(request.num_computed);
    }
    while (needed > pool_.num_free()) {
      preempt_last();
      if (request.phase == Phase::waiting) return;  // it was this one itself
    }
    if (needed > 0) pool_.take(needed);
    if (request.phase == Phase::decoding) {
      publish_decode(slot);
      ++num_decodes_;
    } else {
      step.prefills.push_back({.slot = slot, .num_tokens = tokens});
      publish_prefill(step.prefills.back());
      ++next_prefill;
    }
    budget_ -= tokens;
  }
}

void VllmV1LeapReplica::publish_prefill(const Prefill& prefill) {
  Request& request = at(prefill.slot);
  pool_.publish(request.id, full_blocks(request.num_computed + prefill.num_tokens), request.holder);
}

// The token in flight cannot be part of a key.
void VllmV1LeapReplica::publish_decode(Slot slot) {
  Request& request = at(slot);
  pool_.publish(request.id, full_blocks(position_of(slot) - tokens_in_flight(request)), request.holder);
}

// Pass 1 preempts the last of the running requests, whatever it does, but for prompts whose last chunk is on its way
// and whose blocks are needed elsewhere. At most one step is in flight.
void VllmV1LeapReplica::preempt_last() {
  Slot slot = -1;
  const auto last_ending = std::find_if(ending_.rbegin(), ending_.rend(),
                                        [this](Slot ending) { return at(ending).stage != Stage::prefill; });
  for (const Slot last :
       {prefilling_.empty() ? -1 : prefilling_.back(), last_ending == ending_.rend() ? -1 : *last_ending,
        decoding_.empty() ? -1 : decoding_.back()}) {
    if (last >= 0 && (slot < 0 || at(last).admission > at(slot).admission)) slot = last;
  }
  Request& request = at(slot);
  std::int32_t computed = request.num_computed;
  std::int32_t published = computed;  // tokens
  if (request.phase == Phase::prefilling) {
    prefilling_.pop_back();
    prefilling_computed_ -= computed;
  } else {
    const std::int32_t position = position_of(slot);
    const std::int32_t in_flight = tokens_in_flight(request);
    assert(in_flight <= 1);
    computed = published = position - 1;
    if (in_flight > 0) {
      // It published up to what was known when that step was planned.
      Step& step = oldest();
      published -= yields(request, step.index_before, step.last_decode_before);
      --step.num_yielding;
      if (step.index != request.first_yield) step.victims.push_back(slot);
      erase(step.ends, slot);
    }
    request.num_tokens = position - in_flight;
    if (request.phase == Phase::decoding) {
      decoding_.pop_back(live(slot));
      record(slot).execution += decoding_.decode_time(live(slot));
    } else {
      erase(ending_, slot);
      ending_computed_ -= computed;
    }
    erase(publishers_, slot);
  }
  pool_.release(request.id, blocks_of(computed), options_.enable_prefix_caching ? full_blocks(published) : 0, true,
                request.holder);
  request.most_computed = std::max(request.most_computed, computed);
  request.num_computed = request.num_booked = 0;
  request.first_yield = kNeverYet;
  request.phase = Phase::waiting;
  waiting_.push_front(slot);
  waiting_tokens_ += request.num_tokens;
  ++record(slot).num_restarts;
  ++totals_.num_restarts;
  preempted_ = true;
}

// Pass 2.
void VllmV1LeapReplica::admit_waiting(Step& step) {
  continue_received();
  while (budget_ > 0 && !waiting_.empty() && num_running() < options_.max_num_seqs) {
    const Slot slot = waiting_.front();
    Request& request = at(slot);
    if (request.stage == Stage::decode) {
      if (reserve(slot)) continue;
      lacks_memory_ = true;
      return;
    }
    const RunPool::Hits hits = pool_.find(request.id, full_blocks(request.num_tokens - 1));
    const std::int32_t cached = hits.num * options_.block_size;
    const std::int32_t tokens = chunk(request.num_tokens - cached);
    const bool is_kept_out = request.was_admitted && !(held_.empty() && reserved_.empty());
    const std::int32_t reserved = options_.reserve_full_prompt || is_kept_out ? request.num_tokens : cached + tokens;
    if (blocks_of(reserved) - hits.num + hits.num_idle > pool_.num_free()) {
      lacks_memory_ = true;
      return;
    }
    pool_.hold(request.id, hits.num, request.holder);
    pool_.take(blocks_of(cached + tokens) - hits.num);
    waiting_.pop_front();
    waiting_tokens_ -= request.num_tokens;
    request.phase = Phase::prefilling;
    request.admission = ++num_admissions_;
    request.target = request.num_tokens;
    request.num_computed = request.num_booked = cached;
    prefilling_computed_ += cached;
    prefilling_.push_back(slot);
    if (request.was_admitted) {
      totals_.hit_tokens_resumed += cached;
    } else {
      totals_.hit_tokens += cached;
      record(slot).num_cached_tokens = cached;
      request.was_admitted = true;
    }
    step.prefills.push_back({.slot = slot, .num_tokens = tokens});
    publish_prefill(step.prefills.back());
    budget_ -= tokens;
  }
}

// All that run have a place in the step.
void VllmV1LeapReplica::continue_received() {
  while (budget_ > 0 && !received_.empty() && num_running() < options_.max_num_seqs) {
    const Slot slot = received_.front();
    received_.erase(received_.begin());
    Request& request = at(slot);
    request.stage = Stage::whole;
    request.phase = Phase::decoding;
    request.admission = ++num_admissions_;
    request.num_computed = request.num_booked = request.target = request.num_prompt_tokens;
    request.first_yield = 0;  // elsewhere
    request.last_yield = kNeverYet;
    LiveRequest& decode = live(slot);
    decode.processed = request.num_prompt_tokens + 1;
    decode.total_tokens = request.end;
    decode.original_prefill_tokens = request.num_prompt_tokens;
    assert(num_decodes_ == decoding_.size());
    decoding_.insert(decoding_.size(), slot, decode);
    ++num_decodes_;
    pool_.publish(request.id, full_blocks(request.num_tokens), request.holder);
    if (has_to_publish(request)) publishers_.push_back(slot);
    --budget_;
  }
}

// Whether there are blocks for the KV that comes, and for the token after it.
bool VllmV1LeapReplica::reserve(Slot slot) {
  Request& request = at(slot);
  const RunPool::Hits hits = pool_.find(request.id, full_blocks(request.num_tokens - 1));
  const std::int32_t needed = blocks_of(request.num_tokens) - hits.num;
  if (needed + hits.num_idle > pool_.num_free()) return false;
  pool_.hold(request.id, hits.num, request.holder);
  pool_.take(needed);
  waiting_.pop_front();
  reserved_.push_back(slot);
  context_->reservations->push_back(
      {.id = request.id, .num_missing_tokens = request.num_prompt_tokens - hits.num * options_.block_size});
  return true;
}

// Everything about a step whose members are settled.
void VllmV1LeapReplica::compute(Step& step, Time now) {
  const std::int32_t decodes = decoding_.size();
  const std::int64_t running_tokens = decoding_.kv_tokens() - decodes + prefilling_computed_ + ending_computed_;
  step.shape = {};
  step.shape.num_decodes = num_decodes_;
  if (num_decodes_ == decodes) {
    step.shape.decode_kv_tokens = decoding_.kv_tokens();
  } else {
    for (const Slot slot : decoding_.ids().first(static_cast<std::size_t>(num_decodes_))) {
      step.shape.decode_kv_tokens += position_of(slot);
    }
  }
  if (is_uneven_) {
    for (const Slot slot : decoding_.ids().first(static_cast<std::size_t>(num_decodes_))) {
      step.shape.decode_kv_max = std::max<std::int64_t>(step.shape.decode_kv_max, position_of(slot));
    }
  }
  for (const Prefill& prefill : step.prefills) {
    const Request& request = at(prefill.slot);
    cost_->add_prefill(step.shape, request.num_computed, prefill.num_tokens);
    totals_.num_recomputed_tokens +=
        std::max(0, std::min(request.num_computed + prefill.num_tokens, request.most_computed) - request.num_computed);
  }
  const CostModel::Lookup cost = cost_->batch_time(step.shape);
  const Step* before = num_in_flight_ > 0 ? &oldest() : nullptr;
  step.index = ++num_plans_;
  step.index_before = before ? before->index : -1;
  step.last_decode_before = before ? before->last_decode : -1;
  step.last_decode = num_decodes_ > 0 ? at(decoding_.ids()[static_cast<std::size_t>(num_decodes_) - 1]).admission : -1;
  step.num_yielding = num_decodes_;
  step.starts_at = before ? std::max(now, before->ends_at) : now;
  step.duration = cost.time;
  step.extrapolated = cost.extrapolated;
  step.ends_at = checked_end(step.starts_at, cost.time, 1);

  ++totals_.num_batches;
  totals_.num_extrapolated_batches += cost.extrapolated;
  totals_.num_scheduled_tokens += step.shape.prefill_tokens + num_decodes_;
  totals_.peak_blocks = std::max(totals_.peak_blocks, pool_.num_used());
  totals_.busy += cost.time;
  totals_.kv_token_ticks += Int128{running_tokens} * cost.time;

  if (num_decodes_ > 0) {
    decoding_.advance(1, cost.time);
    if (num_decodes_ < decodes) decoding_.hold_back(num_decodes_, live_.data(), cost.time);
    note_last_tokens(step);
  }
  bool some_ended = false;
  for (Prefill& prefill : step.prefills) {
    Request& request = at(prefill.slot);
    Time& scheduled_at = record(prefill.slot).scheduled_at;
    scheduled_at = std::min(scheduled_at, step.starts_at);
    request.num_computed += prefill.num_tokens;
    prefilling_computed_ += prefill.num_tokens;
    prefill.yields = request.num_computed == request.target;
    some_ended |= prefill.yields;
    if (prefill.yields) end_prefill(prefill.slot, step);
  }
  if (some_ended) std::erase_if(prefilling_, [this](Slot slot) { return at(slot).phase != Phase::prefilling; });
  if (!publishers_.empty()) {
    std::erase_if(publishers_, [this](Slot slot) { return !has_to_publish(at(slot)); });
  }
}

bool VllmV1LeapReplica::has_to_publish(const Request& request) const {
  return request.holder.num_linked < std::min(pool_.num_shared(request.id), full_blocks(request.end - 1));
}

// The step computes all that is known of a request's tokens, so it yields the first one to come.
void VllmV1LeapReplica::end_prefill(Slot slot, Step& step) {
  Request& request = at(slot);
  prefilling_computed_ -= request.num_computed;
  request.first_yield = step.index;
  request.last_yield = kNeverYet;
  ++step.num_yielding;
  LiveRequest& decode = live(slot);
  decode.processed = request.target + 1;
  decode.total_tokens = request.end;
  decode.original_prefill_tokens = request.num_prompt_tokens;
  const bool is_last = decode.processed == request.end;
  if (is_last) insert(step.ends, slot);
  if (is_last && request.end_is_foreseen) {
    request.phase = Phase::ending;
    request.last_yield = step.index;
    insert(ending_, slot);
    ending_computed_ += request.num_computed;
  } else {
    request.phase = Phase::decoding;
    const std::int32_t position = num_decodes_before(request.admission);
    if (is_last) ++decode.total_tokens;  // it may be computed in one step more
    decoding_.insert(position, slot, decode);
    if (is_last) decoding_.expect_no_completion(position);
  }
  if (has_to_publish(request)) insert(publishers_, slot);
}

// A list in order of admission.
void VllmV1LeapReplica::insert(std::vector<Slot>& list, Slot slot) {
  const auto later =
      std::find_if(list.begin(), list.end(), [&](Slot other) { return at(other).admission > at(slot).admission; });
  list.insert(later, slot);
}

// The decodes of which the step, the newest, computes the last token.
void VllmV1LeapReplica::note_last_tokens(Step& step) {
  while (decoding_.steps_to_completion() == 0) {
    const Slot slot = decoding_.next_to_complete();
    Request& request = at(slot);
    insert(step.ends, slot);
    if (!request.end_is_foreseen) {
      decoding_.expect_no_completion(num_decodes_before(request.admission));
      continue;
    }
    decoding_.take_completed(live_.data());
    record(slot).execution += decoding_.decode_time(live(slot));
    request.phase = Phase::ending;
    request.last_yield = step.index;
    insert(ending_, slot);
    ending_computed_ += request.end - 1;
  }
}

}  // namespace switchyard
